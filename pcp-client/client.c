/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/client.h"

#include "libadit/core/error.h"
#include "pcp-client/port.h"
#include "pcp-client/record.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

/* A turn of dispatch: what changed, what arrived, what is due; then the record, then the
 * packets, so that no nonce is on the wire before it is on the disk. */

#define RETELL_FIRST_MS 5000 /* to a server that did not hear of a withdrawal */
#define RETELL_LONGEST_MS 60000
#define READS 4 /* batches a socket a turn: the rest keeps the descriptor readable */

struct _AditClient {
    AditPool *pool;
    AditPort *port;
    AditRecord *record;
    GArray *servers;    /* AditAddr, in order */
    guint turn;         /* whose it is */
    GPtrArray *orphans; /* mappings being swept: nobody knows them */
    GQueue events;      /* AditPoolNews */
    AditMapping *gone;  /* its DELETED was read */
    gint64 turn_at;     /* the last dispatch */
    gint64 no_way_at;   /* the end of the grace; ADIT_NEVER: there is a way */
    gboolean lost;      /* ... and it is over */
    gboolean sweeping;  /* what is unclaimed in the record is nobody's */
    gboolean draining;
    gint64 retell_at; /* what was withdrawn in vain; ADIT_NEVER */
    gint64 retell_pause;
    AditClientCounts counts;
};

gint64
adit_client_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * G_GINT64_CONSTANT(1000) + now.tv_nsec / 1000000;
}

static guint32
dice(void)
{
    guint32 ret;

    randombytes_buf(&ret, sizeof(ret));
    return ret;
}

gint64
adit_client_deadline(const AditClient *client)
{
    gint64 deadline = adit_pool_deadline(client->pool);

    if (!client->lost)
        deadline = MIN(deadline, client->no_way_at);
    deadline = MIN(deadline, client->retell_at);
    return MIN(deadline, adit_record_deadline(client->record));
}

static void
arm(AditClient *client)
{
    adit_port_set_timer(client->port, adit_client_deadline(client));
}

static void
bury(AditClient *client)
{
    AditMapping *gone = g_steal_pointer(&client->gone);

    if (gone)
        adit_pool_remove(client->pool, gone);
}

/* One that is idle is over; its owner may only not have heard of it. */
static AditMapping *
find(const AditClient *client, const AditWish *wish)
{
    for (guint i = 0; i < adit_pool_count(client->pool); i++) {
        AditMapping *m = adit_pool_get(client->pool, i);

        if (m->state != ADIT_MAPPING_IDLE && m->wish.protocol == wish->protocol &&
            m->wish.internal_port == wish->internal_port && !m->wish.shares == !wish->shares)
            return m;
    }
    return NULL;
}

static gboolean
has_address(const AditClient *client)
{
    return adit_addr_is_set(adit_pool_get_client(client->pool));
}

/* Deletes what we only know by name. A second mapping of a port cannot be deleted without
 * danger to the first (mapping.h): it ends with its lease. */
static void
sweep_one(AditClient *client, const AditSavedMapping *saved, gint64 now)
{
    const AditWish wish = {
        .protocol = saved->protocol,
        .internal_port = saved->internal_port,
    };
    AditMapping *mapping;

    if (saved->shares || find(client, &wish))
        return;
    mapping = adit_pool_add(client->pool, &wish, NULL, saved->nonce);
    mapping->reached = TRUE; /* if never granted, it may have been unheard by us */
    g_ptr_array_add(client->orphans, mapping);
    adit_pool_start(client->pool, mapping, now, NULL);
    adit_pool_stop(client->pool, mapping, now);
}

/* What cannot be told now is told when there is a way again; but a drain does not wait for it.
 * Until the owner calls for a sweep that is only what was withdrawn here. */
static void
sweep_all(AditClient *client, gint64 now)
{
    AditSavedMapping saved;

    client->retell_at = ADIT_NEVER;
    if (adit_record_count(client->record) == 0 || (!has_address(client) && !client->draining))
        return;
    while (adit_record_claim_next(client->record, !client->sweeping, &saved))
        sweep_one(client, &saved, now);
    adit_record_touch(client->record);
}

