/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/golden.h"

static void
show_difference(const char *name, const char *want, const char *have)
{
    g_auto(GStrv) w = g_strsplit(want, "\n", -1);
    g_auto(GStrv) h = g_strsplit(have, "\n", -1);
    guint i = 0;

    while (w[i] && h[i] && g_str_equal(w[i], h[i]))
        i++;
    g_test_message("%s:%u: expected: %s", name, i + 1, w[i] ? w[i] : "(end)");
    g_test_message("%s:%u: found:    %s", name, i + 1, h[i] ? h[i] : "(end)");
    g_test_fail();
}

void
golden_check(const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(ADIT_TEST_DATA, name, NULL);
    g_autofree char *want = NULL;
    g_autoptr(GError) error = NULL;

    if (g_getenv("ADIT_TEST_REGENERATE")) {
        g_autofree char *folder = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_file_set_contents(path, text, -1, &error);
        g_assert_no_error(error);
    }

    g_file_get_contents(path, &want, NULL, &error);
    g_assert_no_error(error);
    if (!g_str_equal(want, text))
        show_difference(name, want, text);
}
