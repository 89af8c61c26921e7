/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"
#include "tunnel-server/pcp-announce.h"
#include "tunnel-server/pcp-rate.h"

#define MANY 20000 /* 10,000 devices in both families */

static AditPcpTarget
target(guint i)
{
    AditPcpTarget t = { sample_prefix("10.0.0.0").addr, sample_prefix("10.255.0.1").addr };

    t.peer.bytes[1] = (guint8)(i >> 16);
    t.peer.bytes[2] = (guint8)(i >> 8);
    t.peer.bytes[3] = (guint8)i;
    return t;
}

/* Sends all that is due until @now_ms; how many. */
static guint
run_until(AditPcpAnnounce *announce, gint64 until_ms, gint64 *now_ms)
{
    AditPcpTarget sent[32];
    guint total = 0;

    for (gint64 at; (at = adit_pcp_announce_deadline(announce)) <= until_ms;) {
        *now_ms = MAX(*now_ms, at);
        total += adit_pcp_announce_next(announce, *now_ms, sent, G_N_ELEMENTS(sent));
    }
    return total;
}

/* 5,000 a second at least and never more than 6,400, so that it is neither late nor a flood. */
static void
test_pace(void)
{
    g_autoptr(AditPcpAnnounce) announce = adit_pcp_announce_new();
    g_autofree AditPcpTarget *targets = g_new(AditPcpTarget, MANY);
    gint64 now_ms = 1000;

    for (guint i = 0; i < MANY; i++)
        targets[i] = target(i);
    adit_pcp_announce_begin(announce, targets, MANY, now_ms);
    for (guint second = 1; second <= 3; second++) {
        const guint n = run_until(announce, 1000 + second * 1000 - 1, &now_ms);

        g_assert_cmpuint(n, >=, 5000);
        g_assert_cmpuint(n, <=, 6432);
    }
    g_assert_cmpuint(run_until(announce, 5300, &now_ms), >, 0);
    g_assert_cmpint(now_ms, <=, 5300);
}

static void
test_rounds(void)
{
    g_autoptr(AditPcpAnnounce) announce = adit_pcp_announce_new();
    const AditPcpTarget targets[] = { target(1), target(2) };
    gint64 now_ms = 0;

    adit_pcp_announce_begin(announce, targets, 2, 0);
    g_assert_cmpuint(run_until(announce, 0, &now_ms), ==, 2);
    adit_pcp_announce_heard(announce, &targets[0].peer);
    g_assert_cmpuint(run_until(announce, 260, &now_ms), <=, 2); /* the round had begun */
    g_assert_cmpuint(run_until(announce, 800, &now_ms), ==, 1);
    g_assert_cmpuint(run_until(announce, 3600000, &now_ms), ==, 7); /* ten in all */
    g_assert_cmpint(adit_pcp_announce_deadline(announce), ==, G_MAXINT64);
    adit_pcp_announce_begin(announce, targets, 2, now_ms);
    run_until(announce, now_ms, &now_ms);
    adit_pcp_announce_heard(announce, &targets[0].peer);
    adit_pcp_announce_heard(announce, &targets[1].peer);
    run_until(announce, now_ms + 1000, &now_ms);
    g_assert_cmpint(adit_pcp_announce_deadline(announce), ==, G_MAXINT64); /* nobody is left */
    adit_pcp_announce_begin(announce, targets, 2, now_ms);
    adit_pcp_announce_heard(announce, &targets[0].peer); /* another program than waits for it */
    g_assert_cmpuint(run_until(announce, now_ms, &now_ms), ==, 2);
    g_assert_cmpuint(run_until(announce, now_ms + 300, &now_ms), ==, 1);
}

static void
test_rate(void)
{
    g_autoptr(AditPcpRate) rate = adit_pcp_rate_new();
    guint n = 0;

    while (adit_pcp_rate_take(rate, 1, 1000, 50, 200))
        n++;
    g_assert_cmpuint(n, ==, 200);
    g_assert_true(adit_pcp_rate_take(rate, 2, 1000, 50, 200)); /* another's flood is not mine */
    g_assert_false(adit_pcp_rate_take(rate, 1, 1010, 50, 200));
    g_assert_true(adit_pcp_rate_take(rate, 1, 1020, 50, 200));
    for (n = 0; adit_pcp_rate_take(rate, 1, 2020, 50, 200); n++)
        ;
    g_assert_cmpuint(n, ==, 50);
    adit_pcp_rate_take(rate, 1, 0, 50, 200); /* a clock that goes back breaks nothing */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-announce/pace", test_pace);
    g_test_add_func("/pcp-announce/rounds", test_rounds);
    g_test_add_func("/pcp-rate/buckets", test_rate);
    return g_test_run();
}
