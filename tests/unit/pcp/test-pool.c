/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/pool.h"

#include "libadit/core/natpmp.h"
#include "libadit/core/pcp-time.h"

#include <netinet/in.h>
#include <string.h>

#define T0 5000000
#define HALF 0x80000000u
#define LIFETIME 3600

static const AditAddr server4 = { AF_INET, { 10, 59, 0, 1 } };
static const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };
static const AditAddr other4 = { AF_INET, { 10, 59, 0, 3 } };
static const AditAddr wan4 = { AF_INET, { 203, 0, 113, 7 } };
static const AditAddr none = { 0 };
static const AditWish wish443 = {
    .protocol = IPPROTO_TCP, .internal_port = 443, .external_port = 443, .lifetime = LIFETIME
};
static const AditWish wish53 = {
    .protocol = IPPROTO_UDP, .internal_port = 53, .external_port = 53, .lifetime = LIFETIME
};

/* A pool with two mappings, and the last request of each. */
typedef struct {
    AditPool *pool;
    AditMapping *m[2];
    AditPcpRequest asked[2];
    gint64 now;
} Fixture;

static void
fixture_set_up(Fixture *f, gconstpointer data)
{
    f->now = T0;
    f->pool = adit_pool_new(&server4, &client4);
    f->m[0] = adit_pool_add(f->pool, &wish443, NULL, (const guint8 *)"abcdefghijkl");
    f->m[1] = adit_pool_add(f->pool, &wish53, NULL, (const guint8 *)"mnopqrstuvwx");
    for (guint i = 0; i < 2; i++)
        adit_pool_start(f->pool, f->m[i], T0, NULL);
}

static void
fixture_tear_down(Fixture *f, gconstpointer data)
{
    adit_pool_free(f->pool);
}

static guint
drain(Fixture *f)
{
    guint8 bytes[ADIT_PCP_MAX];
    guint n = 0;

    while (adit_pool_pop_packet(f->pool, bytes) > 0)
        n++;
    return n;
}

static guint
dispatch(Fixture *f)
{
    adit_pool_dispatch(f->pool, f->now, HALF);
    return drain(f);
}

static AditMappingNews
next_news(Fixture *f)
{
    AditPoolNews news;

    return adit_pool_pop_news(f->pool, &news) ? news.what : ADIT_MAPPING_NO_NEWS;
}

static void
hear(Fixture *f, const guint8 *bytes, gsize len, gboolean notice)
{
    const AditPoolMessage message = { .now = f->now,
                                      .dice = HALF,
                                      .from = { server4, ADIT_PCP_SERVER_PORT },
                                      .bytes = bytes,
                                      .len = len,
                                      .notice = notice };

    adit_pool_receive(f->pool, &message);
}

static AditPcpReply
reply_to(const Fixture *f, guint i, guint32 epoch)
{
    AditPcpRequest request;
    AditPcpReply reply;

    adit_mapping_request(f->m[i], &client4, &request);
    adit_pcp_reply_init(&request, &reply);
    memset(&reply.options, 0, sizeof(reply.options));
    reply.lifetime = LIFETIME;
    reply.epoch = epoch;
    reply.body.external = wan4;
    return reply;
}

static void
hear_reply(Fixture *f, const AditPcpReply *reply, gboolean notice)
{
    guint8 bytes[ADIT_PCP_MAX];
    gsize len = adit_pcp_reply_encode(reply, bytes);

    hear(f, bytes, len, notice);
}

static void
grant(Fixture *f, guint i, guint32 epoch)
{
    const AditPcpReply reply = reply_to(f, i, epoch);

    hear_reply(f, &reply, FALSE);
}

static void
hear_announce(Fixture *f, guint32 epoch, gboolean notice)
{
    const AditPcpReply reply = { .version = ADIT_PCP_VERSION,
                                 .opcode = ADIT_PCP_ANNOUNCE,
                                 .epoch = epoch };

    hear_reply(f, &reply, notice);
}

