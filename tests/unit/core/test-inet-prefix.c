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

static AditPrefix
prefix(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditPrefix ret = { 0 };

    adit_prefix_parse(text, &ret, &error);
    g_assert_no_error(error);
    return ret;
}

static void
assert_addr(const AditAddr *got, const char *want)
{
    g_autofree char *text = adit_addr_to_string(got);

    g_assert_cmpstr(text, ==, want);
}

static void
assert_prefix(const AditPrefix *got, const char *want)
{
    g_autofree char *text = adit_prefix_to_string(got);

    g_assert_cmpstr(text, ==, want);
}

/* Text in, text out, the network of it. */
static void
test_text(void)
{
    static const struct {
        const char *in, *out, *network;
    } rows[] = {
        { "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8" },
        { "10.1.2.3/8", "10.1.2.3/8", "10.0.0.0/8" },
        { "10.1.2.3", "10.1.2.3/32", "10.1.2.3/32" },
        { "255.255.255.255/0", "255.255.255.255/0", "0.0.0.0/0" },
        { "255.255.255.255/1", "255.255.255.255/1", "128.0.0.0/1" },
        { "255.255.255.255/7", "255.255.255.255/7", "254.0.0.0/7" },
        { "255.255.255.255/9", "255.255.255.255/9", "255.128.0.0/9" },
        { "255.255.255.255/31", "255.255.255.255/31", "255.255.255.254/31" },
        { "255.255.255.255/32", "255.255.255.255/32", "255.255.255.255/32" },
        { "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0" },
        { "::/0", "::/0", "::/0" },
        { "::1", "::1/128", "::1/128" },
        { "2001:DB8::1/32", "2001:db8::1/32", "2001:db8::/32" },
        { "ffff::ffff/127", "ffff::ffff/127", "ffff::fffe/127" },
        { "ffff::ffff/128", "ffff::ffff/128", "ffff::ffff/128" },
        { "ffff:ffff::/17", "ffff:ffff::/17", "ffff:8000::/17" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix p = prefix(rows[i].in), net = adit_prefix_network(&p);
        AditPrefix made = adit_prefix_make(&p.addr, p.len);

        assert_prefix(&p, rows[i].out);
        assert_prefix(&net, rows[i].network);
        g_assert_cmpint(adit_prefix_has_host_bits(&p), ==,
                        strcmp(rows[i].out, rows[i].network) != 0);
        g_assert_false(adit_prefix_has_host_bits(&net));
        g_assert_cmpint(adit_prefix_is_default(&net), ==, p.len == 0);
        g_assert_cmpint(adit_prefix_cmp(&p, &made), ==, 0);
    }
}

static void
test_bad(void)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "", ": not an IP address or prefix" },
        { "home", "home: not an IP address or prefix" },
        { "home/24", "home/24: not an IP prefix" },
        { "/24", "/24: not an IP prefix" },
        { "10.0.0.0/33", "10.0.0.0/33: prefix longer than 32" },
        { "10.0.0.0/4294967295", "10.0.0.0/4294967295: prefix longer than 32" },
        { "10.0.0.0/4294967296",
          "10.0.0.0/4294967296: not an IP prefix: the length is not a number" },
        { "::/129", "::/129: prefix longer than 128" },
        { "::/256", "::/256: prefix longer than 128" },
        { "10.0.0.0/", "10.0.0.0/: not an IP prefix: the length is not a number" },
        { "10.0.0.0/08", "10.0.0.0/08: not an IP prefix: the length is not a number" },
        { "10.0.0.0/+8", "10.0.0.0/+8: not an IP prefix: the length is not a number" },
        { "10.0.0.0/-8", "10.0.0.0/-8: not an IP prefix: the length is not a number" },
        { "10.0.0.0/ 8", "10.0.0.0/ 8: not an IP prefix: the length is not a number" },
        { "10.0.0.0/8 ", "10.0.0.0/8 : not an IP prefix: the length is not a number" },
        { "10.0.0.0/8/8", "10.0.0.0/8/8: not an IP prefix: the length is not a number" },
        { "10.0.0.0/255.0.0.0",
          "10.0.0.0/255.0.0.0: not an IP prefix: the length is not a number" },
        { "010.0.0.0/8", "010.0.0.0/8: not an IP prefix" },
        { "fe80::1%eth0/64", "fe80::1%eth0/64: not an IP prefix" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        AditPrefix p, untouched;

        memset(&p, 0xa5, sizeof(p));
        untouched = p;
        g_assert_false(adit_prefix_parse(rows[i].text, &p, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
        g_assert_cmpmem(&p, sizeof(p), &untouched, sizeof(p));
        g_assert_false(adit_prefix_parse(rows[i].text, &p, NULL));
    }
}

static void
test_order(void)
{
    static const char *const rows[] = { "0.0.0.0/0",   "0.0.0.0/8", "10.0.0.0/8",
                                        "10.0.0.0/32", "::/0",      "::/128" };
    AditPrefix before = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix p = prefix(rows[i]);

        g_assert_cmpint(adit_prefix_cmp(&before, &p), <, 0);
        g_assert_cmpint(adit_prefix_cmp(&p, &before), >, 0);
        before = p;
    }
}

