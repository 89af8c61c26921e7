/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/setting-value.h"

static const char *const words[] = { "one", "two", NULL };

static const AditSetting number = { .type = ADIT_SETTING_INT, .min = -5, .max = 100 };
static const AditSetting flag = { .type = ADIT_SETTING_BOOL };
static const AditSetting text = { .type = ADIT_SETTING_STRING };
static const AditSetting word = { .type = ADIT_SETTING_ENUM, .words = words };
static const AditSetting span = { .type = ADIT_SETTING_DURATION, .max = 30 * 86400 };
static const AditSetting nets = { .type = ADIT_SETTING_PREFIXES };
static const AditSetting ports = { .type = ADIT_SETTING_PORTS };

/* Room for the field of any type. */
typedef union {
    gint64 number;
    char *text;
    AditPrefixList nets;
    AditPortList ports;
} Field;

static const struct {
    const AditSetting *row;
    const char *in, *out;
} good[] = {
    { &number, "0", "0" },
    { &number, "100", "100" },
    { &number, "-5", "-5" },
    { &flag, "yes", "yes" },
    { &flag, "true", "yes" },
    { &flag, "on", "yes" },
    { &flag, "no", "no" },
    { &flag, "false", "no" },
    { &flag, "off", "no" },
    { &text, "", "" },
    { &text, "any thing = at; all", "any thing = at; all" },
    { &word, "two", "two" },
    { &span, "0", "0s" },
    { &span, "90", "90s" },
    { &span, "90s", "90s" },
    { &span, "120", "2min" },
    { &span, "5min", "5min" },
    { &span, "60min", "1h" },
    { &span, "36h", "36h" },
    { &span, "48h", "2d" },
    { &span, "7d", "7d" },
    { &span, "30d", "30d" },
    { &nets, "", "" },
    { &nets, "192.0.2.1", "192.0.2.1/32" },
    { &nets, "10.0.0.0/8,  2001:db8::/32", "10.0.0.0/8, 2001:db8::/32" },
    { &ports, "", "" },
    { &ports, "443", "443" },
    { &ports, "1-65535,22 , 80-80", "1-65535, 22, 80" },
};

static const struct {
    const AditSetting *row;
    const char *in, *why;
} bad[] = {
    { &number, "", ": not a number" },
    { &number, "-", "-: not a number" },
    { &number, "+1", "+1: not a number" },
    { &number, "01", "01: not a number" },
    { &number, "0x10", "0x10: not a number" },
    { &number, "1 2", "1 2: not a number" },
    { &number, "99999999999999999999999", "99999999999999999999999: not a number" },
    { &number, "101", "101: not between -5 and 100" },
    { &number, "-6", "-6: not between -5 and 100" },
    { &flag, "1", "1: not yes or no" },
    { &flag, "Yes", "Yes: not yes or no" },
    { &text, "a#b", "a#b: '#' begins a comment" },
    { &text, "a\nb", "a\\x0ab: more than a line" },
    { &word, "three", "three: not one of one, two" },
    { &word, "", ": not one of one, two" },
    { &span, "", ": not a duration: a number with s, min, h or d" },
    { &span, "h", "h: not a duration: a number with s, min, h or d" },
    { &span, "5m", "5m: not a duration: a number with s, min, h or d" },
    { &span, "1.5h", "1.5h: not a duration: a number with s, min, h or d" },
    { &span, "-1s", "-1s: not a duration: a number with s, min, h or d" },
    { &span, "99999999999d", "99999999999d: not a duration: a number with s, min, h or d" },
    { &span, "31d", "31d: not between 0s and 2592000s" },
    { &nets, "10.0.0.1/8", "10.0.0.1/8: has host bits set" },
    { &ports, "0", "0: not a port or a range of ports" },
    { &ports, "65536", "65536: not a port or a range of ports" },
    { &ports, "80-", "80-: not a port or a range of ports" },
    { &ports, "-80", "-80: not a port or a range of ports" },
    { &ports, "90-80", "90-80: not a port or a range of ports" },
    { &ports, "1-2-3", "1-2-3: not a port or a range of ports" },
    { &ports, "80,,81", ": not a port or a range of ports" },
    { &ports, "80,", ": not a port or a range of ports" },
};

static void
test_good(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *out = NULL;
        g_autofree char *again = NULL;
        Field field = { 0 };

        g_assert_true(adit_setting_value_parse(good[i].row, good[i].in, &field, &error));
        g_assert_no_error(error);
        out = adit_setting_value_to_string(good[i].row, &field);
        g_assert_cmpstr(out, ==, good[i].out);
        /* What it prints it reads; and reads over what is there. */
        g_assert_true(adit_setting_value_parse(good[i].row, out, &field, &error));
        again = adit_setting_value_to_string(good[i].row, &field);
        g_assert_cmpstr(again, ==, out);
        adit_setting_value_clear(good[i].row, &field);
        if (good[i].row == &text || good[i].row == &nets || good[i].row == &ports)
            g_assert_null(field.text);
        if (good[i].row == &ports)
            g_assert_cmpuint(field.ports.len, ==, 0);
    }
}

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        Field field = { 0 };

        g_assert_false(adit_setting_value_parse(bad[i].row, bad[i].in, &field, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, bad[i].why);
        g_assert_cmpint(field.number, ==, 0);
        g_assert_null(field.text);
    }
}

/* The address part of a prefix is told by core/inet in its own words. */
static void
test_bad_prefix(void)
{
    g_autoptr(GError) error = NULL;
    Field field = { 0 };

    g_assert_false(adit_setting_value_parse(&nets, "10.0.0.0/8, 10.0.0.0/33", &field, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, "10.0.0.0/33: "));
    g_assert_null(field.nets.prefixes);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/setting-value/good", test_good);
    g_test_add_func("/setting-value/bad", test_bad);
    g_test_add_func("/setting-value/bad-prefix", test_bad_prefix);
    return g_test_run();
}
