/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/element.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/unit/core/hex.h"

/* Keys and data as the kernel stores them. */

static const AditAddr four = { AF_INET, { 203, 0, 113, 7 } };
static const AditAddr six = { AF_INET6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 } };

static void
test_layout(void)
{
    AditElement e = adit_element_make("a-name-of-15-ch"), f = adit_element_make("b");

    g_assert_cmpstr(e.set, ==, "a-name-of-15-ch");
    adit_element_key_addr(&e, &four);
    adit_element_key_proto(&e, 6);
    adit_element_key_port(&e, 443);
    adit_element_data_addr(&e, &six);
    adit_element_data_port(&e, 8443);
    assert_hex(e.key, e.key_len, "cb007107 06000000 01bb0000");
    assert_hex(e.data, e.data_len, "20010db8 00000000 00000000 00000007 20fb0000");

    adit_element_key_ifname(&f, "wg0");
    adit_element_key_addr(&f, &six);
    assert_hex(f.key, f.key_len,
               "77673000 00000000 00000000 00000000 20010db8 00000000 00000000 00000007");
}

/* A mark is in the machine's order, as the kernel compares it. */
static void
test_mark(void)
{
    const guint32 mark = 0x01020304;
    AditElement e = adit_element_make("marks");

    adit_element_key_mark(&e, mark);
    adit_element_data_mark(&e, mark);
    g_assert_cmpmem(e.key, e.key_len, &mark, sizeof(mark));
    g_assert_cmpmem(e.data, e.data_len, &mark, sizeof(mark));
}

static void
test_range(void)
{
    static const struct {
        const char *prefix, *first, *last;
    } rows[] = {
        { "10.59.0.0/16", "0a3b0000", "0a3bffff" },
        { "10.59.3.4/13", "0a380000", "0a3fffff" },
        { "192.0.2.1/32", "c0000201", "c0000201" },
        { "0.0.0.0/0", "00000000", "ffffffff" },
        { "2001:db8::/62", "20010db8000000000000000000000000",
          "20010db800000003ffffffffffffffff" },
        { "2001:db8::1/128", "20010db8000000000000000000000001",
          "20010db8000000000000000000000001" },
        { "::/0", "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditElement e = adit_element_make("r"), last = e;
        AditPrefix prefix;
        g_autofree char *want =
            g_strconcat("01bb0000", rows[i].first, "01bb0000", rows[i].last, NULL);

        g_assert_true(adit_prefix_parse(rows[i].prefix, &prefix, NULL));
        adit_element_key_port(&e, 443);
        adit_element_key_port(&last, 443);
        adit_element_key_prefix(&e, &last, &prefix);
        adit_element_join(&e, &last);
        assert_hex(e.key, e.key_len, want);
    }
}

/* The longest key there is: an IPv6 mapping and its visitors. */
static void
test_longest(void)
{
    AditElement e = adit_element_make("allow6"), last;
    const AditPrefix visitors = { six, 48 };

    adit_element_key_addr(&e, &six);
    adit_element_key_proto(&e, 17);
    adit_element_key_port(&e, 65535);
    last = e;
    adit_element_key_prefix(&e, &last, &visitors);
    adit_element_join(&e, &last);
    g_assert_cmpuint(e.key_len, ==, ADIT_ELEMENT_KEY_MAX);
}

static void
test_read(void)
{
    AditElement e = adit_element_make("x");
    AditElementReader r;
    char name[ADIT_NAME_LEN];
    AditAddr addr;

    adit_element_key_addr(&e, &six);
    adit_element_key_ifname(&e, "fifteen-letters");
    adit_element_key_proto(&e, 17);
    adit_element_key_port(&e, 53);
    adit_element_key_mark(&e, 0x3f000000);
    adit_element_data_addr(&e, &four);

    r = adit_element_read_key(&e);
    addr = adit_element_read_addr(&r, AF_INET6);
    g_assert_cmpint(adit_addr_cmp(&addr, &six), ==, 0);
    adit_element_read_ifname(&r, name);
    g_assert_cmpstr(name, ==, "fifteen-letters");
    g_assert_cmpuint(adit_element_read_proto(&r), ==, 17);
    g_assert_false(adit_element_read_done(&r));
    g_assert_cmpuint(adit_element_read_port(&r), ==, 53);
    g_assert_cmpuint(adit_element_read_mark(&r), ==, 0x3f000000);
    g_assert_true(adit_element_read_done(&r));

    r = adit_element_read_data(&e);
    addr = adit_element_read_addr(&r, AF_INET6); /* there are only four bytes */
    g_assert_cmpuint(addr.bytes[0], ==, 0);
    g_assert_false(adit_element_read_done(&r));
    g_assert_cmpuint(adit_element_read_port(&r), ==, 0); /* bad stays bad */
    g_assert_false(adit_element_read_done(&r));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/element/layout", test_layout);
    g_test_add_func("/element/mark", test_mark);
    g_test_add_func("/element/range", test_range);
    g_test_add_func("/element/longest", test_longest);
    g_test_add_func("/element/read", test_read);
    return g_test_run();
}