/* With the next dispatch, so that whoever has just opened a state file can add first. */
static void
retell(AditClient *client, gint64 now)
{
    client->retell_pause = 0;
    if (adit_record_count(client->record) > 0)
        client->retell_at = now;
}

/* The way is there, or it is not: what that means to the mappings. */
static void
settle(AditClient *client, gint64 now)
{
    AditAddr own = adit_port_get_own(client->port), none = { 0 };

    if (adit_addr_is_set(&own)) {
        client->counts.ways++;
        client->no_way_at = ADIT_NEVER;
        client->lost = FALSE;
        adit_pool_move(client->pool, &own, now, dice());
        adit_pool_wake(client->pool, now);
        retell(client, now);
    } else if (client->no_way_at == ADIT_NEVER) {
        client->no_way_at = now + ADIT_CLIENT_GRACE_MS;
        g_debug("pcp: no way to the server: %s", adit_client_get_error(client)->message);
    } else if (client->no_way_at <= now && !client->lost) {
        client->lost = TRUE;
        adit_pool_move(client->pool, &none, now, dice());
    }
}

static void
look(AditClient *client, gint64 now)
{
    if (adit_port_look(client->port))
        settle(client, now);
}

/* RFC 7488: the next of several servers, the first after the last. */
static void
try_next(AditClient *client, gint64 now)
{
    const AditAddr *next;

    if (client->servers->len < 2 || !adit_pool_is_deaf(client->pool, now))
        return;
    client->turn = (client->turn + 1) % client->servers->len;
    next = &g_array_index(client->servers, AditAddr, client->turn);
    adit_pool_turn(client->pool, next, now, dice());
    adit_port_set_server(client->port, next);
    look(client, now);
}

AditClient *
adit_client_new(const AditClientConfig *config, gint64 now, GError **error)
{
    const AditPortConfig way = { config->device, config->server, config->own };
    const AditAddr none = { 0 };
    g_autoptr(AditPort) port = NULL;
    AditClient *client;

    if (sodium_init() < 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL, "pcp: no source of randomness");
        return NULL;
    }
    port = adit_port_open(&way, error);
    if (!port)
        return NULL;

    client = g_new0(AditClient, 1);
    client->port = g_steal_pointer(&port);
    client->pool = adit_pool_new(&config->server, &none);
    client->record = adit_record_open(config->state, &config->server);
    client->servers = g_array_new(FALSE, FALSE, sizeof(AditAddr));
    g_array_append_val(client->servers, config->server);
    if (config->n_others > 0)
        g_array_append_vals(client->servers, config->others, config->n_others);
    client->orphans = g_ptr_array_new();
    client->no_way_at = client->retell_at = ADIT_NEVER;
    client->turn_at = now;
    g_queue_init(&client->events);
    look(client, now);
    arm(client);
    return client;
}

/* TRUE: it is one that is swept, and nobody's business. */
static gboolean
is_orphan(AditClient *client, const AditPoolNews *news)
{
    if (!g_ptr_array_find(client->orphans, news->mapping, NULL))
        return FALSE;
    if (news->what == ADIT_MAPPING_NEWS_DELETED) {
        g_ptr_array_remove_fast(client->orphans, news->mapping);
        adit_pool_remove(client->pool, news->mapping);
    }
    return TRUE;
}

/* The server holds it still, and nobody else could take it away: it is told again. */
static void
leave(AditClient *client, const AditMapping *mapping, gint64 now)
{
    adit_record_leave(client->record, mapping, now);
    if (client->retell_at != ADIT_NEVER || !has_address(client))
        return;
    client->retell_pause = client->retell_pause == 0
                               ? RETELL_FIRST_MS
                               : MIN(client->retell_pause * 2, RETELL_LONGEST_MS);
    client->retell_at = now + client->retell_pause;
}

