/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/table.h"

static void
test_aligned(void)
{
    const char *headers[] = { "NAME", "ADDRESS", "STATE", NULL };
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autofree char *plain = NULL, *indented = NULL;

    g_assert_cmpuint(adit_table_rows(table), ==, 0);
    adit_table_add(table, ADIT_PAINT_PLAIN, "home");
    adit_table_addf(table, ADIT_PAINT_PLAIN, "10.59.0.%d", 2);
    adit_table_add(table, ADIT_PAINT_GOOD, "working");
    adit_table_add(table, ADIT_PAINT_PLAIN, "a-longer-name");
    adit_table_add(table, ADIT_PAINT_PLAIN, NULL);
    adit_table_add(table, ADIT_PAINT_BAD, "broken");
    adit_table_add(table, ADIT_PAINT_PLAIN, "");
    adit_table_add(table, ADIT_PAINT_PLAIN, "10.59.0.4");
    adit_table_add(table, ADIT_PAINT_PLAIN, NULL);
    adit_table_add(table, ADIT_PAINT_PLAIN, "widens no column, for it is alone");
    adit_table_add(table, ADIT_PAINT_PLAIN, NULL);
    adit_table_add(table, ADIT_PAINT_PLAIN, NULL);

    g_assert_cmpuint(adit_table_rows(table), ==, 4);
    plain = adit_table_to_string(table, 0, FALSE);
    g_assert_cmpstr(plain, ==,
                    "NAME           ADDRESS    STATE\n"
                    "home           10.59.0.2  working\n"
                    "a-longer-name             broken\n"
                    "               10.59.0.4\n"
                    "widens no column, for it is alone\n");
    indented = adit_table_to_string(table, 2, FALSE);
    g_assert_true(g_str_has_prefix(indented, "  NAME           ADDRESS"));
}

static void
test_colour(void)
{
    g_autoptr(AditTable) table = adit_table_new(NULL, 2);
    g_autofree char *text = NULL;

    adit_table_add(table, ADIT_PAINT_GOOD, "ok");
    adit_table_add(table, ADIT_PAINT_DIM, "x");
    adit_table_add(table, ADIT_PAINT_WARN, "slow");
    adit_table_add(table, ADIT_PAINT_BAD, "");
    text = adit_table_to_string(table, 0, TRUE);
    g_assert_cmpstr(text, ==, "\033[32mok\033[0m  \033[2mx\033[0m\n\033[33mslow\033[0m\n");
    adit_table_free(NULL);
}

static void
test_paint(void)
{
    static const struct {
        AditPaint paint;
        const char *painted;
    } rows[] = {
        { ADIT_PAINT_PLAIN, "x" },
        { ADIT_PAINT_GOOD, "\033[32mx\033[0m" },
        { ADIT_PAINT_WARN, "\033[33mx\033[0m" },
        { ADIT_PAINT_BAD, "\033[31mx\033[0m" },
        { ADIT_PAINT_DIM, "\033[2mx\033[0m" },
        { ADIT_PAINT_BOLD, "\033[1mx\033[0m" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *painted = adit_text_paint("x", rows[i].paint, TRUE);
        g_autofree char *plain = adit_text_paint("x", rows[i].paint, FALSE);

        g_assert_cmpstr(painted, ==, rows[i].painted);
        g_assert_cmpstr(plain, ==, "x");
    }
}

static void
test_width(void)
{
    static const struct {
        const char *text;
        guint width;
    } rows[] = {
        { "", 0 },       { "home", 4 },
        { "Zürich", 6 }, { "Zu\u0308rich", 6 }, /* the dots as a letter of their own */
        { "東京", 4 },
    };
    g_autoptr(AditTable) table = adit_table_new(NULL, 2);
    g_autofree char *text = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpuint(adit_text_width(rows[i].text), ==, rows[i].width);
        adit_table_add(table, ADIT_PAINT_PLAIN, rows[i].text);
        adit_table_add(table, ADIT_PAINT_PLAIN, "|");
    }
    text = adit_table_to_string(table, 0, FALSE);
    g_assert_cmpstr(text, ==, "        |\nhome    |\nZürich  |\nZu\u0308rich  |\n東京    |\n");
}

/* A label comes from the network: it moves no cursor, changes no colour, breaks no line, turns
 * no direction. */
static void
test_printable(void)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        { "plain text", "plain text" },
        { "a\nb\tc\rd", "a?b?c?d" },
        { "\033[31mred", "?[31mred" },
        { "a\xc2\x9b"
          "b",
          "a?b" },
        { "a\u202eb", "a?b" },
        { "\x7f", "?" },
        { "a\u2028b\u2029c", "a?b?c" },
        { "bad \xff utf", "bad \uFFFD utf" },
        { "Zürich 東京", "Zürich 東京" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *shown = adit_text_printable(rows[i].text);

        g_assert_cmpstr(shown, ==, rows[i].shown);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/aligned", test_aligned);
    g_test_add_func("/table/colour", test_colour);
    g_test_add_func("/table/paint", test_paint);
    g_test_add_func("/table/width", test_width);
    g_test_add_func("/table/printable", test_printable);
    return g_test_run();
}
