/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-server.h"

#include "libadit/sys/listening.h"
#include "libadit/sys/notify.h"
#include "tunnel-server/pcp-announce.h"
#include "tunnel-server/pcp-exchange.h"
#include "tunnel-server/pcp-notice.h"
#include "tunnel-server/pcp-rate.h"
#include "tunnel-server/pcp-refusals.h"
#include "tunnel-server/pcp-socket.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define LOOK_MS 1000
#define TURN (2 * ADIT_UDP_BATCH)
#define WISHES 64 /* more at once are not heard: they come again */

/* A packet of this turn and its answer to be. */
typedef struct {
    AditUdpPacket packet;
    AditPcpExchange exchange;
} Pending;

/* Of a device that wants another key, a change of the model, or to know what has passed, which
 * costs a look into the kernel: no turn may carry that out. */
typedef struct {
    gint64 device;
    AditSockAddr peer;
    AditAddr local;
    AditAskReply reply;
} Wish;

struct _AditPcpServer {
    AditLeases *leases;
    AditPcpSite *site; /* NULL: down */
    const AditServerSettings *rules;
    AditPcpSockets *sockets;
    AditPcpRate *rate;
    AditPcpAnnounce *announce;
    AditPcpRefusals *refusals;
    AditPcpNotice *notice;
    guint tick, announce_timer, notice_timer, wish_idle;
    GArray *wishes;     /* Wish */
    GHashTable *askers; /* gint64: devices that speak beside ports */
    AditPcpRekey rekey;
    gpointer rekey_data;
    AditPcpWitness witness;
    gpointer witness_data;
    guint told;       /* generation of the sockets that was announced */
    gint64 looked_ms; /* at who listens on this machine */
    guint n_pending;
    Pending pending[TURN];
};

static AditPcpDesk
desk_now(AditPcpServer *self)
{
    const gint64 now_ms = adit_leases_now();
    const AditPcpDesk desk = { .rules = self->rules,
                               .site = self->site,
                               .table = adit_leases_table(self->leases),
                               .now_ms = now_ms,
                               .epoch = adit_leases_epoch(self->leases, now_ms),
                               .dice = g_random_int(),
                               .wall_s = g_get_real_time() / G_USEC_PER_SEC };

    return desk;
}

/* -- a turn of the main loop: all that has arrived, one transaction, all answers -- */

/* Cryptokey routing makes the source address the identity. Others, networks behind a device
 * among them, and those who ask at another door, are not heard. */
static const AditPcpHost *
heard(AditPcpServer *self, const AditUdpPacket *packet, gint64 now_ms)
{
    const AditPcpHost *host = adit_pcp_site_host(self->site, &packet->peer.addr);

    if (!host || adit_addr_cmp(&packet->local, &host->server) != 0 ||
        !adit_pcp_rate_take(self->rate, host->device, now_ms, (guint)self->rules->rate,
                            (guint)self->rules->burst))
        return NULL;
    return host;
}

static void
note_refusal(AditPcpServer *self, const AditPcpHost *host, const AditPcpRefusal *refusal,
             gint64 now_ms)
{
    g_autofree char *sentence =
        refusal->holder ? adit_pcp_refusals_note(self->refusals, host, refusal, now_ms) : NULL;

    if (sentence)
        adit_journal(LOG_NOTICE, sentence, "ADIT_DEVICE", host->name, NULL);
}

static void
send_unasked(AditPcpServer *self, guint8 family, AditUdpPacket *packets, guint n)
{
    AditUdp *udp = adit_pcp_sockets_get(self->sockets, family);

    if (udp && n > 0)
        adit_udp_send(udp, packets, n); /* nobody there: the next round tries again */
}

/* -- wishes: between two turns, for the site is another one afterwards -- */

static void
change_key(AditPcpServer *self, const Wish *one, AditAskReply *reply)
{
    reply->result = ADIT_PCP_NOT_AUTHORIZED;
    if (self->rekey)
        reply->result =
            (guint8)self->rekey(one->device, &reply->key, &reply->lifetime, self->rekey_data);
    if (reply->result != ADIT_PCP_SUCCESS)
        reply->lifetime = adit_pcp_error_lifetime(reply->result);
}

