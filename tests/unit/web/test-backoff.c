/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/backoff.h"

/* Two guesses are free; each one after that makes the next wait longer, up to a minute. */
static void
test_doubles(void)
{
    static const guint waits[] = { 0, 0, 1, 2, 4, 8, 16, 32, 60, 60 };
    g_autoptr(AditWebBackoff) backoff = adit_web_backoff_new();
    gint64 now = 1000;

    for (guint i = 0; i < G_N_ELEMENTS(waits); i++) {
        adit_web_backoff_failed(backoff, "a", now);
        g_assert_cmpuint(adit_web_backoff_wait(backoff, "a", now), ==, waits[i]);
        g_assert_cmpuint(adit_web_backoff_wait(backoff, "b", now), ==, 0);
        now += waits[i];
        g_assert_cmpuint(adit_web_backoff_wait(backoff, "a", now), ==, 0);
    }
}

static void
test_forgets(void)
{
    g_autoptr(AditWebBackoff) backoff = adit_web_backoff_new();

    for (guint i = 0; i < 6; i++)
        adit_web_backoff_failed(backoff, "a", 1000);
    adit_web_backoff_passed(backoff, "a");
    g_assert_cmpuint(adit_web_backoff_wait(backoff, "a", 1000), ==, 0);
    for (guint i = 0; i < 6; i++)
        adit_web_backoff_failed(backoff, "a", 1000);
    adit_web_backoff_failed(backoff, "a", 1000 + 3600);
    g_assert_cmpuint(adit_web_backoff_wait(backoff, "a", 1000 + 3600), ==, 0);
}

/* A flood of addresses keeps the table small and the latest guesser in it. */
static void
test_bounded(void)
{
    g_autoptr(AditWebBackoff) backoff = adit_web_backoff_new();

    for (guint i = 0; i < 5000; i++) {
        g_autofree char *who = g_strdup_printf("10.0.%u.%u", i / 256, i % 256);

        for (guint n = 0; n < 4; n++)
            adit_web_backoff_failed(backoff, who, 1000 + i / 100);
        g_assert_cmpuint(adit_web_backoff_wait(backoff, who, 1000 + i / 100), ==, 2);
    }
    g_assert_cmpuint(adit_web_backoff_wait(backoff, "10.0.0.0", 1000), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/backoff/doubles", test_doubles);
    g_test_add_func("/web/backoff/forgets", test_forgets);
    g_test_add_func("/web/backoff/bounded", test_bounded);
    return g_test_run();
}
