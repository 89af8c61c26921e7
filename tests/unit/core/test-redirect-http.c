/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/redirect-http.h"

#include <string.h>

/* What is asked, and where it is sent or why not. */

static const struct {
    const char *name, *request, *location, *status;
} rows[] = {
    { "path", "GET /a/b HTTP/1.1\r\nHost: example.com\r\n\r\n", "https://example.com/a/b" },
    { "query", "GET /?q=1&r=%20 HTTP/1.1\r\nHost: a.b\r\n\r\n", "https://a.b/?q=1&r=%20" },
    { "head", "HEAD / HTTP/1.1\r\nHost: a.b\r\n\r\n", "https://a.b/" },
    { "old", "GET / HTTP/1.0\r\nHost: a.b\r\n\r\n", "https://a.b/" },
    { "bare-lf", "GET / HTTP/1.1\nHost: a.b\n\n", "https://a.b/" },
    { "port", "GET / HTTP/1.1\r\nHost: a.b:80\r\n\r\n", "https://a.b/" },
    { "blanks", "GET / HTTP/1.1\r\nhOST:\t a.b \t\r\n\r\n", "https://a.b/" },
    { "no-blank", "GET / HTTP/1.1\r\nHost:a.b\r\n\r\n", "https://a.b/" },
    { "ipv4", "GET / HTTP/1.1\r\nHost: 203.0.113.7\r\n\r\n", "https://203.0.113.7/" },
    { "ipv6", "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n", "https://[2001:db8::1]/" },
    { "ipv6-no-port", "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
      "https://[2001:db8::1]/" },
    { "other-headers", "GET / HTTP/1.1\r\nA: b\r\nHost: a.b\r\nCookie: c=d\r\n\r\nbody",
      "https://a.b/" },
    { "absolute", "GET http://c.d/e?f HTTP/1.1\r\nHost: a.b\r\n\r\n", "https://c.d/e?f" },
    { "absolute-bare", "GET HTTP://c.d:80 HTTP/1.1\r\nHost: a.b\r\n\r\n", "https://c.d/" },
    { "absolute-query", "GET http://c.d?e HTTP/1.1\r\nHost: a.b\r\n\r\n", "https://c.d/?e" },
    /* Stays on the host that was asked for. */
    { "two-slashes", "GET //evil.example/ HTTP/1.1\r\nHost: a.b\r\n\r\n",
      "https://a.b//evil.example/" },
    { "at", "GET /@evil.example HTTP/1.1\r\nHost: a.b\r\n\r\n", "https://a.b/@evil.example" },
    { "user", "GET / HTTP/1.1\r\nHost: a.b@evil.example\r\n\r\n", NULL, "400" },
    { "host-path", "GET / HTTP/1.1\r\nHost: evil.example/a.b\r\n\r\n", NULL, "400" },
    { "host-query", "GET / HTTP/1.1\r\nHost: evil.example?a.b\r\n\r\n", NULL, "400" },
    { "host-blank", "GET / HTTP/1.1\r\nHost: a.b c.d\r\n\r\n", NULL, "400" },
    { "host-empty", "GET / HTTP/1.1\r\nHost: \r\n\r\n", NULL, "400" },
    { "host-port-only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", NULL, "400" },
    { "host-bad-port", "GET / HTTP/1.1\r\nHost: a.b:http\r\n\r\n", NULL, "400" },
    { "host-open-bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", NULL, "400" },
    { "host-name-in-brackets", "GET / HTTP/1.1\r\nHost: [a.b]\r\n\r\n", NULL, "400" },
    { "host-percent", "GET / HTTP/1.1\r\nHost: a%0d%0ab\r\n\r\n", NULL, "400" },
    { "host-control", "GET / HTTP/1.1\r\nHost: a.b\rX: y\r\n\r\n", NULL, "400" },
    { "host-twice", "GET / HTTP/1.1\r\nHost: a.b\r\nHost: c.d\r\n\r\n", NULL, "400" },
    { "host-missing", "GET / HTTP/1.1\r\nHostess: a.b\r\n\r\n", NULL, "400" },
    { "absolute-user", "GET http://a.b@c.d/ HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "folded", "GET / HTTP/1.1\r\nHost: a.b\r\n c.d\r\n\r\n", NULL, "400" },
    { "no-colon", "GET / HTTP/1.1\r\nHost a.b\r\n\r\n", NULL, "400" },
    { "blank-before-colon", "GET / HTTP/1.1\r\nHost : a.b\r\n\r\n", NULL, "400" },
    { "control-in-path", "GET /\x01 HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "latin-in-path", "GET /\xe4 HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "no-path", "GET a HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "star", "GET * HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "two-blanks", "GET  / HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "no-version", "GET /\r\nHost: a.b\r\n\r\n", NULL, "400" },
    { "empty", "\r\n\r\n", NULL, "400" },
    { "tls", "\x16\x03\x01\x02\n\r\n", NULL, "400" },
    { "post", "POST / HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "405" },
    { "lower-case", "get / HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "405" },
    { "connect", "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b\r\n\r\n", NULL, "405" },
    { "version-2", "GET / HTTP/2.0\r\nHost: a.b\r\n\r\n", NULL, "505" },
};

static void
test_answer(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    const char *request = rows[i].request;
    g_autofree char *answer = NULL;
    g_autofree char *begin = NULL;

    g_assert_true(adit_redirect_http_is_whole(request, strlen(request), 0));
    answer = adit_redirect_http_answer(request, strlen(request));
    g_assert_true(g_str_has_suffix(answer, "Connection: close\r\n\r\n"));
    if (rows[i].location)
        begin = g_strdup_printf("HTTP/1.1 308 Permanent Redirect\r\nLocation: %s\r\n",
                                rows[i].location);
    else
        begin = g_strdup_printf("HTTP/1.1 %s ", rows[i].status);
    if (!g_str_has_prefix(answer, begin))
        g_error("%s: answered %s", rows[i].name, answer);
    if (!rows[i].location)
        g_assert_null(strstr(answer, "Location"));
}

static void
test_long_name(void)
{
    g_autofree char *label = g_strnfill(60, 'a');
    g_autofree char *name = g_strjoin(".", label, label, label, label, NULL); /* 243 */

    for (guint i = 0; i < 2; i++) {
        g_autofree char *request = g_strdup_printf("GET / HTTP/1.1\r\nHost: %s%s\r\n\r\n", name,
                                                   i ? ".more.than.253" : "");
        g_autofree char *answer = adit_redirect_http_answer(request, strlen(request));

        g_assert_true(g_str_has_prefix(answer, i ? "HTTP/1.1 400 " : "HTTP/1.1 308 "));
    }
}

/* However a request comes in pieces, its end is seen with its last byte. */
static void
test_whole(void)
{
    static const char *const requests[] = { "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n",
                                            "GET / HTTP/1.1\nHost: a.b\n\n",
                                            "GET / HTTP/1.1\nHost: a.b\n\r\n" };

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        gsize len = strlen(requests[i]);

        for (gsize cut = 0; cut < len; cut++) {
            g_assert_false(adit_redirect_http_is_whole(requests[i], cut, 0));
            g_assert_true(adit_redirect_http_is_whole(requests[i], len, cut));
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/redirect-http/%s", rows[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_answer);
    }
    g_test_add_func("/redirect-http/long-name", test_long_name);
    g_test_add_func("/redirect-http/whole", test_whole);
    return g_test_run();
}