static void
grant(AditPcpServer *self, Wish *one)
{
    AditAskReply *reply = &one->reply;
    guint8 bytes[ADIT_PCP_MAX];
    AditUdpPacket packet = { .peer = one->peer, .local = one->local, .bytes = bytes };

    if (reply->kind == ADIT_ASK_ROTATE)
        change_key(self, one, reply);
    else if (self->witness)
        self->witness(&reply->port, self->witness_data);
    reply->epoch = adit_leases_epoch(self->leases, adit_leases_now());
    packet.len = adit_ask_reply_encode(reply, bytes);
    if (self->sockets)
        send_unasked(self, one->peer.addr.family, &packet, 1);
}

static gboolean
on_wishes(gpointer data)
{
    AditPcpServer *self = data;
    g_autoptr(GArray) wishes = g_steal_pointer(&self->wishes);

    self->wish_idle = 0;
    self->wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
    for (guint i = 0; i < wishes->len; i++)
        grant(self, &g_array_index(wishes, Wish, i));
    return G_SOURCE_REMOVE;
}

static void
wish(AditPcpServer *self, const AditPcpHost *host, const AditUdpPacket *packet,
     const AditAskReply *reply)
{
    const Wish one = { host->device, packet->peer, packet->local, *reply };

    if (self->wishes->len >= WISHES)
        return;
    g_array_append_val(self->wishes, one);
    if (self->wish_idle == 0)
        self->wish_idle = g_idle_add(on_wishes, self);
}

static void
note_ask(AditPcpServer *self, const AditPcpHost *host, const AditAskReply *reply)
{
    if (reply->kind == ADIT_ASK_ADDRESS)
        adit_pcp_notice_asked(self->notice, &host->addr, reply->nonce);
    if (!g_hash_table_contains(self->askers, &host->device))
        g_hash_table_add(self->askers, g_memdup2(&host->device, sizeof(host->device)));
}

static void
note_heard(AditPcpServer *self, const AditPcpHost *host, const AditPcpExchange *exchange)
{
    adit_pcp_announce_heard(self->announce, &host->addr);
    if (exchange->is_ask)
        note_ask(self, host, &exchange->ask);
    else if (host->addr.family == AF_INET6) /* questions come by IPv4 */
        adit_pcp_notice_heard(self->notice, &host->addr);
}

static void
take_packets(AditPcpServer *self, guint8 family, AditPcpDesk *desk)
{
    AditUdpPacket packets[ADIT_UDP_BATCH];
    AditUdp *udp = adit_pcp_sockets_get(self->sockets, family);
    g_autoptr(GError) error = NULL;
    int n = udp ? adit_udp_receive(udp, packets, ADIT_UDP_BATCH, &error) : 0;

    if (n < 0)
        g_debug("PCP: %s", error->message);
    for (int i = 0; i < n; i++) {
        Pending *pending = &self->pending[self->n_pending];
        const AditPcpHost *host = heard(self, &packets[i], desk->now_ms);

        if (!host || !adit_pcp_exchange_begin(desk, host, packets[i].bytes, packets[i].len,
                                              &pending->exchange))
            continue;
        note_refusal(self, host, &pending->exchange.refusal, desk->now_ms);
        note_heard(self, host, &pending->exchange);
        if (pending->exchange.is_change) {
            wish(self, host, &packets[i], &pending->exchange.ask);
            continue;
        }
        desk->dice = desk->dice * 1664525 + 1013904223;
        pending->packet = packets[i];
        self->n_pending++;
    }
}

static gboolean
is_lost(const GArray *lost, const AditPcpExchange *exchange)
{
    for (guint i = 0; i < lost->len; i++) {
        const AditSockAddr *at = &g_array_index(lost, AditSockAddr, i);

        if (adit_addr_cmp(&at->addr, &exchange->external.addr) == 0 &&
            at->port >= exchange->external.port &&
            at->port - exchange->external.port < exchange->size)
            return TRUE;
    }
    return FALSE;
}

