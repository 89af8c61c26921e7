/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/pool-private.h"

#include "libadit/core/pcp-time.h"

#include <string.h>

/* To a server of which nothing is known yet. */
static void
face(AditPool *pool, const AditAddr *server)
{
    pool->server = *server;
    pool->dialect = ADIT_DIALECT_PCP;
    pool->heard = FALSE;
    memset(&pool->external, 0, sizeof(pool->external));
    pool->natpmp_failed_at = ADIT_NEVER;
    pool->lost_at = ADIT_NEVER;
    pool->announce_at = ADIT_NEVER;
    pool->announce_tries = 0;
    pool->alive_at = ADIT_NEVER;
}

AditPool *
adit_pool_new(const AditAddr *server, const AditAddr *client)
{
    AditPool *pool = g_new0(AditPool, 1);

    face(pool, server);
    pool->client = *client;
    pool->mappings = g_ptr_array_new_with_free_func((GDestroyNotify)adit_mapping_free);
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

void
adit_pool_tell(AditPool *pool, AditMapping *mapping, AditMappingNews what)
{
    AditPoolNews *news = g_new0(AditPoolNews, 1);

    *news = (AditPoolNews){ .mapping = mapping,
                            .what = what,
                            .reason = mapping->reason,
                            .error = mapping->error,
                            .grant = mapping->grant };
    g_queue_push_tail(&pool->news, news);
}

void
adit_pool_start_announce(AditPool *pool, gint64 at)
{
    pool->announce_tries = 0;
    pool->announce_at = at;
}

void
adit_pool_wake(AditPool *pool, gint64 now)
{
    const AditMappingEvent event = { .type = ADIT_MAPPING_WAKE, .now = now };

    for (guint i = 0; i < pool->mappings->len; i++)
        adit_mapping_step(adit_pool_get(pool, i), &event);
}

void
adit_pool_speak(AditPool *pool, AditDialect dialect, gint64 now)
{
    if (pool->dialect == dialect)
        return;
    g_debug("pcp: the server speaks %s", adit_dialect_name(dialect));
    pool->dialect = dialect;
    adit_pool_start_announce(pool, dialect == ADIT_DIALECT_NATPMP ? now : ADIT_NEVER);
    adit_pool_wake(pool, now);
}

void
adit_pool_step(AditPool *pool, AditMapping *mapping, AditMappingEvent *event)
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
        adit_pool_tell(pool, mapping, action.news);
    if (action.gave_up)
        adit_pool_speak(pool, ADIT_DIALECT_PCP, event->now);
}

void
adit_pool_reset_all(AditPool *pool, AditMappingEvent *event, gboolean scatter)
{
    gint64 pause = event->pause;
    guint32 dice = event->dice;

    event->type = ADIT_MAPPING_RESET;
    for (guint i = 0; i < pool->mappings->len; i++) {
        event->dice = throw(dice, i);
        event->pause = pause + (scatter ? adit_pcp_notice_pause_ms(event->dice) : 0);
        adit_pool_step(pool, adit_pool_get(pool, i), event);
    }
}

void
adit_pool_start(AditPool *pool, AditMapping *mapping, gint64 now, const guint8 *nonce)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_START, .now = now, .nonce = nonce };

    adit_pool_step(pool, mapping, &event);
}

void
adit_pool_stop(AditPool *pool, AditMapping *mapping, gint64 now)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_STOP, .now = now };

    adit_pool_step(pool, mapping, &event);
    if (adit_addr_is_set(&pool->client))
        return;
    event.type = ADIT_MAPPING_RESET; /* nobody to tell: over at once */
    event.reason = ADIT_MAPPING_MOVED;
    adit_pool_step(pool, mapping, &event);
}

void
adit_pool_renew(AditPool *pool, AditMapping *mapping, gint64 now)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_RENEW, .now = now };

    adit_pool_step(pool, mapping, &event);
}

void
adit_pool_move(AditPool *pool, const AditAddr *client, gint64 now, guint32 dice)
{
    AditMappingEvent event = { .now = now, .dice = dice, .reason = ADIT_MAPPING_MOVED };

    if (adit_addr_cmp(client, &pool->client) == 0)
        return;
    pool->client = *client;
    adit_pool_reset_all(pool, &event, FALSE);
}

gboolean
adit_pool_is_deaf(const AditPool *pool, gint64 now)
{
    gboolean deaf = FALSE;

    for (guint i = 0; i < pool->mappings->len; i++) {
        const AditMapping *m = adit_pool_get(pool, i);

        if (adit_mapping_is_held(m))
            return FALSE;
        deaf |= m->state == ADIT_MAPPING_ASKING && m->tries >= ADIT_POOL_DEAF_TRIES &&
                m->deadline <= now;
    }
    return deaf;
}

void
adit_pool_turn(AditPool *pool, const AditAddr *server, gint64 now, guint32 dice)
{
    AditMappingEvent event = { .now = now, .dice = dice };

    face(pool, server);
    adit_pool_reset_all(pool, &event, FALSE);
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
        adit_pool_start_announce(pool, now);
    adit_pool_wake(pool, now);
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
        adit_pool_start_announce(pool, ADIT_NEVER);
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
        adit_pool_step(pool, adit_pool_get(pool, at), &event);
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
