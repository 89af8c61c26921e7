/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/pool.h"

#include <netinet/in.h>

#define T0 5000000
#define HALF 0x80000000u

/* C16, RFC 7488: after three unanswered tries it is the next server's turn, about which nothing
 * is known; one that has granted something is stayed with. */

static const AditAddr first4 = { AF_INET, { 10, 59, 0, 1 } };
static const AditAddr next4 = { AF_INET, { 10, 59, 0, 77 } };
static const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };
static const AditWish wish443 = {
    .protocol = IPPROTO_TCP, .internal_port = 443, .external_port = 443, .lifetime = 3600
};

typedef struct {
    AditPool *pool;
    AditMapping *m;
    gint64 now;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->now = T0;
    f->pool = adit_pool_new(&first4, &client4);
    f->m = adit_pool_add(f->pool, &wish443, NULL, (const guint8 *)"abcdefghijkl");
    adit_pool_start(f->pool, f->m, T0, NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    adit_pool_free(f->pool);
}

/* Goes to the deadline and counts what is sent there. */
static guint
ask(Fixture *f)
{
    guint8 bytes[ADIT_PCP_MAX];
    guint n = 0;

    f->now = MAX(f->now, adit_pool_deadline(f->pool));
    adit_pool_dispatch(f->pool, f->now, HALF);
    while (adit_pool_pop_packet(f->pool, bytes) > 0)
        n++;
    return n;
}

static void
hear(Fixture *f, const AditAddr *from, AditPcpResult result, guint32 epoch, gboolean notice)
{
    guint8 bytes[ADIT_PCP_MAX];
    AditPcpRequest request;
    AditPcpReply reply;
    AditPoolMessage message = { .now = f->now, .dice = HALF, .bytes = bytes, .notice = notice };

    adit_mapping_request(f->m, &client4, &request);
    adit_pcp_reply_init(&request, &reply);
    reply.lifetime = 3600;
    reply.epoch = epoch;
    reply.result = (guint8)result;
    message.from = (AditSockAddr){ *from, ADIT_PCP_SERVER_PORT };
    message.len = adit_pcp_reply_encode(&reply, bytes);
    adit_pool_receive(f->pool, &message);
}

static void
grant(Fixture *f, const AditAddr *from, guint32 epoch)
{
    hear(f, from, ADIT_PCP_SUCCESS, epoch, FALSE);
}

static void
test_next(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 3; i++) {
        g_assert_false(adit_pool_is_deaf(f->pool, f->now));
        g_assert_cmpuint(ask(f), ==, 1);
    }
    g_assert_false(adit_pool_is_deaf(f->pool, f->now));
    f->now = adit_pool_deadline(f->pool);
    g_assert_true(adit_pool_is_deaf(f->pool, f->now));

    adit_pool_turn(f->pool, &next4, f->now, HALF);
    g_assert_false(adit_pool_is_deaf(f->pool, f->now));
    g_assert_cmpuint(ask(f), ==, 1);
    grant(f, &first4, 1); /* too late */
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->strangers, ==, 1);
    grant(f, &next4, 1);
    g_assert_true(adit_mapping_is_held(f->m));
}

/* Silent while something is held: its lease may outlive the silence. */
static void
test_held(Fixture *f, gconstpointer data)
{
    ask(f);
    grant(f, &first4, 1);
    for (guint i = 0; i < 5; i++)
        ask(f);
    g_assert_true(adit_mapping_is_held(f->m));
    f->now = adit_pool_deadline(f->pool);
    g_assert_false(adit_pool_is_deaf(f->pool, f->now));
}

/* Neither the epoch nor the dialect of one server is the other's. */
static void
test_nothing_known(Fixture *f, gconstpointer data)
{
    ask(f);
    grant(f, &first4, 1u << 31);
    adit_pool_turn(f->pool, &next4, f->now, HALF);
    g_assert_cmpint(f->m->state, ==, ADIT_MAPPING_WAITING);
    ask(f);
    grant(f, &next4, 0);
    g_assert_cmpuint(adit_pool_get_counts(f->pool)->losses, ==, 0);
    g_assert_true(adit_mapping_is_held(f->m));
}

/* Turned off by the operator, and on again: asked about at once, if its own server says so. */
static void
test_refused_and_back(Fixture *f, gconstpointer data)
{
    ask(f);
    grant(f, &first4, 1000);
    f->now += 60000;
    hear(f, &first4, ADIT_PCP_NOT_AUTHORIZED, 1060, TRUE);
    g_assert_cmpint(adit_pool_deadline(f->pool), <=, f->now);
    g_assert_cmpuint(ask(f), ==, 1);
    hear(f, &first4, ADIT_PCP_NOT_AUTHORIZED, 1060, FALSE);
    g_assert_cmpint(f->m->state, ==, ADIT_MAPPING_REFUSED);
    f->now += 60000;
    hear(f, &next4, ADIT_PCP_SUCCESS, 1120, TRUE);
    g_assert_cmpint(adit_pool_deadline(f->pool), >, f->now);
    hear(f, &first4, ADIT_PCP_SUCCESS, 1120, TRUE);
    g_assert_cmpint(adit_pool_deadline(f->pool), <=, f->now);
    g_assert_cmpuint(ask(f), ==, 1);
    grant(f, &first4, 1120);
    g_assert_true(adit_mapping_is_held(f->m));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/pcp-client/C16-next-server", Fixture, NULL, set_up, test_next, tear_down);
    g_test_add("/pcp-client/C16-stays", Fixture, NULL, set_up, test_held, tear_down);
    g_test_add("/pcp-client/C16-nothing-known", Fixture, NULL, set_up, test_nothing_known,
               tear_down);
    g_test_add("/pcp-client/C14-refused-and-back", Fixture, NULL, set_up, test_refused_and_back,
               tear_down);
    return g_test_run();
}