static void
commit(AditPcpServer *self, gint64 now_ms)
{
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));
    g_autoptr(GError) error = NULL;
    if (adit_leases_commit(self->leases, self->site, now_ms, lost, &error))
        return;
    g_warning("leases: %s", error->message);
    for (guint i = 0; i < self->n_pending; i++)
        if (is_lost(lost, &self->pending[i].exchange))
            adit_pcp_exchange_fail(&self->pending[i].exchange);
}

static void
send_answers(AditPcpServer *self, guint8 family)
{
    AditUdpPacket packets[ADIT_UDP_BATCH];
    AditUdp *udp = adit_pcp_sockets_get(self->sockets, family);
    guint n = 0;

    for (guint i = 0; i < self->n_pending; i++) {
        Pending *pending = &self->pending[i];

        if (pending->packet.peer.addr.family != family)
            continue;
        pending->packet.len = adit_pcp_exchange_end(&pending->exchange);
        pending->packet.bytes = pending->exchange.bytes;
        packets[n++] = pending->packet;
    }
    if (udp && n > 0)
        adit_udp_send(udp, packets, n);
}

/* What listens on this machine is nobody's to open. Looked at once a second while somebody
 * asks: for each request it would cost more than the request. */
static void
look_at_listening(AditPcpServer *self, gint64 now_ms)
{
    g_autoptr(GArray) listening = NULL;
    g_autoptr(GError) error = NULL;

    if (now_ms - self->looked_ms < LOOK_MS)
        return;
    self->looked_ms = now_ms;
    listening = adit_listening_dump(&error);
    if (!listening) {
        g_debug("PCP: %s", error->message);
        return;
    }
    adit_pcp_site_set_listening(self->site,
                                (const AditListening *)(gconstpointer)listening->data,
                                listening->len, if_nametoindex(adit_pcp_site_wan(self->site)));
}

static void
on_packets(gpointer data)
{
    AditPcpServer *self = data;
    AditPcpDesk desk;

    if (!self->site)
        return;
    desk = desk_now(self);
    look_at_listening(self, desk.now_ms);
    self->n_pending = 0;
    take_packets(self, AF_INET, &desk);
    take_packets(self, AF_INET6, &desk);
    commit(self, desk.now_ms);
    send_answers(self, AF_INET);
    send_answers(self, AF_INET6);
    self->n_pending = 0;
}

/* -- unasked -- */

static gsize
encode_notice(AditPcpServer *self, guint8 ret[ADIT_PCP_MAX])
{
    const AditAskReply reply = { .kind = ADIT_ASK_NOTICE,
                                 .epoch = adit_leases_epoch(self->leases, adit_leases_now()) };

    return adit_ask_reply_encode(&reply, ret);
}

static gsize
encode_announce(AditPcpServer *self, guint8 ret[ADIT_PCP_MAX])
{
    const AditPcpReply reply = { .version = ADIT_PCP_VERSION,
                                 .opcode = ADIT_PCP_ANNOUNCE,
                                 .epoch = adit_leases_epoch(self->leases, adit_leases_now()) };

    return adit_pcp_reply_encode(&reply, ret);
}

static void
tell_all(AditPcpServer *self, const AditPcpTarget *targets, guint n, const guint8 *bytes,
         gsize len)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        AditUdpPacket packets[ADIT_UDP_BATCH];
        guint some = 0;

        for (guint i = 0; i < n; i++)
            if (targets[i].peer.family == families[f])
                packets[some++] = (AditUdpPacket){
                    .peer = { targets[i].peer, ADIT_PCP_CLIENT_PORT },
                    .local = targets[i].server,
                    .bytes = bytes,
                    .len = len,
                };
        send_unasked(self, families[f], packets, some);
    }
}