static void
test_contains(void)
{
    static const struct {
        const char *prefix, *addr;
        gboolean in;
    } rows[] = {
        { "0.0.0.0/0", "255.255.255.255", TRUE },
        { "0.0.0.0/0", "::", FALSE },
        { "::/0", "ffff::", TRUE },
        { "::/0", "0.0.0.0", FALSE },
        { "10.0.0.0/8", "10.255.255.255", TRUE },
        { "10.0.0.0/8", "11.0.0.0", FALSE },
        { "10.1.2.3/8", "10.9.9.9", TRUE },
        { "10.0.0.0/31", "10.0.0.1", TRUE },
        { "10.0.0.0/31", "10.0.0.2", FALSE },
        { "10.0.0.0/32", "10.0.0.0", TRUE },
        { "10.0.0.0/32", "10.0.0.1", FALSE },
        { "2001:db8::/33", "2001:db8:7fff::", TRUE },
        { "2001:db8::/33", "2001:db8:8000::", FALSE },
        { "::1/128", "::1", TRUE },
        { "::1/128", "::", FALSE },
    };
    AditAddr unset = { 0 };
    AditPrefix any4 = prefix("0.0.0.0/0"), none = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix p = prefix(rows[i].prefix), host;
        AditAddr a = addr(rows[i].addr);

        g_assert_cmpint(adit_prefix_contains(&p, &a), ==, rows[i].in);
        host = adit_prefix_host(&a);
        g_assert_cmpint(adit_prefix_covers(&p, &host), ==, rows[i].in);
        g_assert_cmpint(adit_prefix_overlaps(&host, &p), ==, rows[i].in);
    }
    g_assert_false(adit_prefix_contains(&any4, &unset));
    g_assert_false(adit_prefix_contains(&none, &unset));
    g_assert_false(adit_prefix_contains(&none, &any4.addr));
}

static void
test_covers(void)
{
    static const struct {
        const char *a, *b;
        gboolean a_covers_b, b_covers_a;
    } rows[] = {
        { "10.0.0.0/8", "10.0.0.0/8", TRUE, TRUE },
        { "10.0.0.0/8", "10.1.2.3/8", TRUE, TRUE },
        { "10.0.0.0/8", "10.1.0.0/16", TRUE, FALSE },
        { "10.0.0.0/8", "11.0.0.0/8", FALSE, FALSE },
        { "0.0.0.0/0", "192.0.2.0/24", TRUE, FALSE },
        { "0.0.0.0/0", "::/0", FALSE, FALSE },
        { "::/0", "2001:db8::/32", TRUE, FALSE },
        { "2001:db8::/64", "2001:db8:0:1::/64", FALSE, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix a = prefix(rows[i].a), b = prefix(rows[i].b);
        gboolean either = rows[i].a_covers_b || rows[i].b_covers_a;

        g_assert_cmpint(adit_prefix_covers(&a, &b), ==, rows[i].a_covers_b);
        g_assert_cmpint(adit_prefix_covers(&b, &a), ==, rows[i].b_covers_a);
        g_assert_cmpint(adit_prefix_overlaps(&a, &b), ==, either);
        g_assert_cmpint(adit_prefix_overlaps(&b, &a), ==, either);
    }
}

static void
test_nth(void)
{
    static const struct {
        const char *prefix;
        guint64 n;
        const char *want; /* NULL: leaves the prefix */
    } rows[] = {
        { "10.59.0.0/24", 0, "10.59.0.0" },
        { "10.59.0.0/24", 1, "10.59.0.1" },
        { "10.59.0.7/24", 1, "10.59.0.1" },
        { "10.59.0.0/24", 255, "10.59.0.255" },
        { "10.59.0.0/24", 256, NULL },
        { "10.0.0.0/8", 0xffffff, "10.255.255.255" },
        { "10.0.0.0/8", 0x1000000, NULL },
        { "10.0.0.1/32", 0, "10.0.0.1" },
        { "10.0.0.1/32", 1, NULL },
        { "0.0.0.0/0", 0xffffffff, "255.255.255.255" },
        { "0.0.0.0/0", 0x100000000, NULL },
        { "0.0.0.0/0", G_MAXUINT64, NULL },
        { "2001:db8::/64", G_MAXUINT64, "2001:db8::ffff:ffff:ffff:ffff" },
        { "2001:db8::/65", G_MAXUINT64 >> 1, "2001:db8::7fff:ffff:ffff:ffff" },
        { "2001:db8::/65", (G_MAXUINT64 >> 1) + 1, NULL },
        { "2001:db8::/48", G_MAXUINT64, "2001:db8::ffff:ffff:ffff:ffff" },
        { "::/0", 1, "::1" },
        { "2001:db8::1/128", 0, "2001:db8::1" },
        { "2001:db8::1/128", 1, NULL },
        { "2001:db8::1/128", G_MAXUINT64, NULL },
    };
    AditPrefix none = { 0 };
    AditAddr a = addr("192.0.2.9");

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix p = prefix(rows[i].prefix);
        AditAddr got = addr("192.0.2.9");

        g_assert_cmpint(adit_prefix_nth(&p, rows[i].n, &got), ==, rows[i].want != NULL);
        assert_addr(&got, rows[i].want ?: "192.0.2.9");
    }
    g_assert_false(adit_prefix_nth(&none, 0, &a));
}