/* Both granted, at T0 and epoch 1000. */
static void
grant_both(Fixture *f)
{
    g_assert_cmpuint(dispatch(f), ==, 2);
    grant(f, 0, 1000);
    grant(f, 1, 1000);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_GRANTED);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_GRANTED);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NO_NEWS);
}

static void
assert_both(const Fixture *f, AditMappingState state)
{
    for (guint i = 0; i < 2; i++)
        g_assert_cmpint(f->m[i]->state, ==, state);
}

static void
test_grant(Fixture *f, gconstpointer data)
{
    AditPoolNews news;

    g_assert_cmpuint(adit_pool_count(f->pool), ==, 2);
    g_assert_cmpint(adit_pool_deadline(f->pool), ==, T0);
    g_assert_cmpuint(dispatch(f), ==, 2);
    g_assert_cmpint(adit_pool_deadline(f->pool), >, T0);
    grant(f, 1, 77);
    g_assert_true(adit_pool_pop_news(f->pool, &news));
    g_assert_true(news.mapping == f->m[1]);
    g_assert_cmpint(news.what, ==, ADIT_MAPPING_NEWS_GRANTED);
    g_assert_cmpint(adit_addr_cmp(&news.grant.external.addr, &wan4), ==, 0);
    g_assert_cmpuint(news.grant.external.port, ==, 53);
    g_assert_false(adit_pool_pop_news(f->pool, &news));
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->answers, ==, 1);
}

typedef struct {
    const char *name;
    gsize offset; /* of an octet in the reply that is changed */
    guint8 flip;
    gssize cut; /* octets taken away */
    gboolean other_addr;
    guint16 port;
    gsize counter; /* in AditPoolCounts */
} WrongRow;

#define COUNTER(name) G_STRUCT_OFFSET(AditPoolCounts, name)

/* Each but for one thing the awaited answer, with an epoch that would reset everything and an
 * error that would stop everything. */
static const WrongRow wrong[] = {
    { "address", 0, 0, 0, TRUE, 5351, COUNTER(strangers) },
    { "port", 0, 0, 0, FALSE, 5350, COUNTER(strangers) },
    { "version-1", 0, 3, 0, FALSE, 5351, COUNTER(malformed) },
    { "request-bit", 1, 0x80, 0, FALSE, 5351, COUNTER(malformed) },
    { "opcode-announce", 1, 1, 0, FALSE, 5351, COUNTER(unasked) },
    { "opcode-unknown", 1, 0x40, 0, FALSE, 5351, COUNTER(malformed) },
    { "nonce-first", 24, 1, 0, FALSE, 5351, COUNTER(unasked) },
    { "nonce-last", 35, 1, 0, FALSE, 5351, COUNTER(unasked) },
    { "protocol", 36, 1, 0, FALSE, 5351, COUNTER(unasked) },
    { "internal-port", 41, 1, 0, FALSE, 5351, COUNTER(unasked) },
    { "cut-4", 0, 0, 4, FALSE, 5351, COUNTER(malformed) },
    { "cut-1", 0, 0, 1, FALSE, 5351, COUNTER(malformed) },
    { "cut-all", 0, 0, 60, FALSE, 5351, COUNTER(malformed) },
};

