/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/pool.h"

#include "libadit/core/pcp-time.h"

#include <string.h>
#include <sys/socket.h>

/* What comes in passes four gates before it may change anything: the server's address and port,
 * the form, something that waits for just this answer, and the epoch. The order is the defence:
 * a forged packet that fails at one gate has not touched what lies behind it.
 *
 * An answer out of step with the epoch tells that the server lost its state, and nothing else:
 * it may be a late one from before the loss, so that even the grant it carries is asked for
 * again. A server whose epoch never makes sense is asked ever more rarely. */

#define STORM_MS 10000 /* losses within that of one another: one storm */
#define STORM_FREE 3   /* late packets can make that many of one loss */
#define LONG_MS (ADIT_PCP_ERROR_LONG * G_GINT64_CONSTANT(1000))

struct _AditPool {
    AditAddr server, client;
    GPtrArray *mappings;
    guint cursor; /* whose turn it is when the rate is used up */
    AditDialect dialect;
    gint64 natpmp_failed_at; /* the server offered it and then refused it; or ADIT_NEVER */
    AditAddr external;       /* NAT-PMP tells it apart from mappings */
    gboolean heard;
    guint32 epoch;
    gint64 epoch_at; /* seconds */
    gint64 alive_at; /* milliseconds: last sign of life */
    gint64 lost_at;
    guint storm_losses;
    guint32 storm_ms;
    gint64 announce_at;
    guint announce_tries; /* 0: none is out */
    guint32 announce_interval;
    gint64 rate_at; /* the time up to which the rate is used */
    GQueue packets; /* GBytes */
    GQueue news;    /* AditPoolNews */
    AditPoolCounts counts;
};

AditPool *
adit_pool_new(const AditAddr *server, const AditAddr *client)
{
    AditPool *pool = g_new0(AditPool, 1);

    pool->server = *server;
    pool->client = *client;
    pool->mappings = g_ptr_array_new_with_free_func((GDestroyNotify)adit_mapping_free);
    pool->natpmp_failed_at = ADIT_NEVER;
    pool->lost_at = ADIT_NEVER;
    pool->announce_at = ADIT_NEVER;
    pool->alive_at = ADIT_NEVER;
    g_queue_init(&pool->packets);
    g_queue_init(&pool->news);
    return pool;
}

void
adit_pool_free(AditPool *pool)
{
    if (!pool)
        return;
    g_ptr_array_unref(pool->mappings);
    g_queue_clear_full(&pool->packets, (GDestroyNotify)g_bytes_unref);
    g_queue_clear_full(&pool->news, g_free);
    g_free(pool);
}

AditMapping *
adit_pool_add(AditPool *pool, const AditWish *wish, const AditPcpOptions *options,
              const guint8 nonce[ADIT_PCP_NONCE])
{
    AditMapping *mapping = adit_mapping_new(wish, options, nonce);

    g_ptr_array_add(pool->mappings, mapping);
    return mapping;
}

void
adit_pool_remove(AditPool *pool, AditMapping *mapping)
{
    for (GList *l = pool->news.head, *next; l; l = next) {
        AditPoolNews *news = l->data;

        next = l->next;
        if (news->mapping == mapping) {
            g_free(news);
            g_queue_delete_link(&pool->news, l);
        }
    }
    g_ptr_array_remove(pool->mappings, mapping);
}

guint
adit_pool_count(const AditPool *pool)
{
    return pool->mappings->len;
}

AditMapping *
adit_pool_get(const AditPool *pool, guint i)
{
    return g_ptr_array_index(pool->mappings, i);
}

const AditAddr *
adit_pool_get_client(const AditPool *pool)
{
    return &pool->client;
}

AditDialect
adit_pool_get_dialect(const AditPool *pool)
{
    return pool->dialect;
}

const AditPoolCounts *
adit_pool_get_counts(const AditPool *pool)
{
    return &pool->counts;
}

