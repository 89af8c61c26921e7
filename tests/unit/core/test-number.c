/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/number.h"

#define NONE G_MAXUINT64 - 1 /* untouched */

static void
test_parse(void)
{
    static const struct {
        const char *text;
        guint base;
        guint64 min, max, value;
    } rows[] = {
        { "0", 10, 0, 0, 0 },
        { "24", 10, 0, G_MAXUINT32, 24 },
        { "024", 10, 0, G_MAXUINT32, NONE },
        { "65535", 10, 1, 65535, 65535 },
        { "65536", 10, 1, 65535, NONE },
        { "0", 10, 1, 65535, NONE },
        { "ff", 16, 0, 255, 255 },
        { "00", 10, 0, 9, NONE },
        { "00ff", 16, 0, 255, 255 },
        { "FF", 16, 0, 255, 255 },
        { "100", 16, 0, 255, NONE },
        { "ff", 10, 0, 255, NONE },
        { "0xff", 16, 0, 255, NONE },
        { "", 10, 0, 9, NONE },
        { " 1", 10, 0, 9, NONE },
        { "1 ", 10, 0, 9, NONE },
        { "+1", 10, 0, 9, NONE },
        { "-1", 10, 0, 9, NONE },
        { "1.0", 10, 0, 9, NONE },
        { "\xd9\xa1", 10, 0, 9, NONE }, /* an Arabic one */
        { "18446744073709551615", 10, 0, G_MAXUINT64, G_MAXUINT64 },
        { "18446744073709551616", 10, 0, G_MAXUINT64, NONE },
        { "99999999999999999999", 10, 0, G_MAXUINT64, NONE },
        { "ffffffffffffffff", 16, 0, G_MAXUINT64, G_MAXUINT64 },
        { "10000000000000000", 16, 0, G_MAXUINT64, NONE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint64 value = NONE;

        g_assert_cmpint(
            adit_number_parse(rows[i].text, rows[i].base, rows[i].min, rows[i].max, &value), ==,
            rows[i].value != NONE);
        g_assert_cmpuint(value, ==, rows[i].value);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/number/parse", test_parse);
    return g_test_run();
}
