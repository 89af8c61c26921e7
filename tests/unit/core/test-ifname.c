/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/ifname.h"

static void
test_derive(void)
{
    static const struct {
        const char *wish;
        const char *name;
    } rows[] = {
        { "home.conf", "home" },
        { "/home/ann/Downloads/My home (1).conf", "my-home-1" },
        { "wg0", "wg0" },
        { "a-name-that-is-much-too-long.conf", "a-name-that-is" },
        { "Zürich.conf", "z-rich" },
        { ".conf", "conf" },
        { "???", "adit" },
        { "", "adit" },
        { "--x--", "x" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = adit_ifname_derive(rows[i].wish, NULL);

        g_assert_cmpstr(name, ==, rows[i].name);
        g_assert_true(adit_ifname_is_valid(name));
    }
}

static void
test_taken(void)
{
    static const char *const taken[] = { "home", "home-2", "exactly-fifteen", NULL };
    g_autofree char *third = adit_ifname_derive("home.conf", taken);
    g_autofree char *cut = adit_ifname_derive("exactly-fifteen", taken);

    g_assert_cmpstr(third, ==, "home-3");
    g_assert_cmpstr(cut, ==, "exactly-fifte-2");
}

static void
test_valid(void)
{
    static const char *const good[] = { "a", "eth0.100", "wg-home", "123456789012345" };
    static const char *const bad[] = {
        "", ".", "..", "a b", "a/b", "a:b", "1234567890123456", "\x7f"
    };

    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(adit_ifname_is_valid(good[i]));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(adit_ifname_is_valid(bad[i]));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ifname/derive", test_derive);
    g_test_add_func("/ifname/taken", test_taken);
    g_test_add_func("/ifname/valid", test_valid);
    return g_test_run();
}