/* Independent throws for the mappings of one call out of the one that came with it. */
static guint32 throw(guint32 dice, guint i)
{
    guint64 z = ((guint64)dice << 32) + (i + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z >> 32;
}

static void
send_request(AditPool *pool, const AditPcpRequest *request, gint64 now)
{
    guint8 bytes[ADIT_PCP_MAX];
    gsize len = adit_dialect_put(pool->dialect, request, bytes);

    g_queue_push_tail(&pool->packets, g_bytes_new(bytes, len));
    pool->counts.sent++;
    pool->rate_at = MAX(pool->rate_at, now) + ADIT_POOL_GAP_MS;
}

static void
tell(AditPool *pool, AditMapping *mapping, AditMappingNews what)
{
    AditPoolNews *news = g_new0(AditPoolNews, 1);

    *news = (AditPoolNews){ .mapping = mapping,
                            .what = what,
                            .reason = mapping->reason,
                            .error = mapping->error,
                            .grant = mapping->grant };
    g_queue_push_tail(&pool->news, news);
}

static void
start_announce(AditPool *pool, gint64 now)
{
    pool->announce_tries = 0;
    pool->announce_at = now;
}

void
adit_pool_wake(AditPool *pool, gint64 now)
{
    const AditMappingEvent event = { .type = ADIT_MAPPING_WAKE, .now = now };

    for (guint i = 0; i < pool->mappings->len; i++)
        adit_mapping_step(adit_pool_get(pool, i), &event);
}

static void
speak(AditPool *pool, AditDialect dialect, gint64 now)
{
    if (pool->dialect == dialect)
        return;
    g_debug("pcp: the server speaks %s", adit_dialect_name(dialect));
    pool->dialect = dialect;
    start_announce(pool, dialect == ADIT_DIALECT_NATPMP ? now : ADIT_NEVER);
    adit_pool_wake(pool, now);
}

static void
step(AditPool *pool, AditMapping *mapping, AditMappingEvent *event)
{
    AditMappingAction action;

    event->dialect = pool->dialect;
    action = adit_mapping_step(mapping, event);
    if (action.send) {
        AditPcpRequest request;

        adit_mapping_request(mapping, &pool->client, &request);
        send_request(pool, &request, event->now);
    }
    if (action.news != ADIT_MAPPING_NO_NEWS)
        tell(pool, mapping, action.news);
    if (action.gave_up)
        speak(pool, ADIT_DIALECT_PCP, event->now);
}

static void
reset_all(AditPool *pool, AditMappingEvent *event, gboolean scatter)
{
    gint64 pause = event->pause;
    guint32 dice = event->dice;

    event->type = ADIT_MAPPING_RESET;
    for (guint i = 0; i < pool->mappings->len; i++) {
        event->dice = throw(dice, i);
        event->pause = pause + (scatter ? adit_pcp_notice_pause_ms(event->dice) : 0);
        step(pool, adit_pool_get(pool, i), event);
    }
}

void
adit_pool_start(AditPool *pool, AditMapping *mapping, gint64 now, const guint8 *nonce)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_START, .now = now, .nonce = nonce };

    step(pool, mapping, &event);
}

void
adit_pool_stop(AditPool *pool, AditMapping *mapping, gint64 now)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_STOP, .now = now };

    step(pool, mapping, &event);
}

void
adit_pool_renew(AditPool *pool, AditMapping *mapping, gint64 now)
{
    if (mapping->state == ADIT_MAPPING_GRANTED)
        mapping->deadline = MIN(mapping->deadline, now);
}

void
adit_pool_move(AditPool *pool, const AditAddr *client, gint64 now, guint32 dice)
{
    AditMappingEvent event = { .now = now, .dice = dice, .reason = ADIT_MAPPING_MOVED };

    if (adit_addr_cmp(client, &pool->client) == 0)
        return;
    pool->client = *client;
    reset_all(pool, &event, FALSE);
}

void
adit_pool_handshake(AditPool *pool, gint64 now)
{
    gboolean silent =
        pool->alive_at == ADIT_NEVER || now - pool->alive_at > ADIT_POOL_SILENCE_MS;

    pool->alive_at = now;
    if (!silent)
        return;
    if (pool->heard)
        start_announce(pool, now);
    adit_pool_wake(pool, now);
}

/* How long all of them leave a server alone that lost its state once again. */
static guint32
storm(AditPool *pool, gint64 now, guint32 dice)
{
    gboolean again = pool->lost_at != ADIT_NEVER &&
                     now - pool->lost_at < STORM_MS + 2 * (gint64)pool->storm_ms;

    pool->lost_at = now;
    pool->storm_losses = again ? pool->storm_losses + 1 : 1;
    if (pool->storm_losses <= STORM_FREE)
        pool->storm_ms = 0;
    else if (pool->storm_ms == 0)
        pool->storm_ms = adit_pcp_retry_first_ms(dice);
    else
        pool->storm_ms = adit_pcp_retry_next_ms(pool->storm_ms, dice);
    return pool->storm_ms;
}

/* C5 and C6. FALSE: out of step, and everything is asked for again. */
static gboolean
check_epoch(AditPool *pool, const AditPoolMessage *message, guint32 epoch)
{
    gint64 seconds = message->now / 1000;
    gboolean valid =
        !pool->heard || adit_pcp_epoch_valid(pool->epoch, pool->epoch_at, epoch, seconds);
    AditMappingEvent event = { .now = message->now,
                               .dice = message->dice,
                               .reason = ADIT_MAPPING_RESTARTED };

    pool->heard = TRUE;
    pool->epoch = epoch;
    pool->epoch_at = seconds;
    pool->alive_at = message->now;
    if (valid)
        return TRUE;

    pool->counts.losses++;
    event.pause = storm(pool, message->now, message->dice);
    g_debug("pcp: epoch %u: the server lost its state", epoch);
    reset_all(pool, &event, message->notice);
    return FALSE;
}

