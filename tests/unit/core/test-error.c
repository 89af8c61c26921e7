/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"

#include <glib.h>

static void
test_exit_codes(void)
{
    static const struct {
        AditError code;
        int exit;
    } rows[] = {
        { ADIT_ERROR_CONFIG, 1 }, { ADIT_ERROR_NOT_FOUND, 3 }, { ADIT_ERROR_DENIED, 4 },
        { ADIT_ERROR_BUSY, 1 },   { ADIT_ERROR_TIMEOUT, 5 },   { ADIT_ERROR_PROTOCOL, 1 },
        { ADIT_ERROR_KERNEL, 1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = g_error_new(ADIT_ERROR, rows[i].code, "x");

        g_assert_cmpint(adit_error_exit_code(error), ==, rows[i].exit);
    }
}

static void
test_foreign_domain(void)
{
    g_autoptr(GError) error = g_error_new(G_SHELL_ERROR, G_SHELL_ERROR_FAILED, "x");

    g_assert_cmpint(adit_error_exit_code(error), ==, 1);
}

static void
test_quote(void)
{
    g_autofree char *x100 = g_strnfill(100, 'x'), *x80 = g_strnfill(80, 'x');
    g_autofree char *cut = g_strconcat(x80, "...", NULL);
    const struct {
        const char *text, *quoted;
    } rows[] = {
        { "", "" },
        { "10.0.0.1", "10.0.0.1" },
        { "a\tb\x1b[31m\x7f", "a\\x09b\\x1b[31m\\x7f" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xe2\x80\xae", "\\x202e" }, /* right-to-left override */
        { "a\xff", "a\xef\xbf\xbd" },
        { x80, x80 },
        { x100, cut },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *quoted = adit_error_quote(rows[i].text);

        g_assert_cmpstr(quoted, ==, rows[i].quoted);
    }
}

/* The name under which it travels over D-Bus. */
static void
test_quark(void)
{
    g_assert_cmpstr(g_quark_to_string(ADIT_ERROR), ==, "adit-error-quark");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/exit-codes", test_exit_codes);
    g_test_add_func("/error/foreign-domain", test_foreign_domain);
    g_test_add_func("/error/quote", test_quote);
    g_test_add_func("/error/quark", test_quark);
    return g_test_run();
}
