/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/inet.h"

#include <string.h>
#include <sys/socket.h>

static AditAddr
addr(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditAddr ret = { 0 };

    adit_addr_parse(text, &ret, &error);
    g_assert_no_error(error);
    return ret;
}

/* RFC 5952, and both text forms of addresses that carry an IPv4. */
static void
test_text(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "192.0.2.1", "192.0.2.1" },
        { "::", "::" },
        { "::1", "::1" },
        { "1::", "1::" },
        { "0:0:0:0:0:0:0:0", "::" },
        { "2001:0db8::0001", "2001:db8::1" },
        { "2001:DB8::ABCD", "2001:db8::abcd" },
        { "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
        { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* a lone zero stays */
        { "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
        { "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },       /* the longer run */
        { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, /* the first of equals */
        { "0:0:1:1:1:1:0:0", "::1:1:1:1:0:0" },
        { "1:1:1:1:1:1:0:0", "1:1:1:1:1:1::" },
        { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
        { "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
        { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
        { "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
        { "::FFFF:c000:0201", "::ffff:192.0.2.1" },
        { "::ffff:0.0.0.0", "::ffff:0.0.0.0" },
        { "::1.2.3.4", "::102:304" }, /* not a known prefix: no dots */
        { "::fffe:1.2.3.4", "::fffe:102:304" },
        { "::ffff:0:1.2.3.4", "::ffff:0:102:304" },
        { "64:ff9b::1.2.3.4", "64:ff9b::102:304" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditAddr a = addr(rows[i].in), again;
        g_autofree char *text = adit_addr_to_string(&a);

        g_assert_cmpstr(text, ==, rows[i].out);
        again = addr(text);
        g_assert_cmpint(adit_addr_cmp(&a, &again), ==, 0);
    }
}

static void
test_bad(void)
{
    static const char *const rows[] = {
        "",
        " ",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "0x1.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.-4",
        "1..3.4",
        "1.2.3.4/32",
        "name",
        ":",
        ":::",
        "1:2:3",
        "1::2::3",
        "::12345",
        "1:2:3:4:5:6:7:8:9",
        "::g",
        "fe80::1%eth0",
        "[::1]",
        "::1 ",
        "::1.2.3",
        "::1.2.3.04",
        "1:2:3:4:5:6:7:",
        ":1::",
        "1:2:3:4:5:6:7:1.2.3.4",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *message = g_strdup_printf("%s: not an IP address", rows[i]);
        AditAddr a, untouched;

        memset(&a, 0xa5, sizeof(a));
        untouched = a;
        g_assert_false(adit_addr_parse(rows[i], &a, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, message);
        g_assert_cmpmem(&a, sizeof(a), &untouched, sizeof(a));
    }
}

static void
test_order(void)
{
    static const char *const rows[] = { "0.0.0.0",  "9.255.255.255",
                                        "10.0.0.0", "255.255.255.255",
                                        "::",       "::1",
                                        "fe80::",   "ff02::1" };
    AditAddr unset = { 0 }, before = unset;
    g_autofree char *text = adit_addr_to_string(&unset);

    g_assert_false(adit_addr_is_set(&unset));
    g_assert_cmpuint(adit_addr_size(&unset), ==, 0);
    g_assert_cmpstr(text, ==, "unset");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditAddr a = addr(rows[i]), same = adit_addr_from_bytes(a.family, a.bytes);

        g_assert_true(adit_addr_is_set(&a));
        g_assert_cmpint(adit_addr_cmp(&before, &a), <, 0);
        g_assert_cmpint(adit_addr_cmp(&a, &before), >, 0);
        g_assert_cmpint(adit_addr_cmp(&a, &same), ==, 0);
        g_assert_cmpuint(adit_addr_size(&a), ==, a.family == AF_INET ? 4 : 16);
        before = a;
    }
}

enum {
    UNSPEC = 1,
    LOOP = 2,
    LINK = 4,
    MULTI = 8,
    PRIV = 16,
    GLOBAL = 32,
};

/* Both edges of every block. */
static void
test_predicates(void)
{
    static const struct {
        const char *text;
        guint want;
    } rows[] = {
        { "0.0.0.0", UNSPEC },
        { "0.0.0.1", 0 },
        { "1.0.0.0", GLOBAL },
        { "9.255.255.255", GLOBAL },
        { "10.0.0.0", PRIV },
        { "10.255.255.255", PRIV },
        { "11.0.0.0", GLOBAL },
        { "100.63.255.255", GLOBAL },
        { "100.64.0.0", PRIV },
        { "100.127.255.255", PRIV },
        { "100.128.0.0", GLOBAL },
        { "126.255.255.255", GLOBAL },
        { "127.0.0.0", LOOP },
        { "127.255.255.255", LOOP },
        { "128.0.0.0", GLOBAL },
        { "169.253.255.255", GLOBAL },
        { "169.254.0.0", LINK },
        { "169.254.255.255", LINK },
        { "169.255.0.0", GLOBAL },
        { "172.15.255.255", GLOBAL },
        { "172.16.0.0", PRIV },
        { "172.31.255.255", PRIV },
        { "172.32.0.0", GLOBAL },
        { "192.167.255.255", GLOBAL },
        { "192.168.0.0", PRIV },
        { "192.168.255.255", PRIV },
        { "192.169.0.0", GLOBAL },
        { "203.0.113.7", GLOBAL },
        { "223.255.255.255", GLOBAL },
        { "224.0.0.0", MULTI },
        { "239.255.255.255", MULTI },
        { "240.0.0.0", 0 },
        { "255.255.255.254", 0 },
        { "255.255.255.255", MULTI },
        { "::", UNSPEC },
        { "::1", LOOP },
        { "::2", 0 },
        { "::ffff:8.8.8.8", 0 },
        { "1fff:ffff::", 0 },
        { "2000::", GLOBAL },
        { "2001:db8::1", GLOBAL },
        { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GLOBAL },
        { "4000::", 0 },
        { "fbff:ffff::", 0 },
        { "fc00::", PRIV },
        { "fdff:ffff::1", PRIV },
        { "fe00::", 0 },
        { "fe7f:ffff::", 0 },
        { "fe80::", LINK },
        { "febf:ffff::", LINK },
        { "fec0::", 0 },
        { "feff:ffff::", 0 },
        { "ff00::", MULTI },
        { "ffff::", MULTI },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditAddr a = addr(rows[i].text);
        guint got = 0;

        got |= adit_addr_is_unspecified(&a) ? UNSPEC : 0;
        got |= adit_addr_is_loopback(&a) ? LOOP : 0;
        got |= adit_addr_is_link_local(&a) ? LINK : 0;
        got |= adit_addr_is_multicast(&a) ? MULTI : 0;
        got |= adit_addr_is_private(&a) ? PRIV : 0;
        got |= adit_addr_is_global(&a) ? GLOBAL : 0;
        if (got != rows[i].want)
            g_error("%s: %#x, not %#x", rows[i].text, got, rows[i].want);
    }
}

static void
test_unset_is_nothing(void)
{
    AditAddr unset = { 0 };

    g_assert_false(adit_addr_is_unspecified(&unset));
    g_assert_false(adit_addr_is_loopback(&unset));
    g_assert_false(adit_addr_is_link_local(&unset));
    g_assert_false(adit_addr_is_multicast(&unset));
    g_assert_false(adit_addr_is_private(&unset));
    g_assert_false(adit_addr_is_global(&unset));
}

static void
test_mapped(void)
{
    static const struct {
        const char *plain, *mapped;
    } rows[] = {
        { "192.0.2.1", "::ffff:192.0.2.1" }, { "0.0.0.0", "::ffff:0.0.0.0" },
        { "2001:db8::1", "2001:db8::1" },    { "::", "::" },
        { "::192.0.2.1", "::c000:201" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditAddr plain = addr(rows[i].plain), wide = addr(rows[i].mapped), back;
        guint8 bytes[16];

        adit_addr_to_mapped(&plain, bytes);
        g_assert_cmpmem(bytes, 16, wide.bytes, 16);
        back = adit_addr_from_mapped(bytes);
        g_assert_cmpint(adit_addr_cmp(&back, &plain), ==, 0);
    }
}

/* Any bytes print to text that parses to the same bytes. */
static void
test_random_text(void)
{
    for (guint i = 0; i < 20000; i++) {
        guint8 bytes[16] = { 0 };
        AditAddr a, again;
        g_autofree char *text = NULL;

        /* Many zeros: that is where the rules of RFC 5952 are. */
        for (guint j = 0; j < 16; j++)
            bytes[j] = g_test_rand_int_range(0, 3) == 0 ? g_test_rand_int_range(0, 256) : 0;
        a = adit_addr_from_bytes(g_test_rand_bit() ? AF_INET : AF_INET6, bytes);
        text = adit_addr_to_string(&a);
        again = addr(text);
        g_assert_cmpmem(&a, sizeof(a), &again, sizeof(again));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inet/text", test_text);
    g_test_add_func("/inet/bad", test_bad);
    g_test_add_func("/inet/order", test_order);
    g_test_add_func("/inet/predicates", test_predicates);
    g_test_add_func("/inet/unset-is-nothing", test_unset_is_nothing);
    g_test_add_func("/inet/mapped", test_mapped);
    g_test_add_func("/inet/random-text", test_random_text);
    return g_test_run();
}