static gboolean
on_announce(gpointer data)
{
    AditPcpServer *self = data;
    AditPcpTarget targets[ADIT_UDP_BATCH];
    guint8 bytes[ADIT_PCP_MAX];
    const gint64 now_ms = adit_leases_now();
    const guint n =
        adit_pcp_announce_next(self->announce, now_ms, targets, G_N_ELEMENTS(targets));
    const gint64 at = adit_pcp_announce_deadline(self->announce);

    if (self->sockets)
        tell_all(self, targets, n, bytes, encode_announce(self, bytes));
    self->announce_timer =
        at == G_MAXINT64 ? 0 : g_timeout_add((guint)MAX(at - now_ms, 1), on_announce, self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_notice(gpointer data)
{
    AditPcpServer *self = data;
    AditPcpTarget targets[ADIT_UDP_BATCH];
    guint8 bytes[ADIT_PCP_MAX];
    const gint64 now_ms = adit_leases_now();
    const guint n = adit_pcp_notice_next(self->notice, now_ms, targets, G_N_ELEMENTS(targets));
    const gint64 at = adit_pcp_notice_deadline(self->notice);

    if (self->sockets && n > 0) {
        g_debug("PCP: %u devices told that there is news", n);
        tell_all(self, targets, n, bytes, encode_notice(self, bytes));
    }
    self->notice_timer =
        at == G_MAXINT64 ? 0 : g_timeout_add((guint)MAX(at - now_ms, 1), on_notice, self);
    return G_SOURCE_REMOVE;
}

/* Devices of which something has changed. */
static void
begin_notice(AditPcpServer *self, const AditPcpSite *before)
{
    if (!before ||
        !adit_pcp_notice_compare(self->notice, before, self->site, adit_leases_now()))
        return;
    g_clear_handle_id(&self->notice_timer, g_source_remove);
    self->notice_timer = g_timeout_add(1, on_notice, self);
}

/* Everybody shall know of this epoch. */
static void
begin_announce(AditPcpServer *self)
{
    const guint n = adit_pcp_site_n_hosts(self->site);
    g_autofree AditPcpTarget *targets = g_new0(AditPcpTarget, n);

    for (guint i = 0; i < n; i++) {
        const AditPcpHost *host = adit_pcp_site_nth_host(self->site, i);

        targets[i] = (AditPcpTarget){ host->addr, host->server };
    }
    adit_pcp_announce_begin(self->announce, targets, n, adit_leases_now());
    if (self->announce_timer == 0)
        self->announce_timer = g_timeout_add(1, on_announce, self);
}

/* Another outside address is no refusal: there it is to be had at once. */
static AditPcpResult
why_ended(const AditPcpHost *host, const AditLease *lease)
{
    return adit_addr_cmp(&host->external, &lease->ends.external) != 0 ? ADIT_PCP_NETWORK_FAILURE
                                                                      : ADIT_PCP_NOT_AUTHORIZED;
}

/* RFC 6887 section 14.2: a mapping that ended, or is on again, without its device's doing. */
static void
tell_change(const AditLeaseChange *change, gpointer data)
{
    AditPcpServer *self = data;
    const AditLease *lease = change->lease ? change->lease : change->before;
    const gint64 now_ms = adit_leases_now();
    const gboolean on = change->lease && adit_lease_is_on(lease);
    const AditPcpHost *host =
        self->site && lease ? adit_pcp_site_host(self->site, &lease->ends.internal) : NULL;
    AditPcpReply reply = { .version = ADIT_PCP_VERSION, .opcode = ADIT_PCP_MAP };
    guint8 bytes[ADIT_PCP_MAX];
    AditUdpPacket packet = { .bytes = bytes };

    if (!host || !self->sockets)
        return;
    reply.epoch = adit_leases_epoch(self->leases, now_ms);
    reply.result = on ? ADIT_PCP_SUCCESS : (guint8)why_ended(host, lease);
    reply.lifetime =
        on ? adit_lease_left(lease, now_ms) : adit_pcp_error_lifetime(reply.result);
    memcpy(reply.body.nonce, lease->nonce, ADIT_PCP_NONCE);
    reply.body.protocol = lease->ends.proto;
    reply.body.internal_port = lease->ends.internal_port;
    reply.body.external_port = lease->ends.external_port;
    reply.body.external = host->reported;
    packet.peer = (AditSockAddr){ host->addr, ADIT_PCP_CLIENT_PORT };
    packet.local = host->server;
    packet.len = adit_pcp_reply_encode(&reply, bytes);
    send_unasked(self, host->addr.family, &packet, 1);
}

/* -- life -- */

static gboolean
on_tick(gpointer data)
{
    AditPcpServer *self = data;

    if (self->site)
        adit_leases_tick(self->leases, self->site, self->rules->recycle * 1000);
    return G_SOURCE_CONTINUE;
}

AditPcpServer *
adit_pcp_server_new(AditNftDev *nft, const char *path)
{
    AditPcpServer *self = g_new0(AditPcpServer, 1);

    self->leases = adit_leases_new(nft, path);
    self->rate = adit_pcp_rate_new();
    self->announce = adit_pcp_announce_new();
    self->refusals = adit_pcp_refusals_new();
    self->notice = adit_pcp_notice_new();
    self->wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
    self->askers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    self->tick = g_timeout_add_seconds(1, on_tick, self);
    adit_leases_set_teller(self->leases, tell_change, self);
    return self;
}

void
adit_pcp_server_free(AditPcpServer *self)
{
    if (!self)
        return;
    adit_pcp_server_down(self);
    g_clear_handle_id(&self->tick, g_source_remove);
    g_clear_pointer(&self->leases, adit_leases_free);
    g_clear_pointer(&self->rate, adit_pcp_rate_free);
    g_clear_pointer(&self->announce, adit_pcp_announce_free);
    g_clear_pointer(&self->refusals, adit_pcp_refusals_free);
    g_clear_pointer(&self->notice, adit_pcp_notice_free);
    g_array_unref(self->wishes);
    g_hash_table_unref(self->askers);
    g_free(self);
}

void
adit_pcp_server_set_rules(AditPcpServer *self, const AditServerSettings *settings)
{
    self->rules = settings;
    adit_pcp_rate_forget(self->rate);
}

static void
place_sockets(AditPcpServer *self)
{
    if (!self->rules->pcp)
        g_clear_pointer(&self->sockets, adit_pcp_sockets_free);
    else if (!self->sockets)
        self->sockets = adit_pcp_sockets_new(ADIT_SERVER_LINK, on_packets, self);
    if (self->sockets)
        adit_pcp_sockets_check(self->sockets);
}

void
adit_pcp_server_adopt(AditPcpServer *self, AditPcpSite *site)
{
    AditPcpSite *before = self->site;
    guint generation = 0;

    self->site = site;
    self->looked_ms = 0;
    place_sockets(self);
    if (self->sockets)
        generation = adit_pcp_sockets_generation(self->sockets);
    if (adit_leases_adopt(self->leases, before, site) || generation != self->told)
        begin_announce(self);
    self->told = generation;
    begin_notice(self, before);
    adit_pcp_site_free(before);
}

void
adit_pcp_server_down(AditPcpServer *self)
{
    g_clear_handle_id(&self->announce_timer, g_source_remove);
    g_clear_handle_id(&self->notice_timer, g_source_remove);
    g_clear_handle_id(&self->wish_idle, g_source_remove);
    g_array_set_size(self->wishes, 0);
    g_clear_pointer(&self->sockets, adit_pcp_sockets_free);
    g_clear_pointer(&self->site, adit_pcp_site_free);
    self->told = 0;
    adit_leases_down(self->leases);
}

AditLeases *
adit_pcp_server_leases(AditPcpServer *self)
{
    return self->leases;
}

const AditPcpSite *
adit_pcp_server_site(const AditPcpServer *self)
{
    return self->site;
}

void
adit_pcp_server_set_rekey(AditPcpServer *self, AditPcpRekey rekey, gpointer data)
{
    self->rekey = rekey;
    self->rekey_data = data;
}

gboolean
adit_pcp_server_has_asked(const AditPcpServer *self, gint64 device)
{
    return g_hash_table_contains(self->askers, &device);
}

void
adit_pcp_server_set_witness(AditPcpServer *self, AditPcpWitness witness, gpointer data)
{
    self->witness = witness;
    self->witness_data = data;
}

void
adit_pcp_server_refusals(const AditPcpServer *self, GPtrArray *ret)
{
    adit_pcp_refusals_list(self->refusals, adit_leases_now(), ret);
}