static void
test_embed(void)
{
    static const struct {
        const char *prefix, *ipv4, *want;
    } rows[] = {
        { "2001:db8::/64", "10.59.0.2", "2001:db8::a3b:2" },
        { "2001:db8::1/64", "10.59.0.2", "2001:db8::a3b:2" },
        { "2001:db8:1:2::/96", "255.255.255.255", "2001:db8:1:2::ffff:ffff" },
        { "2001:db8::ab00:0/104", "10.59.0.2", "2001:db8::ab3b:2" },
        { "2001:db8::ffff:0/112", "10.59.1.2", "2001:db8::ffff:102" },
        { "2001:db8::ff/124", "10.59.0.18", "2001:db8::f2" },
        { "2001:db8::ff/127", "10.59.0.2", "2001:db8::fe" },
        { "2001:db8::ff/128", "10.59.0.2", "2001:db8::ff" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditPrefix p = prefix(rows[i].prefix);
        AditAddr ipv4 = addr(rows[i].ipv4);
        AditAddr got = adit_prefix_embed(&p, &ipv4);

        assert_addr(&got, rows[i].want);
    }
}

/* Every length: inside the prefix, network bits kept, host bits those of the IPv4, no others.
 */
static void
test_embed_lengths(void)
{
    AditAddr ones = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    AditAddr ipv4 = addr("165.90.195.60");
    guint32 v4 = 0xa55ac33c;

    for (guint len = 32; len <= 128; len++) {
        AditPrefix p = adit_prefix_make(&ones, len);
        AditPrefix net = adit_prefix_network(&p);
        AditAddr gua = adit_prefix_embed(&p, &ipv4);
        guint host_bits = 128 - len;
        guint32 low = 0, mask = host_bits >= 32 ? G_MAXUINT32 : (1u << host_bits) - 1;

        for (guint i = 12; i < 16; i++)
            low = low << 8 | gua.bytes[i];
        g_assert_true(adit_prefix_contains(&p, &gua));
        g_assert_cmpuint(low & mask, ==, v4 & mask);
        g_assert_cmpuint(low | mask, ==, G_MAXUINT32);
        g_assert_cmpmem(gua.bytes, 12, net.addr.bytes, 12);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inet-prefix/text", test_text);
    g_test_add_func("/inet-prefix/bad", test_bad);
    g_test_add_func("/inet-prefix/order", test_order);
    g_test_add_func("/inet-prefix/contains", test_contains);
    g_test_add_func("/inet-prefix/covers", test_covers);
    g_test_add_func("/inet-prefix/nth", test_nth);
    g_test_add_func("/inet-prefix/embed", test_embed);
    g_test_add_func("/inet-prefix/embed-lengths", test_embed_lengths);
    return g_test_run();
}