static void
test_wrong_replies(Fixture *f, gconstpointer data)
{
    grant_both(f);
    f->now = f->m[0]->deadline;
    dispatch(f);
    g_assert_cmpint(f->m[0]->state, ==, ADIT_MAPPING_RENEWING);
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        const WrongRow *row = &wrong[i];
        AditPcpReply reply = reply_to(f, 0, 3);
        guint8 bytes[ADIT_PCP_MAX];
        AditPoolMessage message = { .now = f->now, .bytes = bytes };
        AditMapping before = *f->m[0];
        const AditPoolCounts *counts = adit_pool_get_counts(f->pool);
        guint64 counted = G_STRUCT_MEMBER(guint64, counts, row->counter);

        g_test_message("%s", row->name);
        reply.result = ADIT_PCP_ADDRESS_MISMATCH;
        message.len = adit_pcp_reply_encode(&reply, bytes) - row->cut;
        bytes[row->offset] ^= row->flip;
        message.from = (AditSockAddr){ row->other_addr ? other4 : server4, row->port };
        adit_pool_receive(f->pool, &message);
        g_assert_cmpuint(G_STRUCT_MEMBER(guint64, counts, row->counter), ==, counted + 1);
        g_assert_cmpuint(counts->losses, ==, 0);
        g_assert_cmpmem(&before, sizeof(before), f->m[0], sizeof(before));
        g_assert_true(adit_mapping_is_held(f->m[1]));
    }
    /* And the right one is still waited for. */
    grant(f, 0, 1000 + (f->now - T0) / 1000);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_RENEWED);
}

/* The second copy of an answer is nobody's answer. */
static void
test_second_copy(Fixture *f, gconstpointer data)
{
    grant_both(f);
    grant(f, 0, 3);
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->unasked, ==, 1);
    assert_both(f, ADIT_MAPPING_GRANTED);
}

typedef struct {
    const char *name;
    gint64 seconds; /* after epoch 1000 */
    guint32 epoch;
    gboolean valid;
} EpochRow;

static const EpochRow epochs[] = {
    { "exact", 2000, 3000, TRUE },        { "one-back", 1, 999, TRUE },
    { "far-back", 900, 850, FALSE },      { "zero", 2000, 0, FALSE },
    { "slow-by-1/16", 1600, 2500, TRUE }, { "too-slow", 1600, 2497, FALSE },
    { "fast-by-1/16", 1500, 2602, TRUE }, { "too-fast", 1500, 2604, FALSE },
};

static void
test_epoch(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(epochs); i++) {
        const EpochRow *row = &epochs[i];
        Fixture f;

        g_test_message("%s", row->name);
        fixture_set_up(&f, NULL);
        grant_both(&f);
        f.now += row->seconds * 1000;
        hear_announce(&f, row->epoch, TRUE);
        assert_both(&f, row->valid ? ADIT_MAPPING_GRANTED : ADIT_MAPPING_WAITING);
        g_assert_cmpuint(adit_pool_get_counts(f.pool)->losses, ==, !row->valid);
        /* Valid or not, the next is judged by this one. */
        hear_announce(&f, row->epoch, TRUE);
        g_assert_cmpuint(adit_pool_get_counts(f.pool)->losses, ==, !row->valid);
        fixture_tear_down(&f, NULL);
    }
}

/* Told by the answer to a renewal: all are asked for at once, that one too. */
static void
test_loss_by_reply(Fixture *f, gconstpointer data)
{
    grant_both(f);
    f->now = f->m[0]->deadline;
    dispatch(f);
    grant(f, 0, 5);
    assert_both(f, ADIT_MAPPING_WAITING);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_LOST);
        g_assert_cmpint(f->m[i]->deadline, ==, f->now);
        g_assert_cmpint(f->m[i]->reason, ==, ADIT_MAPPING_RESTARTED);
    }
    g_assert_cmpuint(dispatch(f), ==, 2);
    grant(f, 0, 5);
    grant(f, 1, 5);
    assert_both(f, ADIT_MAPPING_GRANTED);
}

/* Told by a notice: each after its own 0 to 5 s. */
static void
test_loss_by_notice(Fixture *f, gconstpointer data)
{
    gint64 a, b;

    grant_both(f);
    f->now += 60000;
    hear_announce(f, 0, TRUE);
    assert_both(f, ADIT_MAPPING_WAITING);
    a = f->m[0]->deadline - f->now;
    b = f->m[1]->deadline - f->now;
    g_assert_cmpint(a, !=, b);
    g_assert_cmpint(MIN(a, b), >=, 0);
    g_assert_cmpint(MAX(a, b), <=, 5000);
    g_assert_cmpuint(dispatch(f), ==, 0);
    f->now += MAX(a, b);
    g_assert_cmpuint(dispatch(f), ==, 2);
}