static void
collect(AditClient *client, gint64 now)
{
    AditPoolNews news;

    while (adit_pool_pop_news(client->pool, &news)) {
        if (news.what == ADIT_MAPPING_NEWS_DELETED && news.mapping->untold && !client->draining)
            leave(client, news.mapping, now);
        adit_record_note(client->record, news.what, now);
        if (!is_orphan(client, &news))
            g_queue_push_tail(&client->events, g_memdup2(&news, sizeof(news)));
    }
    if (adit_client_is_drained(client))
        adit_record_hurry(client->record);
}

void
adit_client_free(AditClient *client)
{
    if (!client)
        return;
    collect(client, client->turn_at);
    adit_record_hurry(client->record);
    adit_record_write(client->record, client->pool, client->turn_at);
    g_ptr_array_unref(client->orphans);
    g_array_unref(client->servers);
    g_queue_clear_full(&client->events, g_free);
    adit_record_free(client->record);
    adit_pool_free(client->pool);
    adit_port_close(client->port);
    g_free(client);
}

int
adit_client_get_fd(const AditClient *client)
{
    return adit_port_get_fd(client->port);
}

/* One that is on its way out is taken up again, otherwise it is made, with the nonce it had. */
static AditMapping *
take_up(AditClient *client, const AditWish *wish, const AditPcpOptions *options, gint64 now)
{
    AditMapping *mapping = find(client, wish);
    AditSavedMapping saved;
    guint8 nonce[ADIT_PCP_NONCE];

    randombytes_buf(nonce, sizeof(nonce));
    if (mapping) {
        g_ptr_array_remove_fast(client->orphans, mapping);
        g_free(mapping->options);
        mapping->options = options ? g_memdup2(options, sizeof(*options)) : NULL;
        mapping->wish = *wish;
        adit_pool_start(client->pool, mapping, now, nonce);
        return mapping;
    }
    mapping = adit_pool_add(client->pool, wish, options, nonce);
    if (adit_record_claim(client->record, wish, &saved))
        adit_saved_give(&saved, mapping);
    adit_pool_start(client->pool, mapping, now, NULL);
    return mapping;
}

static gboolean
fits(const AditWish *wish, const AditPcpOptions *options)
{
    AditPcpRequest request = { .opcode = ADIT_PCP_MAP };
    guint8 bytes[ADIT_PCP_MAX];

    if (options)
        request.options = *options;
    if (wish->exact)
        request.options.has |= ADIT_PCP_HAS_PREFER_FAILURE;
    return adit_pcp_request_encode(&request, bytes) > 0;
}

static gboolean
check(AditClient *client, const AditWish *wish, const AditPcpOptions *options, GError **error)
{
    const AditMapping *mapping = find(client, wish);

    if (wish->protocol == 0 || wish->internal_port == 0 || wish->lifetime == 0)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "pcp: protocol %u port %u: a mapping needs a protocol, a port and a time",
                    wish->protocol, wish->internal_port);
    else if (!fits(wish, options))
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "pcp: port %u: options: too long for a message", wish->internal_port);
    else if (mapping && mapping->wanted)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                    "pcp: protocol %u port %u: asked for already", wish->protocol,
                    wish->internal_port);
    else if (!mapping && adit_pool_count(client->pool) + adit_record_count(client->record) >=
                             ADIT_SAVED_MAX)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "pcp: port %u: %d mappings are enough",
                    wish->internal_port, ADIT_SAVED_MAX);
    else
        return TRUE;
    return FALSE;
}

const AditMapping *
adit_client_add(AditClient *client, const AditWish *wish, const AditPcpOptions *options,
                gint64 now, GError **error)
{
    AditMapping *mapping;

    if (!check(client, wish, options, error))
        return NULL;
    mapping = take_up(client, wish, options, now);
    adit_record_touch(client->record);
    arm(client);
    return mapping;
}

void
adit_client_drop(AditClient *client, const AditMapping *mapping, gint64 now)
{
    adit_pool_stop(client->pool, (AditMapping *)mapping, now);
    collect(client, now); /* with no way its nonce is kept from here on */
    arm(client);
}

void
adit_client_renew(AditClient *client, const AditMapping *mapping, gint64 now)
{
    adit_pool_renew(client->pool, (AditMapping *)mapping, now);
    arm(client);
}

