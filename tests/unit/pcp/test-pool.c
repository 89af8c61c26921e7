/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/pool-fixture.h"

#include <string.h>

static const AditAddr none = { 0 };

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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("grant", test_grant);
    ADD("C4-wrong-replies", test_wrong_replies);
    ADD("C4-second-copy", test_second_copy);
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