/* A notice from before those we heard, of the same life of the server: we ask, and only the
 * answer decides. */
static void
test_late_notice(Fixture *f, gconstpointer data)
{
    grant_both(f);
    f->now += 1000;
    hear_announce(f, 998, TRUE);
    hear_announce(f, 997, TRUE);
    assert_both(f, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(dispatch(f), ==, 1);
    hear_announce(f, 1001, FALSE);
    assert_both(f, ADIT_MAPPING_GRANTED);
    hear_announce(f, 998, TRUE);
    g_assert_cmpuint(dispatch(f), ==, 1);
    hear_announce(f, 998, FALSE); /* it really is an old picture */
    assert_both(f, ADIT_MAPPING_WAITING);
}

/* A late answer from before the restart is not believed. */
static void
test_stale_reply(Fixture *f, gconstpointer data)
{
    AditPcpReply stale = reply_to(f, 0, 1060);

    grant_both(f);
    f->now += 60000;
    hear_announce(f, 0, TRUE);
    f->now += 5000;
    g_assert_cmpuint(dispatch(f), ==, 2);
    hear_reply(f, &stale, FALSE);
    g_assert_false(adit_mapping_is_held(f->m[0]));
}

/* A server whose epoch makes no sense is asked ever more rarely. */
static void
test_lying_epoch(Fixture *f, gconstpointer data)
{
    guint sent = 0;

    grant_both(f);
    f->now += 60000;
    for (guint i = 0; i < 10000 && f->now < T0 + 3600000; i++) {
        sent += dispatch(f);
        for (guint k = 0; k < 2; k++) {
            if (adit_mapping_expects(f->m[k]))
                grant(f, k, i % 2 ? 0x80000000u : 7);
        }
        f->now = MAX(f->now + 1, adit_pool_deadline(f->pool));
    }
    g_assert_cmpint(f->now, >=, T0 + 3600000);
    g_assert_cmpuint(sent, <, 60);
}

static void
test_version_natpmp(Fixture *f, gconstpointer data)
{
    static const guint8 refusal[] = { 0, 0x81, 0, 1, 0, 0, 0, 0 };
    guint8 bytes[ADIT_PCP_MAX];
    AditNatpmpReply address = { .opcode = ADIT_NATPMP_ADDRESS, .epoch = 9, .external = wan4 };
    AditNatpmpReply map = { .opcode = ADIT_NATPMP_MAP_TCP,
                            .epoch = 9,
                            .internal_port = 443,
                            .external_port = 8443,
                            .lifetime = 7200 };
    gsize len;

    dispatch(f);
    hear(f, refusal, sizeof(refusal), FALSE);
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_NATPMP);
    assert_both(f, ADIT_MAPPING_WAITING);
    adit_pool_dispatch(f->pool, f->now, HALF);
    g_assert_cmpuint(adit_pool_pop_packet(f->pool, bytes), ==, 2); /* the address first */
    g_assert_cmpuint(adit_pool_pop_packet(f->pool, bytes), ==, 12);
    g_assert_cmpuint(bytes[1], ==, ADIT_NATPMP_MAP_TCP);
    g_assert_cmpuint(adit_pool_pop_packet(f->pool, bytes), ==, 12);
    g_assert_cmpuint(bytes[1], ==, ADIT_NATPMP_MAP_UDP);

    len = adit_natpmp_reply_encode(&address, bytes);
    hear(f, bytes, len, FALSE);
    len = adit_natpmp_reply_encode(&map, bytes);
    hear(f, bytes, len, FALSE);
    g_assert_true(adit_mapping_is_held(f->m[0]));
    g_assert_cmpint(f->m[0]->grant.dialect, ==, ADIT_DIALECT_NATPMP);
    g_assert_cmpuint(f->m[0]->grant.external.port, ==, 8443);
    g_assert_cmpint(adit_addr_cmp(&f->m[0]->grant.external.addr, &wan4), ==, 0);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_GRANTED);

    /* Another address, by notice: the same grant is elsewhere now. */
    address.external = other4;
    len = adit_natpmp_reply_encode(&address, bytes);
    hear(f, bytes, len, TRUE);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_CHANGED);
    g_assert_cmpint(adit_addr_cmp(&f->m[0]->grant.external.addr, &other4), ==, 0);
}