static gboolean
is_about(const AditPool *pool, const AditMapping *mapping, const AditPcpReply *reply)
{
    if (reply->body.protocol != mapping->wish.protocol ||
        reply->body.internal_port != mapping->wish.internal_port)
        return FALSE;
    return pool->dialect == ADIT_DIALECT_NATPMP ||
           memcmp(reply->body.nonce, mapping->nonce, ADIT_PCP_NONCE) == 0;
}

static AditMapping *
find(const AditPool *pool, const AditPcpReply *reply, gboolean notice)
{
    for (guint i = 0; i < pool->mappings->len; i++) {
        AditMapping *mapping = adit_pool_get(pool, i);

        if (is_about(pool, mapping, reply) &&
            (notice ? adit_mapping_is_held(mapping) : adit_mapping_expects(mapping)))
            return mapping;
    }
    return NULL;
}

static void
receive_mapping(AditPool *pool, const AditPoolMessage *message, AditPcpReply *reply)
{
    AditMapping *mapping = find(pool, reply, message->notice);
    AditMappingEvent event = { .type = ADIT_MAPPING_REPLY,
                               .now = message->now,
                               .dice = message->dice,
                               .reply = reply,
                               .notice = message->notice };

    if (!mapping) {
        pool->counts.unasked++;
        return;
    }
    if (message->notice)
        pool->counts.notices++;
    else
        pool->counts.answers++;
    if (!check_epoch(pool, message, reply->epoch))
        return;
    if (pool->dialect == ADIT_DIALECT_NATPMP)
        reply->body.external = pool->external;
    step(pool, mapping, &event);
}

/* An epoch further back than what we heard, of a server that says it was up when we heard that:
 * a late notice, as a rule. It would make all ask again, and the next one too. But it can also
 * be a server that went back to an old picture of itself, so it is not ignored: we ask. */
static gboolean
contradicts(const AditPool *pool, const AditPoolMessage *message, guint32 epoch)
{
    return pool->heard && (gint64)epoch + 1 < pool->epoch &&
           epoch > message->now / 1000 - pool->epoch_at + 2;
}

/* An ANNOUNCE, or in NAT-PMP the external address, of which everything hangs that we hold. */
static void
receive_announce(AditPool *pool, const AditPoolMessage *message, const AditPcpReply *reply)
{
    gboolean asked = pool->announce_tries > 0 && !message->notice;
    AditAddr external = reply->body.external;

    if (!asked && (!message->notice || reply->result != ADIT_PCP_SUCCESS)) {
        pool->counts.unasked++;
        return;
    }
    if (message->notice) {
        pool->counts.notices++;
    } else {
        pool->counts.answers++;
        start_announce(pool, ADIT_NEVER);
    }
    if (message->notice && contradicts(pool, message, reply->epoch)) {
        if (pool->announce_tries == 0)
            start_announce(pool, message->now);
        return;
    }
    if (reply->version == ADIT_PCP_VERSION)
        speak(pool, ADIT_DIALECT_PCP, message->now); /* it has learned more */
    if (!check_epoch(pool, message, reply->epoch) || pool->dialect == ADIT_DIALECT_PCP ||
        reply->result != ADIT_PCP_SUCCESS)
        return;
    if (adit_addr_cmp(&external, &pool->external) != 0) {
        pool->external = external;
        for (guint i = 0; i < pool->mappings->len; i++) {
            AditMapping *mapping = adit_pool_get(pool, i);

            mapping->grant.external.addr = external;
            if (adit_mapping_is_held(mapping))
                tell(pool, mapping, ADIT_MAPPING_NEWS_CHANGED);
        }
    }
}

/* C9. Such an answer names nothing but its opcode. */
static gboolean
awaits(const AditPool *pool, guint8 opcode)
{
    if (opcode == ADIT_PCP_ANNOUNCE)
        return pool->announce_tries > 0;
    for (guint i = 0; i < pool->mappings->len; i++) {
        if (adit_mapping_expects(adit_pool_get(pool, i)))
            return TRUE;
    }
    return FALSE;
}

static void
refuse_all(AditPool *pool, const AditPoolMessage *message, const AditPcpReply *reply)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_REPLY, .now = message->now };

    event.dice = message->dice;
    event.reply = reply;
    for (guint i = 0; i < pool->mappings->len; i++)
        step(pool, adit_pool_get(pool, i), &event);
}