void
adit_client_sweep(AditClient *client, gint64 now)
{
    client->sweeping = TRUE;
    sweep_all(client, now);
    arm(client);
}

void
adit_client_drain(AditClient *client, gint64 now)
{
    client->draining = TRUE;
    for (guint i = 0; i < adit_pool_count(client->pool); i++)
        adit_pool_stop(client->pool, adit_pool_get(client->pool, i), now);
    adit_client_sweep(client, now);
}

gboolean
adit_client_is_drained(const AditClient *client)
{
    for (guint i = 0; i < adit_pool_count(client->pool); i++) {
        if (adit_pool_get(client->pool, i)->state != ADIT_MAPPING_IDLE)
            return FALSE;
    }
    return adit_record_count(client->record) == 0;
}

void
adit_client_move(AditClient *client, const AditAddr *own, gint64 now)
{
    adit_port_set_own(client->port, own);
    look(client, now);
    arm(client);
}

void
adit_client_handshake(AditClient *client, gint64 now)
{
    adit_pool_handshake(client->pool, now);
    retell(client, now);
    arm(client);
}

static void
hear(AditClient *client, const AditUdpPacket *packet, gboolean notice, gint64 now)
{
    const AditPoolMessage message = {
        .now = now,
        .dice = dice(),
        .from = packet->peer,
        .bytes = packet->bytes,
        .len = packet->len,
        .notice = notice,
    };

    if (packet->cut)
        client->counts.cut++;
    else
        adit_pool_receive(client->pool, &message);
}

static void
read_socket(AditClient *client, gboolean notice, gint64 now)
{
    AditUdpPacket packets[ADIT_UDP_BATCH];

    for (guint turn = 0; turn < READS; turn++) {
        int n = adit_port_receive(client->port, notice, packets, ADIT_UDP_BATCH);

        if (n < 0)
            client->counts.unreachable++;
        for (int i = 0; i < n; i++)
            hear(client, &packets[i], notice, now);
        if (n == 0)
            break;
    }
}

static void
flush(AditClient *client, gint64 now)
{
    guint8 bytes[ADIT_PCP_MAX];
    gsize len;

    adit_record_write(client->record, client->pool, now);
    while ((len = adit_pool_pop_packet(client->pool, bytes)) > 0) {
        int why = adit_port_send(client->port, bytes, len);

        if (why != 0) {
            client->counts.unsent++;
            g_debug("pcp: request not sent: %s", g_strerror(why));
        }
    }
}

void
adit_client_dispatch(AditClient *client, gint64 now)
{
    client->turn_at = now;
    bury(client);
    if (adit_port_is_stirred(client->port))
        look(client, now);
    if (client->no_way_at <= now && !client->lost)
        settle(client, now);
    if (client->retell_at <= now)
        sweep_all(client, now);
    read_socket(client, FALSE, now);
    read_socket(client, TRUE, now);
    try_next(client, now);
    adit_pool_dispatch(client->pool, now, dice());
    collect(client, now);
    flush(client, now);
    arm(client);
}

gboolean
adit_client_pop_event(AditClient *client, AditPoolNews *ret)
{
    g_autofree AditPoolNews *event = NULL;

    bury(client);
    collect(client, client->turn_at);
    event = g_queue_pop_head(&client->events);
    if (!event)
        return FALSE;
    if (event->what == ADIT_MAPPING_NEWS_DELETED)
        client->gone = event->mapping;
    *ret = *event;
    return TRUE;
}

AditAddr
adit_client_get_own(const AditClient *client)
{
    return adit_port_get_own(client->port);
}

const GError *
adit_client_get_error(const AditClient *client)
{
    return adit_port_get_error(client->port);
}

AditDialect
adit_client_get_dialect(const AditClient *client)
{
    return adit_pool_get_dialect(client->pool);
}

AditClientCounts
adit_client_get_counts(const AditClient *client)
{
    AditClientCounts counts = client->counts;

    counts.pool = *adit_pool_get_counts(client->pool);
    return counts;
}