static const guint8 offer0[] = { 0, 0x81, 0, 1, 0, 0, 0, 0 };
static const guint8 offer3[] = { 3, 0x81, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
                                 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const guint8 only2[] = { 2, 0x81, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
                                0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static void
test_version_unknown(Fixture *f, gconstpointer data)
{
    dispatch(f);
    hear(f, offer3, sizeof(offer3), FALSE);
    assert_both(f, ADIT_MAPPING_REFUSED);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(f->m[i]->deadline, ==, f->now + 1800000);
        g_assert_cmpuint(f->m[i]->error, ==, ADIT_PCP_UNSUPP_VERSION);
    }
    f->now += 1800000;
    g_assert_cmpuint(dispatch(f), ==, 2);
    assert_both(f, ADIT_MAPPING_ASKING);
}

/* Nobody asked, or not there. */
static void
test_version_unasked(Fixture *f, gconstpointer data)
{
    hear(f, offer0, sizeof(offer0), FALSE);
    dispatch(f);
    hear(f, offer0, sizeof(offer0), TRUE);
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_PCP);
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->unasked, ==, 2);
}

/* One that sends us from either version to the other is left alone. */
static void
test_version_circle(Fixture *f, gconstpointer data)
{
    dispatch(f);
    hear(f, offer0, sizeof(offer0), FALSE);
    dispatch(f);
    hear(f, only2, sizeof(only2), FALSE);
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_PCP);
    dispatch(f);
    hear(f, offer0, sizeof(offer0), FALSE);
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_PCP);
    assert_both(f, ADIT_MAPPING_REFUSED);
}

/* Nine tries of NAT-PMP unanswered, or word of a newer server: PCP again. */
static void
test_version_back(Fixture *f, gconstpointer data)
{
    dispatch(f);
    hear(f, offer0, sizeof(offer0), FALSE);
    for (guint i = 0; i < 100 && adit_pool_get_dialect(f->pool) != ADIT_DIALECT_PCP; i++) {
        f->now = adit_pool_deadline(f->pool);
        dispatch(f);
    }
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_PCP);
    f->now += 10000;
    dispatch(f);
    hear(f, offer0, sizeof(offer0), FALSE);
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_NATPMP);
    hear_announce(f, 4, TRUE);
    g_assert_cmpint(adit_pool_get_dialect(f->pool), ==, ADIT_DIALECT_PCP);
}

static void
test_mismatch(Fixture *f, gconstpointer data)
{
    AditPcpReply reply = reply_to(f, 0, 1000);

    dispatch(f);
    reply.result = ADIT_PCP_ADDRESS_MISMATCH;
    hear_reply(f, &reply, FALSE);
    g_assert_cmpint(f->m[0]->state, ==, ADIT_MAPPING_STOPPED);
    g_assert_cmpint(f->m[0]->deadline, ==, ADIT_NEVER);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_REFUSED);
    adit_pool_move(f->pool, &other4, f->now, HALF);
    g_assert_cmpint(f->m[0]->state, ==, ADIT_MAPPING_WAITING);
}

