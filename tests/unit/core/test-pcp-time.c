/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp-time.h"

static const struct {
    const char *name;
    guint32 prev_server;
    gint64 prev_client;
    guint32 server;
    gint64 client;
    gboolean valid;
} epochs[] = {
    { "in-step", 1000, 500, 1100, 600, TRUE },
    { "same-second", 1000, 500, 1000, 500, TRUE },
    { "overtaken-by-one", 1000, 500, 999, 500, TRUE },
    { "back-by-two", 1000, 500, 998, 500, FALSE },
    { "restart", 100000, 500, 3, 510, FALSE },
    { "from-zero", 0, 500, 10, 510, TRUE },
    { "from-zero-no-underflow", 0, 500, 0, 501, TRUE },
    { "zero-stands-still", 0, 500, 0, 503, FALSE },
    { "zero-slack-of-two", 0, 500, 0, 502, TRUE },
    { "server-slow-within-sixteenth", 1000, 0, 1000 + 1500, 1600, TRUE },
    { "server-slow-edge", 1000, 0, 1000 + 1498, 1600, TRUE },
    { "server-slow-beyond", 1000, 0, 1000 + 1497, 1600, FALSE },
    { "server-fast-edge", 1000, 0, 1000 + 1600, 1498, TRUE },
    { "server-fast-beyond", 1000, 0, 1000 + 1600, 1497, FALSE },
    /* A machine that slept: its boot clock went on, as the server did. */
    { "suspend-counted", 1000, 500, 1000 + 28800, 500 + 28800, TRUE },
    /* With a clock that stops in sleep the same night looks like a restart. */
    { "suspend-not-counted", 1000, 500, 1000 + 28800, 510, FALSE },
    { "wrap-is-a-restart", G_MAXUINT32, 500, 0, 501, FALSE },
    { "largest", G_MAXUINT32 - 10, 500, G_MAXUINT32, 510, TRUE },
};

static void
test_epoch(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);

    g_assert_cmpint(adit_pcp_epoch_valid(epochs[i].prev_server, epochs[i].prev_client,
                                         epochs[i].server, epochs[i].client),
                    ==, epochs[i].valid);
}

static void
test_c3_first_retry(void)
{
    g_assert_cmpuint(adit_pcp_retry_first_ms(0), ==, 2700);
    g_assert_cmpuint(adit_pcp_retry_first_ms(1u << 31), ==, 3000);
    g_assert_cmpuint(adit_pcp_retry_first_ms(G_MAXUINT32), ==, 3300);
}

static void
test_c3_next_retry(void)
{
    g_assert_cmpuint(adit_pcp_retry_next_ms(3000, 1u << 31), ==, 6000);
    g_assert_cmpuint(adit_pcp_retry_next_ms(3000, 0), ==, 5400);
    g_assert_cmpuint(adit_pcp_retry_next_ms(3000, G_MAXUINT32), ==, 6600);
    /* The cap is put on before the jitter. */
    g_assert_cmpuint(adit_pcp_retry_next_ms(1000000, 0), ==, 921600);
    g_assert_cmpuint(adit_pcp_retry_next_ms(1000000, G_MAXUINT32), ==, 1126400);
    g_assert_cmpuint(adit_pcp_retry_next_ms(G_MAXUINT32, 1u << 31), ==, 1024000);
}

/* No count or time limit: the interval neither stops growing early nor shrinks. */
static void
test_c3_sequence(void)
{
    guint32 interval = adit_pcp_retry_first_ms(1u << 31);
    const guint32 want[] = { 6000,   12000,  24000,  48000,   96000,
                             192000, 384000, 768000, 1024000, 1024000 };

    for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
        interval = adit_pcp_retry_next_ms(interval, 1u << 31);
        g_assert_cmpuint(interval, ==, want[i]);
    }
}