static void
receive_version(AditPool *pool, const AditPoolMessage *message, const AditPcpReply *reply)
{
    gboolean tried =
        pool->natpmp_failed_at != ADIT_NEVER && message->now - pool->natpmp_failed_at < LONG_MS;

    if (message->notice || !awaits(pool, reply->opcode)) {
        pool->counts.unasked++;
        return;
    }
    pool->counts.answers++;
    pool->alive_at = message->now;
    if (pool->dialect == ADIT_DIALECT_NATPMP) {
        pool->natpmp_failed_at = message->now;
        speak(pool, ADIT_DIALECT_PCP, message->now);
    } else if (reply->version == 0 && pool->server.family == AF_INET && !tried) {
        speak(pool, ADIT_DIALECT_NATPMP, message->now);
    } else {
        start_announce(pool, ADIT_NEVER);
        refuse_all(pool, message, reply);
    }
}

static gboolean
is_version_only(const AditPool *pool, const AditPcpReply *reply)
{
    if (pool->dialect == ADIT_DIALECT_PCP)
        return reply->version != ADIT_PCP_VERSION;
    return reply->result == ADIT_PCP_UNSUPP_VERSION;
}

void
adit_pool_receive(AditPool *pool, const AditPoolMessage *message)
{
    AditPcpReply reply;

    if (message->from.port != ADIT_PCP_SERVER_PORT ||
        adit_addr_cmp(&message->from.addr, &pool->server) != 0) {
        pool->counts.strangers++;
        return;
    }
    if (!adit_dialect_get(pool->dialect, message->bytes, message->len, &reply, NULL)) {
        pool->counts.malformed++;
        return;
    }
    if (is_version_only(pool, &reply))
        receive_version(pool, message, &reply);
    else if (reply.opcode == ADIT_PCP_ANNOUNCE)
        receive_announce(pool, message, &reply);
    else if (reply.opcode == ADIT_PCP_MAP)
        receive_mapping(pool, message, &reply);
    else
        pool->counts.unasked++;
}

/* When the rate lets the next request out. */
static gint64
rate_allows(const AditPool *pool)
{
    return pool->rate_at - (ADIT_POOL_BURST - 1) * ADIT_POOL_GAP_MS;
}

gint64
adit_pool_deadline(const AditPool *pool)
{
    gint64 deadline = pool->announce_at;

    if (!adit_addr_is_set(&pool->client))
        return ADIT_NEVER;
    for (guint i = 0; i < pool->mappings->len; i++)
        deadline = MIN(deadline, adit_pool_get(pool, i)->deadline);
    return deadline == ADIT_NEVER ? ADIT_NEVER : MAX(deadline, rate_allows(pool));
}

static void
dispatch_announce(AditPool *pool, gint64 now, guint32 dice)
{
    AditPcpRequest request = { .opcode = ADIT_PCP_ANNOUNCE, .client = pool->client };

    if (pool->announce_tries == ADIT_POOL_ANNOUNCE_TRIES) {
        start_announce(pool, ADIT_NEVER);
        return;
    }
    pool->announce_interval = pool->announce_tries == 0
                                  ? adit_pcp_retry_first_ms(dice)
                                  : adit_pcp_retry_next_ms(pool->announce_interval, dice);
    pool->announce_tries++;
    pool->announce_at = now + pool->announce_interval;
    send_request(pool, &request, now);
}

void
adit_pool_dispatch(AditPool *pool, gint64 now, guint32 dice)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_TIMER, .now = now };
    guint n = pool->mappings->len, first = pool->cursor;

    if (!adit_addr_is_set(&pool->client))
        return;
    if (pool->announce_at <= now && rate_allows(pool) <= now)
        dispatch_announce(pool, now, throw(dice, n));
    for (guint i = 0; i < n; i++) {
        guint at = (first + i) % n;

        if (adit_pool_get(pool, at)->deadline > now)
            continue;
        pool->cursor = at;
        if (rate_allows(pool) > now)
            return;
        pool->cursor = at + 1;
        event.dice = throw(dice, at);
        step(pool, adit_pool_get(pool, at), &event);
    }
}

gsize
adit_pool_pop_packet(AditPool *pool, guint8 ret[ADIT_PCP_MAX])
{
    g_autoptr(GBytes) packet = g_queue_pop_head(&pool->packets);
    gsize len;
    const guint8 *bytes = packet ? g_bytes_get_data(packet, &len) : NULL;

    if (!bytes)
        return 0;
    memcpy(ret, bytes, len);
    return len;
}

gboolean
adit_pool_pop_news(AditPool *pool, AditPoolNews *ret)
{
    g_autofree AditPoolNews *news = g_queue_pop_head(&pool->news);

    if (!news)
        return FALSE;
    *ret = *news;
    return TRUE;
}