static void
test_move(Fixture *f, gconstpointer data)
{
    guint8 bytes[ADIT_PCP_MAX];
    AditPcpRequest request;

    grant_both(f);
    adit_pool_move(f->pool, &client4, f->now, HALF);
    assert_both(f, ADIT_MAPPING_GRANTED);
    adit_pool_move(f->pool, &none, f->now, HALF);
    assert_both(f, ADIT_MAPPING_WAITING);
    g_assert_cmpint(f->m[0]->reason, ==, ADIT_MAPPING_MOVED);
    g_assert_cmpint(adit_pool_deadline(f->pool), ==, ADIT_NEVER);
    g_assert_cmpuint(dispatch(f), ==, 0);
    adit_pool_move(f->pool, &other4, f->now, HALF);
    adit_pool_dispatch(f->pool, f->now, HALF);
    g_assert_cmpuint(adit_pool_pop_packet(f->pool, bytes), ==, 60);
    g_assert_cmpint(adit_pcp_request_decode(bytes, 60, &other4, &adit_pcp_offer_all, &request),
                    ==, ADIT_PCP_SUCCESS);
}

static void
test_notice_unasked(Fixture *f, gconstpointer data)
{
    const AditPcpReply error = { .version = ADIT_PCP_VERSION,
                                 .opcode = ADIT_PCP_ANNOUNCE,
                                 .result = ADIT_PCP_NETWORK_FAILURE };
    const AditPcpReply peer = { .version = ADIT_PCP_VERSION, .opcode = ADIT_PCP_PEER };

    grant_both(f);
    hear_announce(f, 0, FALSE); /* not on the port of notices, and we asked nothing */
    hear_reply(f, &error, TRUE);
    hear_reply(f, &peer, FALSE);
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->unasked, ==, 3);
    assert_both(f, ADIT_MAPPING_GRANTED);
}

/* A changed or revoked mapping, told unasked (server item 24). */
static void
test_notice_of_mapping(Fixture *f, gconstpointer data)
{
    AditPcpReply reply;

    grant_both(f);
    reply = reply_to(f, 0, 1000);
    reply.body.external_port = 9443;
    hear_reply(f, &reply, TRUE);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_CHANGED);
    reply.lifetime = 0;
    hear_reply(f, &reply, TRUE);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_LOST);
    g_assert_cmpint(f->m[0]->reason, ==, ADIT_MAPPING_REVOKED);
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->notices, ==, 2);
}

static void
test_handshake(Fixture *f, gconstpointer data)
{
    guint8 bytes[ADIT_PCP_MAX];

    grant_both(f);
    f->now += 180000;
    adit_pool_handshake(f->pool, f->now);
    g_assert_cmpuint(dispatch(f), ==, 0);
    f->now += 180001;
    adit_pool_handshake(f->pool, f->now);
    adit_pool_dispatch(f->pool, f->now, HALF);
    g_assert_cmpuint(adit_pool_pop_packet(f->pool, bytes), ==, ADIT_PCP_HEADER);
    g_assert_cmpuint(bytes[1], ==, ADIT_PCP_ANNOUNCE);
    hear_announce(f, 0, FALSE);
    assert_both(f, ADIT_MAPPING_WAITING);
    g_assert_cmpint(f->m[0]->deadline, ==, f->now); /* we asked: nobody else comes along */
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->losses, ==, 1);
}

/* Three tries, and then the renewals will tell. */
static void
test_handshake_unanswered(Fixture *f, gconstpointer data)
{
    guint sent = 0;

    grant_both(f);
    f->now += 200000;
    adit_pool_handshake(f->pool, f->now);
    while (f->now < T0 + 300000) {
        sent += dispatch(f);
        f->now = adit_pool_deadline(f->pool);
    }
    g_assert_cmpuint(sent, ==, ADIT_POOL_ANNOUNCE_TRIES);
}

/* The tunnel is up again: those that wait for an answer do not wait for their timers. */
static void
test_handshake_wakes(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 8; i++) {
        dispatch(f);
        f->now = adit_pool_deadline(f->pool);
    }
    dispatch(f);
    g_assert_cmpint(adit_pool_deadline(f->pool), >, f->now + 1000);
    f->now += 1000;
    adit_pool_handshake(f->pool, f->now);
    g_assert_cmpuint(dispatch(f), ==, 2);
}

