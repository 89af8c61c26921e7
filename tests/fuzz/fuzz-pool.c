/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/pool.h"
#include "tests/fuzz/target.h"

#include <netinet/in.h>
#include <string.h>

/* The client from the socket inwards: a pool of three mappings, and an input that says what
 * happens to it, an octet an event, its low three bits the kind and the others an argument:
 * time, timers, packets (with the nonce that only the server knows, if the input wants it), and
 * what the owner does. Whatever comes, the pool keeps its promises. */

#define MAPPINGS 3
#define START_MS 1000000
#define AT_ONCE 256 /* dispatches at one moment until there is nothing more to do */

static const AditWish wishes[MAPPINGS] = {
    { IPPROTO_TCP, 443, 443, TRUE, FALSE, 7200 },
    { IPPROTO_UDP, 53, 0, FALSE, FALSE, 600 },
    { IPPROTO_TCP, 443, 80, TRUE, TRUE, 7200 },
};

typedef struct {
    AditPool *pool;
    AditMapping *m[MAPPINGS];
    AditAddr server;
    gint64 now;
    guint32 dice;
    guint64 sent;
    const guint8 *at;
    gsize left;
} Story;

static guint32 throw(Story * s)
{
    return s->dice = s->dice * 1664525 + 1013904223;
}

static AditAddr
addr(const char *text)
{
    AditAddr ret;

    g_assert_true(adit_addr_parse(text, &ret, NULL));
    return ret;
}

/* What goes out is a request of ours, and no more of it than the rate allows. */
static void
check_packets(Story *s)
{
    const AditAddr *client = adit_pool_get_client(s->pool);
    guint8 bytes[ADIT_PCP_MAX];
    AditPcpRequest request;
    gsize len;

    while ((len = adit_pool_pop_packet(s->pool, bytes)) > 0) {
        s->sent++;
        if (bytes[0] == ADIT_PCP_VERSION)
            g_assert_cmpint(
                adit_pcp_request_decode(bytes, len, client, &adit_pcp_offer_all, &request), ==,
                ADIT_PCP_SUCCESS);
    }
    g_assert_cmpuint(s->sent, <=, ADIT_POOL_BURST + 2 + (s->now - START_MS) / ADIT_POOL_GAP_MS);
}

static void
check_mappings(const Story *s)
{
    for (guint i = 0; i < MAPPINGS; i++) {
        const AditMapping *m = s->m[i];

        if (!adit_mapping_is_held(m))
            continue;
        g_assert_cmpuint(m->grant.external.port, !=, 0);
        g_assert_cmpint(m->grant.until, <=,
                        s->now + ADIT_PCP_LIFETIME_MAX * G_GINT64_CONSTANT(1000));
        if (m->wish.exact)
            g_assert_cmpuint(m->grant.external.port, ==, m->wish.external_port);
    }
}

/* Not to be called again and again for nothing. */
static void
dispatch(Story *s)
{
    for (guint i = 0; i < AT_ONCE && adit_pool_deadline(s->pool) <= s->now; i++) {
        adit_pool_dispatch(s->pool, s->now, throw(s));
        check_packets(s);
    }
    g_assert_cmpint(adit_pool_deadline(s->pool), >, s->now);
}

static void
to_deadline(Story *s)
{
    gint64 deadline = adit_pool_deadline(s->pool);

    if (deadline != ADIT_NEVER)
        s->now = MAX(s->now, deadline);
    dispatch(s);
}

static void
receive(Story *s, guint arg)
{
    gsize len = s->left > 0 ? MIN(s->at[0], s->left - 1) : 0;
    g_autofree guint8 *bytes = g_memdup2(s->left > 0 ? s->at + 1 : NULL, len);
    const AditMapping *m = s->m[(arg >> 3) % MAPPINGS];
    const AditPoolMessage message = {
        .now = s->now,
        .dice = throw(s),
        .from = { s->server, arg & 2 ? 5352 : ADIT_PCP_SERVER_PORT },
        .bytes = bytes,
        .len = len,
        .notice = arg & 1,
    };
    guint64 before = s->sent;

    if ((arg & 4) && len >= 42) {
        memcpy(bytes + 24, m->nonce, ADIT_PCP_NONCE);
        bytes[36] = m->wish.protocol;
        bytes[40] = m->wish.internal_port >> 8;
        bytes[41] = m->wish.internal_port & 0xff;
    }
    adit_pool_receive(s->pool, &message);
    check_packets(s);
    g_assert_cmpuint(s->sent, ==, before); /* only timers send */
    if (s->left > 0) {
        s->at += len + 1;
        s->left -= len + 1;
    }
}

static void
move(Story *s, guint arg)
{
    AditAddr own = { 0 };

    if (arg > 0) {
        own = addr("10.59.0.2");
        own.bytes[3] = arg;
    }
    adit_pool_move(s->pool, &own, s->now, throw(s));
}

static void
happen(Story *s)
{
    guint8 nonce[ADIT_PCP_NONCE] = { 0 };
    guint arg = s->at[0] >> 3, kind = s->at[0] & 7;

    s->at++;
    s->left--;
    memcpy(nonce, &s->now, sizeof(s->now));
    switch (kind) {
    case 0: s->now += 1u << MIN(arg, 27); break;
    case 1: to_deadline(s); break;
    case 2: receive(s, arg); break;
    case 3: adit_pool_stop(s->pool, s->m[arg % MAPPINGS], s->now); break;
    case 4: adit_pool_start(s->pool, s->m[arg % MAPPINGS], s->now, nonce); break;
    case 5: adit_pool_handshake(s->pool, s->now); break;
    case 6: move(s, arg); break;
    case 7: dispatch(s); break;
    default: g_assert_not_reached();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const AditAddr client = addr("10.59.0.2");
    Story s = { .server = addr("10.59.0.1"), .now = START_MS, .at = data, .left = size };
    AditPoolNews news;

    s.pool = adit_pool_new(&s.server, &client);
    for (guint i = 0; i < MAPPINGS; i++) {
        guint8 nonce[ADIT_PCP_NONCE] = { i + 1 };

        s.m[i] = adit_pool_add(s.pool, &wishes[i], NULL, nonce);
        adit_pool_start(s.pool, s.m[i], s.now, NULL);
    }
    while (s.left > 0) {
        happen(&s);
        check_mappings(&s);
        while (adit_pool_pop_news(s.pool, &news))
            g_assert_cmpint(news.what, !=, ADIT_MAPPING_NO_NEWS);
    }
    adit_pool_free(s.pool);
    return 0;
}
