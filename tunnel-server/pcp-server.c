/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-server.h"

#include "tunnel-server/lease-kernel.h"
#include "tunnel-server/pcp-exchange.h"
#include "tunnel-server/pcp-rate.h"
#include "tunnel-server/pcp-socket.h"

#include <sys/socket.h>
#include <time.h>

#define TURN (2 * ADIT_UDP_BATCH)

/* A packet of this turn and its answer to be. */
typedef struct {
    AditUdpPacket packet;
    AditPcpExchange exchange;
} Pending;

struct _AditPcpServer {
    AditNftDev *nft;
    AditLeaseTable *table;
    AditPcpSite *site; /* NULL: down */
    const AditServerSettings *rules;
    AditPcpSockets *sockets;
    AditPcpRate *rate;
    gint64 epoch_ms; /* when it was 0 */
    guint tick;
    void (*watch)(gpointer data);
    gpointer watch_data;
    guint n_pending;
    Pending pending[TURN];
};

static gint64
boot_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (gint64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static AditPcpDesk
desk_now(AditPcpServer *self)
{
    const gint64 now_ms = boot_ms();
    const AditPcpDesk desk = { .rules = self->rules,
                               .site = self->site,
                               .table = self->table,
                               .now_ms = now_ms,
                               .epoch = (guint32)((now_ms - self->epoch_ms) / 1000),
                               .dice = g_random_int() };

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
        desk->dice = desk->dice * 1664525 + 1013904223;
        pending->packet = packets[i];
        self->n_pending++;
    }
}

static gboolean
is_lost(const GArray *lost, const AditSockAddr *external)
{
    for (guint i = 0; i < lost->len; i++)
        if (adit_sockaddr_cmp(&g_array_index(lost, AditSockAddr, i), external) == 0)
            return TRUE;
    return FALSE;
}

static void
commit(AditPcpServer *self, gint64 now_ms)
{
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));
    g_autoptr(GError) error = NULL;
    guint n_changes;

    adit_lease_changes(self->table, &n_changes);
    if (n_changes > 0 && self->watch)
        self->watch(self->watch_data);
    if (adit_lease_commit(self->table, self->site, self->nft, now_ms, lost, &error))
        return;
    g_warning("leases: %s", error->message);
    for (guint i = 0; i < self->n_pending; i++)
        if (is_lost(lost, &self->pending[i].exchange.external))
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

static void
on_packets(gpointer data)
{
    AditPcpServer *self = data;
    AditPcpDesk desk;

    if (!self->site)
        return;
    desk = desk_now(self);
    self->n_pending = 0;
    take_packets(self, AF_INET, &desk);
    take_packets(self, AF_INET6, &desk);
    commit(self, desk.now_ms);
    send_answers(self, AF_INET);
    send_answers(self, AF_INET6);
    self->n_pending = 0;
}

/* -- time -- */

#define EXPIRE_MAX 1024 /* of one turn; the rest is a moment later */

static gboolean
on_tick(gpointer data)
{
    AditPcpServer *self = data;
    const gint64 now_ms = boot_ms();
    const AditLease *lease;

    if (!self->site)
        return G_SOURCE_CONTINUE;
    for (guint n = 0; n < EXPIRE_MAX && (lease = adit_lease_first_to_end(self->table)) &&
                      lease->expires_ms + ADIT_LEASE_GRACE_MS <= now_ms;
         n++)
        adit_lease_remove(self->table, lease, now_ms, self->rules->recycle * 1000);
    commit(self, now_ms);
    return G_SOURCE_CONTINUE;
}

AditPcpServer *
adit_pcp_server_new(AditNftDev *nft)
{
    AditPcpServer *self = g_new0(AditPcpServer, 1);

    self->nft = nft;
    self->table = adit_lease_table_new();
    self->rate = adit_pcp_rate_new();
    self->epoch_ms = boot_ms();
    self->tick = g_timeout_add_seconds(1, on_tick, self);
    return self;
}

void
adit_pcp_server_free(AditPcpServer *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->tick, g_source_remove);
    g_clear_pointer(&self->sockets, adit_pcp_sockets_free);
    g_clear_pointer(&self->table, adit_lease_table_free);
    g_clear_pointer(&self->site, adit_pcp_site_free);
    g_clear_pointer(&self->rate, adit_pcp_rate_free);
    g_free(self);
}

gboolean
adit_pcp_server_restore(AditPcpServer *self, const AditPcpSite *site, GError **error)
{
    g_autoptr(AditState) have = adit_state_new();
    gboolean intact;

    if (!adit_nftdev_dump(self->nft, have, &intact, error))
        return FALSE;
    adit_state_seal(have);
    adit_lease_table_free(self->table);
    self->table = adit_lease_table_new();
    adit_lease_restore(self->table, have, site, boot_ms());
    return TRUE;
}

typedef struct {
    AditPcpServer *self;
    const AditPcpSite *site;
    AditState *want;
    gint64 now_ms;
} Visit;

static void
plan_one(const AditLease *lease, gpointer data)
{
    const Visit *visit = data;

    if (adit_lease_fits(lease, visit->site))
        adit_lease_plan(lease, visit->site, visit->now_ms, ADIT_LEASE_AS_GRANTED, visit->want);
}

void
adit_pcp_server_plan(AditPcpServer *self, const AditPcpSite *site, AditState *want)
{
    Visit visit = { self, site, want, boot_ms() };

    adit_lease_foreach(self->table, plan_one, &visit);
}

static void
revoke_unfit(const AditLease *lease, gpointer data)
{
    const Visit *visit = data;

    if (!adit_lease_fits(lease, visit->site))
        adit_lease_remove(visit->self->table, lease, visit->now_ms, 0);
}

void
adit_pcp_server_set_rules(AditPcpServer *self, const AditServerSettings *settings)
{
    self->rules = settings;
    adit_pcp_rate_forget(self->rate);
}

void
adit_pcp_server_adopt(AditPcpServer *self, AditPcpSite *site)
{
    Visit visit = { .self = self, .site = site, .now_ms = boot_ms() };

    adit_lease_foreach(self->table, revoke_unfit, &visit);
    adit_lease_settle(self->table); /* the kernel has them no more: see _plan() */
    g_clear_pointer(&self->site, adit_pcp_site_free);
    self->site = site;
    if (!self->rules->pcp)
        g_clear_pointer(&self->sockets, adit_pcp_sockets_free);
    else if (!self->sockets)
        self->sockets = adit_pcp_sockets_new(ADIT_SERVER_LINK, on_packets, self);
    if (self->sockets)
        adit_pcp_sockets_check(self->sockets);
}

void
adit_pcp_server_down(AditPcpServer *self)
{
    g_clear_pointer(&self->sockets, adit_pcp_sockets_free);
    g_clear_pointer(&self->site, adit_pcp_site_free);
    g_clear_pointer(&self->table, adit_lease_table_free);
    self->table = adit_lease_table_new();
}

void
adit_pcp_server_watch(AditPcpServer *self, void (*func)(gpointer data), gpointer data)
{
    self->watch = func;
    self->watch_data = data;
}

const AditLeaseTable *
adit_pcp_server_leases(const AditPcpServer *self)
{
    return self->table;
}