/* A thousand at once: 64, and then 40 a second. */
static void
test_rate(void)
{
    Fixture f = { .now = T0, .pool = adit_pool_new(&server4, &client4) };
    AditWish wish = wish443;
    gint64 start = T0;
    guint sent;

    for (guint i = 0; i < 1000; i++) {
        wish.internal_port = 1000 + i;
        adit_pool_start(f.pool, adit_pool_add(f.pool, &wish, NULL, (const guint8[12]){ 0 }), T0,
                        NULL);
    }
    sent = dispatch(&f);
    g_assert_cmpuint(sent, ==, ADIT_POOL_BURST);
    for (guint i = 0; i < 2000 && sent < 1000; i++) {
        f.now = adit_pool_deadline(f.pool);
        sent += dispatch(&f);
    }
    g_assert_cmpuint(sent, ==, 1000);
    g_assert_cmpint(f.now - start, ==, (1000 - ADIT_POOL_BURST) * ADIT_POOL_GAP_MS);
    g_assert_cmpuint(adit_pool_get_counts(f.pool)->sent, ==, 1000);
    adit_pool_free(f.pool);
}

static void
test_stop_and_remove(Fixture *f, gconstpointer data)
{
    guint8 bytes[ADIT_PCP_MAX];
    AditPcpReply gone;
    AditPoolNews news;

    grant_both(f);
    adit_pool_stop(f->pool, f->m[0], f->now);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_LOST);
    adit_pool_dispatch(f->pool, f->now, HALF);
    g_assert_cmpuint(adit_pool_pop_packet(f->pool, bytes), ==, 60);
    gone = reply_to(f, 0, 1000);
    gone.lifetime = 0;
    hear_reply(f, &gone, FALSE);
    adit_pool_stop(f->pool, f->m[1], f->now);
    adit_pool_remove(f->pool, f->m[0]); /* its DELETED goes with it */
    g_assert_true(adit_pool_pop_news(f->pool, &news));
    g_assert_true(news.mapping == f->m[1]);
    g_assert_false(adit_pool_pop_news(f->pool, &news));
    g_assert_cmpuint(adit_pool_count(f->pool), ==, 1);
    adit_pool_free(NULL);
}

/* Packets nobody fetched and news nobody read do not leak (a sanitizer would tell). */
static void
test_free_full(void)
{
    Fixture f;

    fixture_set_up(&f, NULL);
    adit_pool_dispatch(f.pool, T0, HALF);
    grant(&f, 0, 1);
    adit_pool_free(f.pool);
}

#define ADD(name, func)                                                                        \
    g_test_add("/pcp-client/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("grant", test_grant);
    ADD("C4-wrong-replies", test_wrong_replies);
    ADD("C4-second-copy", test_second_copy);
    g_test_add_func("/pcp-client/C5-epoch", test_epoch);
    ADD("C5-lying-epoch", test_lying_epoch);
    ADD("C6-loss-by-reply", test_loss_by_reply);
    ADD("C6-loss-by-notice", test_loss_by_notice);
    ADD("C5-late-notice", test_late_notice);
    ADD("C6-stale-reply", test_stale_reply);
    ADD("C9-natpmp", test_version_natpmp);
    ADD("C9-unknown-version", test_version_unknown);
    ADD("C9-unasked", test_version_unasked);
    ADD("C9-circle", test_version_circle);
    ADD("C9-back-to-pcp", test_version_back);
    ADD("C10-mismatch", test_mismatch);
    ADD("C13-address", test_move);
    ADD("C14-unasked", test_notice_unasked);
    ADD("C14-mapping-update", test_notice_of_mapping);
    ADD("announce-after-silence", test_handshake);
    ADD("announce-unanswered", test_handshake_unanswered);
    ADD("handshake-wakes", test_handshake_wakes);
    g_test_add_func("/pcp-client/rate", test_rate);
    ADD("stop-and-remove", test_stop_and_remove);
    g_test_add_func("/pcp-client/free-full", test_free_full);
    return g_test_run();
}
