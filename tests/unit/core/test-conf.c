/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/conf.h"
#include "libadit/core/error.h"

#include <string.h>

/* Tokens as text: "line section_no section key=value", a header without key. */
static char *
dump(const AditConf *conf)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < conf->n_tokens; i++) {
        const AditConfToken *t = &conf->tokens[i];

        g_string_append_printf(out, "%u %u %s", t->line, t->section_no, t->section);
        if (t->key)
            g_string_append_printf(out, " %s=%s", t->key, t->value);
        else
            g_assert_cmpstr(t->value, ==, "");
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

static void
test_tokens(void)
{
    static const struct {
        const char *text, *tokens;
    } rows[] = {
        { "", "" },
        { "\n", "" },
        { "\r\n", "" },
        { "# only\n  # comments", "" },
        { "[A]", "1 1 A\n" },
        { "[A]\nk=v", "1 1 A\n2 1 A k=v\n" },
        { "[A]\nk=v\n", "1 1 A\n2 1 A k=v\n" },
        { "[A]\r\nk=v\r\n", "1 1 A\n2 1 A k=v\n" },
        { "[A]\r\nk=v\r", "1 1 A\n2 1 A k=v\n" },
        { "\xef\xbb\xbf[A]\nk=v\n", "1 1 A\n2 1 A k=v\n" },
        { "\xef\xbb\xbf", "" },
        { " [ A ] \n\tk\t=\t v \t\n", "1 1 A\n2 1 A k=v\n" },
        { "[A]#c\nk=v # c # d\n", "1 1 A\n2 1 A k=v\n" },
        { "[A]\nk=\nl = # c\n", "1 1 A\n2 1 A k=\n3 1 A l=\n" },
        { "[A]\nk=a=b\n", "1 1 A\n2 1 A k=a=b\n" },
        { "[A]\nk==\n", "1 1 A\n2 1 A k==\n" },
        { "[A]\nk=[x]\n", "1 1 A\n2 1 A k=[x]\n" },
        { "[A]\nk=a\tb  c\n", "1 1 A\n2 1 A k=a\tb  c\n" },
        { "[A]\nk=;v\n", "1 1 A\n2 1 A k=;v\n" },
        { "[A]\nk=\xe2\x98\x83\n", "1 1 A\n2 1 A k=\xe2\x98\x83\n" },
        { "[A]\nk=\xc2\xa0\n", "1 1 A\n2 1 A k=\xc2\xa0\n" },
        { "[A]\n\n\n[B]\n[A]\nk=v\nk=w\n", "1 1 A\n4 2 B\n5 3 A\n6 3 A k=v\n7 3 A k=w\n" },
        { "[a.b-c_9]\na.b-c_9=v", "1 1 a.b-c_9\n2 1 a.b-c_9 a.b-c_9=v\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        gsize len = strlen(rows[i].text);
        /* Not terminated: an over-read is one. */
        g_autofree char *bytes = g_memdup2(rows[i].text, len);
        g_autoptr(AditConf) conf = adit_conf_parse("x", bytes, len, &error);
        g_autofree char *tokens = NULL;

        g_assert_no_error(error);
        tokens = dump(conf);
        g_assert_cmpstr(tokens, ==, rows[i].tokens);
    }
}

#define ROW(text, message)                                                                     \
    {                                                                                          \
        text, sizeof(text) - 1, "x.conf:" message                                              \
    }
#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
test_bad(void)
{
    static const struct {
        const char *text;
        gsize len;
        const char *message;
    } rows[] = {
        ROW("\0", "1: NUL byte"),
        ROW("[A]\nk=\0\n", "2: NUL byte"),
        ROW("[A]\n# \0\n", "2: NUL byte"),
        ROW("[A]\nk=v\n\0", "3: NUL byte"),
        ROW("\xff", "1: not valid UTF-8"),
        ROW("[A]\n#\xc3\n\xbc\n", "2: not valid UTF-8"),
        ROW("[A]\n\xed\xa0\x80", "2: not valid UTF-8"), /* a surrogate */
        ROW("[A]\nk=\x1b\n", "2: control character"),
        ROW("[A]\nk=\x7f\n", "2: control character"),
        ROW("[A]\nk=\xc2\x80\n", "2: control character"),
        ROW("[A]\nk=\xc2\x9f\n", "2: control character"),
        ROW("[A]\rk=v\n", "1: control character"),
        ROW("[A]\r\r\n", "1: control character"),
        ROW("[A]\nk=\v\n", "2: control character"),
        ROW("k=v\n", "1: a setting before the first [Section]"),
        ROW("\n\nk=\n[A]\n", "3: a setting before the first [Section]"),
        ROW("[A]\nk\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\n=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\n = v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\nk l=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\nk:v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\n;k=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\nk#=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\n\xc3\xbc=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\n" X32 "x=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A]\n\xef\xbb\xbfk=v\n", "2: neither [Section] nor Key = Value"),
        ROW("[A\n", "1: section header without its bracket"),
        ROW("[\n", "1: section header without its bracket"),
        ROW("[A] b\n", "1: section header without its bracket"),
        ROW("[A#]\n", "1: section header without its bracket"),
        ROW("[]\n", "1: not the name of a section"),
        ROW("[ ]\n", "1: not the name of a section"),
        ROW("[A B]\n", "1: not the name of a section"),
        ROW("[A]]\n", "1: not the name of a section"),
        ROW("[" X32 "x]\n", "1: not the name of a section"),
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *bytes = g_memdup2(rows[i].text, rows[i].len);

        g_assert_null(adit_conf_parse("x.conf", bytes, rows[i].len, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
        g_assert_null(adit_conf_parse("x.conf", bytes, rows[i].len, NULL));
    }
}

static void
test_names_as_long_as_may_be(void)
{
    static const char text[] = "[" X32 "]\n" X32 "=v\n";
    g_autoptr(AditConf) conf = adit_conf_parse("x", text, strlen(text), NULL);

    g_assert_nonnull(conf);
    g_assert_cmpstr(conf->tokens[1].section, ==, X32);
    g_assert_cmpstr(conf->tokens[1].key, ==, X32);
}

static void
test_long_line(void)
{
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *value = g_strnfill(ADIT_CONF_LINE_MAX - 2 + i, 'v');
        g_autofree char *text = g_strconcat("[A]\nk=", value, "\r\nl=w\n", NULL);
        g_autoptr(AditConf) conf = adit_conf_parse("x", text, strlen(text), &error);

        if (i == 0) {
            g_assert_no_error(error);
            g_assert_cmpuint(strlen(conf->tokens[1].value), ==, ADIT_CONF_LINE_MAX - 2);
            g_assert_cmpuint(conf->tokens[2].line, ==, 3);
        } else {
            g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
            g_assert_cmpstr(error->message, ==, "x:2: line too long");
        }
    }
}

static void
test_nothing(void)
{
    g_autoptr(AditConf) conf = adit_conf_parse("x", NULL, 0, NULL);

    g_assert_nonnull(conf);
    g_assert_cmpuint(conf->n_tokens, ==, 0);
    adit_conf_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/tokens", test_tokens);
    g_test_add_func("/conf/bad", test_bad);
    g_test_add_func("/conf/names-as-long-as-may-be", test_names_as_long_as_may_be);
    g_test_add_func("/conf/long-line", test_long_line);
    g_test_add_func("/conf/nothing", test_nothing);
    return g_test_run();
}
