/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/pool-fixture.h"

#include "libadit/core/natpmp.h"

/* A server of another version, or one that sees us by another address. */

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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("C9-natpmp", test_version_natpmp);
    ADD("C9-unknown-version", test_version_unknown);
    ADD("C9-unasked", test_version_unasked);
    ADD("C9-circle", test_version_circle);
    ADD("C9-back-to-pcp", test_version_back);
    ADD("C10-mismatch", test_mismatch);
    return g_test_run();
}
