/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/host.h"

static void
test_host(void)
{
    static const struct {
        const char *host;
        gboolean is_ours;
    } cases[] = {
        { "localhost", TRUE },
        { "LOCALHOST:8420", TRUE },
        { "127.0.0.1", TRUE },
        { "10.59.0.1:8420", TRUE },
        { "[::1]", TRUE },
        { "[2001:db8::1]:1", TRUE },
        { "vps.example", TRUE },
        { "VPS.example:1", TRUE },
        { "other.example", TRUE },
        { "evil.example", FALSE },
        { "", FALSE },
        { NULL, FALSE },
        { ":80", FALSE },
        { "[", FALSE },
        { "[]", FALSE },
        { "[::1]x", FALSE },
        { "::1", FALSE },
        { "localhost:x", FALSE },
        { "localhost.evil", FALSE },
        { "vps.example.", FALSE },
        { "127.1", FALSE },
        { "vps.example,other", FALSE },
        { "0x7f000001", FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].host ? cases[i].host : "none");
        g_assert_cmpint(adit_web_host_is_ours(cases[i].host, "vps.example, other.example"), ==,
                        cases[i].is_ours);
    }
    g_assert_false(adit_web_host_is_ours("vps.example", ""));
}

static void
test_origin(void)
{
    g_assert_true(adit_web_origin_is_host("http://a:1", "a:1"));
    g_assert_true(adit_web_origin_is_host("https://A", "a"));
    g_assert_false(adit_web_origin_is_host("http://a:2", "a:1"));
    g_assert_false(adit_web_origin_is_host("http://a", "b"));
    g_assert_false(adit_web_origin_is_host("null", "null"));
    g_assert_false(adit_web_origin_is_host("ftp://a", "a"));
    g_assert_false(adit_web_origin_is_host("http://a", NULL));
}

static void
test_path(void)
{
    static const struct {
        const char *path, *parts; /* joined by '|'; NULL: none */
    } cases[] = {
        { "/", "" },
        { "/a", "a" },
        { "/a/b%2Fc/4%3A", "a|b/c|4:" },
        { "/%C3%A4", "ä" },
        { "", NULL },
        { "a", NULL },
        { "//", NULL },
        { "/a/", NULL },
        { "/a//b", NULL },
        { "/.", NULL },
        { "/a/..", NULL },
        { "/%2e%2E", NULL },
        { "/%", NULL },
        { "/%4", NULL },
        { "/%00", NULL },
        { "/%0a", NULL },
        { "/%7f", NULL },
        { "/%ff", NULL },
        { "/1/2/3/4/5/6/7/8/9", NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(GStrv) parts = adit_web_path_split(cases[i].path);
        g_autofree char *joined = parts ? g_strjoinv("|", parts) : NULL;

        g_test_message("%s", cases[i].path);
        g_assert_cmpstr(joined, ==, cases[i].parts);
    }
}

static void
test_cookie(void)
{
    g_autofree char *only = adit_web_cookie_get("s=1", "s");
    g_autofree char *last = adit_web_cookie_get("a=b; xs=2; s=x=y", "s");
    g_autofree char *none = adit_web_cookie_get("a=b; xs=2;;s", "s");

    g_assert_cmpstr(only, ==, "1");
    g_assert_cmpstr(last, ==, "x=y");
    g_assert_null(none);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/host/host", test_host);
    g_test_add_func("/web/host/origin", test_origin);
    g_test_add_func("/web/host/path", test_path);
    g_test_add_func("/web/host/cookie", test_cookie);
    return g_test_run();
}
