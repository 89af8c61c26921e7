/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/places.h"

#include "libadit/core/error.h"

static gboolean
parse(AditPlaces *places, const char *const *words, GError **error)
{
    g_auto(GStrv) argv = g_strdupv((char **)words);
    g_autofree char **left = g_memdup2(argv, sizeof(*argv) * (g_strv_length(argv) + 1));
    int argc = (int)g_strv_length(argv);

    return adit_places_parse(places, "Does nothing.", &argc, &left, error);
}

/* The command line wins over the environment, that over the system's places. */
static void
test_order(void)
{
    static const char *const words[] = { "aditd", "--state-dir", "/tmp/s", NULL };
    g_auto(AditPlaces) places = { 0 };
    g_autoptr(GError) error = NULL;

    g_setenv("ADIT_STATE_DIR", "/tmp/other", TRUE);
    g_setenv("ADIT_CONFIG_DIR", "/tmp/c", TRUE);
    g_unsetenv("ADIT_RUNTIME_DIR");
    g_assert_true(parse(&places, words, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(places.state, ==, "/tmp/s");
    g_assert_cmpstr(places.config, ==, "/tmp/c");
    g_assert_cmpstr(places.runtime, ==, "/run/adit");
}

static void
test_stray(void)
{
    static const char *const words[] = { "aditd", "home.conf", NULL };
    static const char *const option[] = { "aditd", "--gateway", NULL };
    g_auto(AditPlaces) places = { 0 };
    g_autoptr(GError) error = NULL;

    g_assert_false(parse(&places, words, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "home.conf: takes no argument but options");
    g_clear_error(&error);
    g_assert_false(parse(&places, option, &error));
    g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION);
    g_assert_null(places.state);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/places/order", test_order);
    g_test_add_func("/places/stray", test_stray);
    return g_test_run();
}
