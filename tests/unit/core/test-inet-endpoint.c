/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/inet.h"

#include <string.h>

static void
test_sockaddr(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "203.0.113.7:443", "203.0.113.7:443" },
        { "0.0.0.0:0", "0.0.0.0:0" },
        { "203.0.113.7:65535", "203.0.113.7:65535" },
        { "[2001:DB8::1]:443", "[2001:db8::1]:443" },
        { "[::]:0", "[::]:0" },
        { "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1" },
    };
    AditSockAddr before = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        AditSockAddr sa;

        adit_sockaddr_parse(rows[i].in, &sa, &error);
        g_assert_no_error(error);
        text = adit_sockaddr_to_string(&sa);
        g_assert_cmpstr(text, ==, rows[i].out);
        g_assert_cmpint(adit_sockaddr_cmp(&sa, &sa), ==, 0);
        g_assert_cmpint(adit_sockaddr_cmp(&before, &sa), !=, 0);
        g_assert_cmpint(adit_sockaddr_cmp(&before, &sa) < 0, ==,
                        adit_sockaddr_cmp(&sa, &before) > 0);
        before = sa;
    }
}

static void
test_endpoint(void)
{
    static const struct {
        const char *in, *out, *sockaddr; /* NULL: a name */
    } rows[] = {
        { "vpn.example:51820", "vpn.example:51820", NULL },
        { "VPN.Example.:1", "VPN.Example.:1", NULL },
        { "a:65535", "a:65535", NULL },
        { "my_host-1.example:51820", "my_host-1.example:51820", NULL },
        { "xn--bcher-kva.example:51820", "xn--bcher-kva.example:51820", NULL },
        { "1.2.3.example:51820", "1.2.3.example:51820", NULL },
        { "1.2.3.4a:51820", "1.2.3.4a:51820", NULL },
        { "0xg:51820", "0xg:51820", NULL },
        { "203.0.113.7:51820", "203.0.113.7:51820", "203.0.113.7:51820" },
        { "[2001:DB8:0::1]:51820", "[2001:db8::1]:51820", "[2001:db8::1]:51820" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(AditEndpoint) endpoint = { 0 }, again = { 0 };
        g_autofree char *text = NULL, *sa_text = NULL;
        AditSockAddr sa;

        adit_endpoint_parse(rows[i].in, &endpoint, &error);
        g_assert_no_error(error);
        text = adit_endpoint_to_string(&endpoint);
        g_assert_cmpstr(text, ==, rows[i].out);
        if (adit_endpoint_get_sockaddr(&endpoint, &sa))
            sa_text = adit_sockaddr_to_string(&sa);
        g_assert_cmpstr(sa_text, ==, rows[i].sockaddr);
        g_assert_true(adit_endpoint_parse(text, &again, NULL));
        g_assert_cmpint(adit_endpoint_cmp(&endpoint, &again), ==, 0);
    }
}

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890"

static void
test_name_lengths(void)
{
    static const struct {
        const char *text;
        gboolean ok;
    } rows[] = {
        { LABEL_63 ":1", TRUE },
        { LABEL_63 "x:1", FALSE },
        { LABEL_63 "." LABEL_63 "." LABEL_63 ".abcdefghijklmnopqrstuvwxyz"
                   "abcdefghijklmnopqrstuvwxyz012345678:1", /* 253 */
          TRUE },
        { LABEL_63 "." LABEL_63 "." LABEL_63 ".abcdefghijklmnopqrstuvwxyz"
                   "abcdefghijklmnopqrstuvwxyz0123456789:1",
          FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(AditEndpoint) endpoint = { 0 };

        g_assert_cmpint(adit_endpoint_parse(rows[i].text, &endpoint, NULL), ==, rows[i].ok);
    }
}

#define NO_NAME "neither an IP address nor a host name"
#define NO_PORT "the port is not a number up to 65535"

/* sockaddr NULL: the same words as for an endpoint. "" : a sockaddr may be that. */
static void
test_bad(void)
{
    static const struct {
        const char *text, *endpoint, *sockaddr;
    } rows[] = {
        { "", "no port", NULL },
        { "vpn.example", "no port", NULL },
        { "203.0.113.7", "no port", NULL },
        { "[::1]", "no port", NULL },
        { "[::1", "the bracket is not closed", NULL },
        { "[", "the bracket is not closed", NULL },
        { "[::1]x:1", "text between the bracket and the port", NULL },
        { "[::1]]:1", "text between the bracket and the port", NULL },
        { "2001:db8::1:51820", "an IPv6 address needs brackets before the port", NULL },
        { "::1", "an IPv6 address needs brackets before the port", NULL },
        { "203.0.113.7:", NO_PORT, NULL },
        { "203.0.113.7:65536", NO_PORT, NULL },
        { "203.0.113.7:99999999999999999999", NO_PORT, NULL },
        { "203.0.113.7:+1", NO_PORT, NULL },
        { "203.0.113.7:-1", NO_PORT, NULL },
        { "203.0.113.7: 1", NO_PORT, NULL },
        { "203.0.113.7:1 ", NO_PORT, NULL },
        { "203.0.113.7:01", NO_PORT, NULL },
        { "203.0.113.7:http", NO_PORT, NULL },
        { "203.0.113.7:0", "port 0 cannot be reached", "" },
        { "[203.0.113.7]:1", "not an IPv6 address", NULL },
        { "[fe80::1%eth0]:1", "not an IPv6 address", NULL },
        { "[]:1", "not an IPv6 address", NULL },
        { "[vpn.example]:1", "not an IPv6 address", NULL },
        { ":1", NO_NAME, "not an IPv4 address" },
        { ".:1", NO_NAME, "not an IPv4 address" },
        { ".a:1", NO_NAME, "not an IPv4 address" },
        { "a..b:1", NO_NAME, "not an IPv4 address" },
        { "a b:1", NO_NAME, "not an IPv4 address" },
        { " a:1", NO_NAME, "not an IPv4 address" },
        { "-a:1", NO_NAME, "not an IPv4 address" },
        { "a-.b:1", NO_NAME, "not an IPv4 address" },
        { "a/b:1", NO_NAME, "not an IPv4 address" },
        { "b\303\274cher.example:1", NO_NAME, "not an IPv4 address" },
        { "10.1:1", NO_NAME, "not an IPv4 address" },
        { "10.0.0.300:1", NO_NAME, "not an IPv4 address" },
        { "010.0.0.1:1", NO_NAME, "not an IPv4 address" },
        { "10.0.0.1.:1", NO_NAME, "not an IPv4 address" },
        { "0x7f000001:1", NO_NAME, "not an IPv4 address" },
        { "0X7f.0xA:1", NO_NAME, "not an IPv4 address" },
        { "2130706433:1", NO_NAME, "not an IPv4 address" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL, sa_error = NULL;
        const char *sa_why = rows[i].sockaddr ?: rows[i].endpoint;
        g_autofree char *want = g_strdup_printf("%s: %s", rows[i].text, rows[i].endpoint);
        g_autofree char *sa_want = g_strdup_printf("%s: %s", rows[i].text, sa_why);
        g_auto(AditEndpoint) endpoint = { 0 };
        AditSockAddr sa;

        g_assert_false(adit_endpoint_parse(rows[i].text, &endpoint, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, want);
        g_assert_null(endpoint.host);
        g_assert_cmpint(adit_sockaddr_parse(rows[i].text, &sa, &sa_error), ==, *sa_why == '\0');
        if (*sa_why != '\0')
            g_assert_cmpstr(sa_error->message, ==, sa_want);
    }
}

static void
test_endpoint_cmp(void)
{
    char a[] = "a.example", upper[] = "A.EXAMPLE", b[] = "b.example";
    AditEndpoint none = { 0 }, a1 = { a, 1 }, a2 = { upper, 2 }, A1 = { upper, 1 },
                 b1 = { b, 1 };
    AditSockAddr sa;

    g_assert_cmpint(adit_endpoint_cmp(&none, &none), ==, 0);
    g_assert_cmpint(adit_endpoint_cmp(&none, &a1), <, 0);
    g_assert_cmpint(adit_endpoint_cmp(&a1, &none), >, 0);
    g_assert_cmpint(adit_endpoint_cmp(&a1, &A1), ==, 0);
    g_assert_cmpint(adit_endpoint_cmp(&a1, &a2), <, 0);
    g_assert_cmpint(adit_endpoint_cmp(&a2, &b1), <, 0);
    g_assert_false(adit_endpoint_get_sockaddr(&none, &sa));
    g_assert_false(adit_endpoint_get_sockaddr(&a1, &sa));
    adit_endpoint_clear(&none);
    g_assert_null(none.host);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inet-endpoint/sockaddr", test_sockaddr);
    g_test_add_func("/inet-endpoint/endpoint", test_endpoint);
    g_test_add_func("/inet-endpoint/name-lengths", test_name_lengths);
    g_test_add_func("/inet-endpoint/bad", test_bad);
    g_test_add_func("/inet-endpoint/cmp", test_endpoint_cmp);
    return g_test_run();
}
