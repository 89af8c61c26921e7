/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/metrics.h"

#include <string.h>

static void
test_text(void)
{
    const AditWebCounters counters = { .requests = 7, .refused[ADIT_WEB_REFUSED_HOST] = 3 };
    g_autoptr(GVariant) devices = g_variant_ref_sink(g_variant_new_parsed(
        "[('a\"\\\\\\nb', 'home', '10.0.0.2', '', 'server', 'k', true, @as [], '', uint64 90, "
        "uint64 5, uint64 18446744073709551615), "
        "('new', 'home', '10.0.0.3', '', 'client', 'k', true, @as [], '', uint64 0, uint64 0, "
        "uint64 0)]"));
    const AditWebMetrics metrics = {
        .is_up = TRUE, .devices = devices, .now = 100, .counters = &counters
    };
    g_autofree char *text = adit_web_metrics_text(&metrics);

    g_assert_nonnull(strstr(text, "adit_up 1\n"));
    g_assert_nonnull(
        strstr(text, "adit_device_handshake_age_seconds{device=\"a\\\"\\\\\\nb\"} 10\n"));
    g_assert_null(strstr(text, "adit_device_handshake_age_seconds{device=\"new\"}"));
    g_assert_nonnull(strstr(text, "} 18446744073709551615\n"));
    g_assert_nonnull(strstr(text, "adit_web_refused_total{reason=\"host\"} 3\n"));
    g_assert_null(strstr(text, "adit_mappings"));
    g_assert_true(g_str_has_suffix(text, "\n"));
}

/* A clock that went back makes no age below zero. */
static void
test_clock(void)
{
    const AditWebCounters counters = { 0 };
    g_autoptr(GVariant) devices = g_variant_ref_sink(g_variant_new_parsed(
        "[('a', '', '', '', '', '', true, @as [], '', uint64 90, uint64 0, "
        "uint64 0)]"));
    const AditWebMetrics metrics = { .devices = devices, .now = 50, .counters = &counters };
    g_autofree char *text = adit_web_metrics_text(&metrics);

    g_assert_nonnull(strstr(text, "adit_device_handshake_age_seconds{device=\"a\"} 0\n"));
    g_assert_nonnull(strstr(text, "adit_up 0\n"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/metrics/text", test_text);
    g_test_add_func("/web/metrics/clock", test_clock);
    return g_test_run();
}