static void
test_c7_windows(void)
{
    const struct {
        guint attempt;
        guint32 from, to; /* of 7200 s */
    } rows[] = {
        { 0, 3600000, 4500000 },
        { 1, 5400000, 5850000 },
        { 2, 6300000, 6525000 },
        { 3, 6750000, 6862500 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint32 at;

        g_assert_true(adit_pcp_renewal_ms(7200, rows[i].attempt, 0, 0, &at));
        g_assert_cmpuint(at, ==, rows[i].from);
        g_assert_true(adit_pcp_renewal_ms(7200, rows[i].attempt, 0, G_MAXUINT32, &at));
        g_assert_cmpuint(at, >=, rows[i].to - 2);
        g_assert_cmpuint(at, <, rows[i].to);
    }
}

static void
test_c7_spacing(void)
{
    guint32 previous = 0, at = 77;
    guint attempt = 0;

    for (; adit_pcp_renewal_ms(120, attempt, previous, g_test_rand_int(), &at); attempt++) {
        g_assert_cmpuint(at, >=, previous + 4000);
        g_assert_cmpuint(at, <, 120000);
        g_assert_cmpuint(attempt, <, 40);
        previous = at;
    }
    g_assert_cmpuint(attempt, >=, 4);
    g_assert_cmpuint(at, ==, previous);            /* untouched by the refusal */
    g_assert_cmpuint(previous, >=, 120000 - 8000); /* it tried to the end */
}

static void
test_c7_extremes(void)
{
    guint32 at;

    g_assert_false(adit_pcp_renewal_ms(0, 0, 0, 0, &at));
    g_assert_false(adit_pcp_renewal_ms(4, 0, 0, 0, &at)); /* no room for 4 s of silence */
    g_assert_true(adit_pcp_renewal_ms(5, 0, 0, 0, &at));
    g_assert_cmpuint(at, ==, 4000);
    /* C8: a grant of years is renewed as one of a day. */
    g_assert_true(adit_pcp_renewal_ms(G_MAXUINT32, 0, 0, 0, &at));
    g_assert_cmpuint(at, ==, 43200000);
    g_assert_false(adit_pcp_renewal_ms(86400, 100, G_MAXUINT32, G_MAXUINT32, &at));
    g_assert_false(adit_pcp_renewal_ms(86400, G_MAXUINT, 0, 0, &at)); /* nothing is left */
}

static void
test_c6_notice_pause(void)
{
    g_assert_cmpuint(adit_pcp_notice_pause_ms(0), ==, 0);
    g_assert_cmpuint(adit_pcp_notice_pause_ms(G_MAXUINT32), ==, 5000);
}

static void
test_s23_announce_gaps(void)
{
    guint32 sum = 0;

    g_assert_cmpuint(adit_pcp_announce_gap_ms(0), ==, 0);
    g_assert_cmpuint(adit_pcp_announce_gap_ms(1), ==, 250);
    g_assert_cmpuint(adit_pcp_announce_gap_ms(2), ==, 500);
    for (guint i = 1; i <= ADIT_PCP_ANNOUNCE_COUNT; i++)
        sum += adit_pcp_announce_gap_ms(i);
    g_assert_cmpuint(sum, ==, 250 * 511);
    g_assert_cmpuint(adit_pcp_announce_gap_ms(10), ==, 0);
    g_assert_cmpuint(adit_pcp_announce_gap_ms(G_MAXUINT), ==, 0);
}

static void
test_e1_natpmp_retries(void)
{
    g_assert_cmpuint(adit_natpmp_retry_ms(0), ==, 0);
    g_assert_cmpuint(adit_natpmp_retry_ms(1), ==, 250);
    g_assert_cmpuint(adit_natpmp_retry_ms(2), ==, 500);
    g_assert_cmpuint(adit_natpmp_retry_ms(9), ==, 64000);
    g_assert_cmpuint(adit_natpmp_retry_ms(10), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(epochs); i++) {
        g_autofree char *path = g_strdup_printf("/pcp-time/C5-epoch/%s", epochs[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_epoch);
    }
    g_test_add_func("/pcp-time/C3-first-retry", test_c3_first_retry);
    g_test_add_func("/pcp-time/C3-next-retry", test_c3_next_retry);
    g_test_add_func("/pcp-time/C3-sequence", test_c3_sequence);
    g_test_add_func("/pcp-time/C6-notice-pause", test_c6_notice_pause);
    g_test_add_func("/pcp-time/C7-windows", test_c7_windows);
    g_test_add_func("/pcp-time/C7-spacing", test_c7_spacing);
    g_test_add_func("/pcp-time/C7-extremes", test_c7_extremes);
    g_test_add_func("/pcp-time/S23-announce-gaps", test_s23_announce_gaps);
    g_test_add_func("/pcp-time/E1-natpmp-retries", test_e1_natpmp_retries);
    return g_test_run();
}
