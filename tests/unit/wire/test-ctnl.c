/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/ctnl.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/unit/core/hex.h"

/* Flows as bytes: what we ask, what the kernel answers, cut and damaged. */

#define V4(a, b, c, d)                                                                         \
    {                                                                                          \
        AF_INET,                                                                               \
        {                                                                                      \
            a, b, c, d                                                                         \
        }                                                                                      \
    }
#define V6(last)                                                                               \
    {                                                                                          \
        AF_INET6,                                                                              \
        {                                                                                      \
            0x20, 0x01, 0x0d, 0xb8, [15] = last                                                \
        }                                                                                      \
    }

typedef struct {
    AditFlow flow;
    const char *text;
    const char *hex; /* the deletion */
} Row;

static const Row rows[] = {
    { { .original = { IPPROTO_TCP, V4(198, 51, 100, 9), V4(203, 0, 113, 7), 40000, 443 },
        .reply = { IPPROTO_TCP, V4(10, 59, 0, 2), V4(198, 51, 100, 9), 8443, 40000 },
        .mark = 0x80000000,
        .status = 0x18e,
        .id = 0x01020304 },
      "tcp 198.51.100.9:40000 > 203.0.113.7:443",
      "50000000 02010100 00000000 00000000 02000000 34000180 14000180 08000100 c6336409 "
      "08000200 "
      "cb007107 1c000280 05000100 06000000 06000200 9c400000 06000300 01bb0000 08000c00 "
      "01020304" },
    { { .original = { IPPROTO_UDP, V6(1), V6(2), 1, 65535 },
        .reply = { IPPROTO_UDP, V6(2), V6(1), 65535, 1 },
        .zone = 5 },
      "udp [2001:db8::1]:1 > [2001:db8::2]:65535",
      "68000000 02010100 00000000 00000000 0a000000 4c000180 2c000180 14000300 20010db8 "
      "00000000 "
      "00000000 00000001 14000400 20010db8 00000000 00000000 00000002 1c000280 05000100 "
      "11000000 "
      "06000200 00010000 06000300 ffff0000 06001200 00050000" },
    { { .original = { IPPROTO_ICMP, V4(192, 0, 2, 1), V4(192, 0, 2, 2), 0, 0, 8, 0, 77 },
        .reply = { IPPROTO_ICMP, V4(192, 0, 2, 2), V4(192, 0, 2, 1), 0, 0, 0, 0, 77 } },
      "icmp 192.0.2.1:0 > 192.0.2.2:0",
      "50000000 02010100 00000000 00000000 02000000 3c000180 14000180 08000100 c0000201 "
      "08000200 "
      "c0000202 24000280 05000100 01000000 06000400 004d0000 05000500 08000000 05000600 "
      "00000000" },
    { { .original = { IPPROTO_ICMPV6, V6(1), V6(2), 0, 0, 128, 0, 300 },
        .reply = { IPPROTO_ICMPV6, V6(2), V6(1), 0, 0, 129, 0, 300 } },
      "icmpv6 [2001:db8::1]:0 > [2001:db8::2]:0",
      "68000000 02010100 00000000 00000000 0a000000 54000180 2c000180 14000300 20010db8 "
      "00000000 "
      "00000000 00000001 14000400 20010db8 00000000 00000000 00000002 24000280 05000100 "
      "3a000000 "
      "06000700 012c0000 05000800 80000000 05000900 00000000" },
};

static void
check_hex(AditMsg *m, const char *text)
{
    g_autoptr(GByteArray) want = hex(text);
    gsize len;
    const guint8 *bytes = adit_msg_data(m, &len);

    g_assert_cmpmem(bytes, len, want->data, want->len);
}

static void
test_delete(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = adit_msg_new();
        g_autofree char *text = adit_flow_to_string(&rows[i].flow);

        adit_flow_put_delete(m, &rows[i].flow);
        check_hex(m, rows[i].hex);
        g_assert_cmpstr(text, ==, rows[i].text);
    }
}

/* What follows the tuple. */
static void
check_change(const AditFlow *flow, AditMsg *m, const char *text)
{
    g_autoptr(AditMsg) deletion = adit_msg_new();
    g_autoptr(GByteArray) tail = hex(text);
    gsize len, head;
    const guint8 *bytes = adit_msg_data(m, &len), *start;
    const struct nlmsghdr *nlh = (gconstpointer)bytes;

    adit_flow_put_delete(deletion, flow);
    start = adit_msg_data(deletion, &head);
    g_assert_cmpuint(len, ==, head + tail->len);
    g_assert_cmpuint(nlh->nlmsg_type & 0xff, ==, IPCTNL_MSG_CT_NEW);
    g_assert_cmpuint(nlh->nlmsg_flags & NLM_F_CREATE, ==, 0);
    g_assert_cmpmem(bytes + NLMSG_HDRLEN, head - NLMSG_HDRLEN, start + NLMSG_HDRLEN,
                    head - NLMSG_HDRLEN);
    g_assert_cmpmem(bytes + head, tail->len, tail->data, tail->len);
}

/* TCP is closed at both ends. */
static void
test_end(void)
{
    static const char *const ends[] = {
        "08000800 00800000 08001500 00800000 20000480 1c000180 05000100 08000000 06000400 "
        "04040000 06000500 04040000",
        "08000800 00800000 08001500 00800000",
    };

    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autoptr(AditMsg) end = adit_msg_new(), reopen = adit_msg_new();

        adit_flow_put_end(end, &rows[i].flow, 0x00800000);
        check_change(&rows[i].flow, end, ends[i]);
        adit_flow_put_reopen(reopen, &rows[i].flow, 0x00800000);
        check_change(&rows[i].flow, reopen, "08000800 00000000 08001500 00800000");
    }
}

/* Without a tuple the kernel would flush everything. */
static void
test_delete_nothing(void)
{
    if (g_test_subprocess()) {
        g_autoptr(AditMsg) m = adit_msg_new();
        const AditFlow none = { 0 };

        adit_flow_put_delete(m, &none);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed(); /* critical */
}

static void
test_dump(void)
{
    static const struct {
        AditFlowFilter filter;
        const char *hex;
    } dumps[] = {
        { { 0 }, "14000000 01010100 00000000 00000000 00000000" },
        { { .mark = 0x80000000, .mask = 0x80000000 },
          "24000000 01010100 00000000 00000000 00000000 08000800 80000000 08001500 80000000" },
        { { .by_zone = TRUE, .zone = 5, .family = AF_INET6 },
          "1c000000 01010100 00000000 00000000 0a000000 06001200 00050000" },
        { { .proto = IPPROTO_TCP, .dst = { V4(203, 0, 113, 7), 443 } },
          "4c000000 01010100 00000000 00000000 02000000 24000180 0c000180 08000200 cb007107 "
          "14000280 05000100 06000000 06000300 01bb0000 14001980 08000100 2a000000 08000200 "
          "00000000" },
        /* An IPv6 address is not for the kernel to compare. */
        { { .proto = IPPROTO_UDP, .dst = { V6(2), 53 } },
          "40000000 01010100 00000000 00000000 0a000000 18000180 14000280 05000100 11000000 "
          "06000300 00350000 14001980 08000100 28000000 08000200 00000000" },
        /* Without a family there is no tuple to compare. */
        { { .proto = IPPROTO_UDP }, "14000000 01010100 00000000 00000000 00000000" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(dumps); i++) {
        g_autoptr(AditMsg) m = adit_msg_new();

        adit_flow_put_dump(m, &dumps[i].filter);
        check_hex(m, dumps[i].hex);
    }
}

static void
put_tuple(AditMsg *m, guint16 attr, const AditFlow *flow, gboolean reply)
{
    AditFlow turned = *flow;
    g_autoptr(AditMsg) one = adit_msg_new();
    gsize len;
    const guint8 *bytes;

    /* The tuple of a deletion, taken out of it. */
    if (reply)
        turned.original = flow->reply;
    turned.zone = 0;
    turned.id = 0;
    adit_flow_put_delete(one, &turned);
    bytes = adit_msg_data(one, &len);
    adit_msg_bytes(m, attr | NLA_F_NESTED, bytes + 20 + NLA_HDRLEN, len - 20 - NLA_HDRLEN);
}

/* As ctnetlink writes an entry. */
static AditMsg *
make_answer(const AditFlow *flow)
{
    const struct nfgenmsg header = { flow->original.src.family };
    AditMsg *m = adit_msg_new();

    adit_msg_begin(m, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, 0, &header,
                   sizeof(header));
    put_tuple(m, CTA_TUPLE_ORIG, flow, FALSE);
    put_tuple(m, CTA_TUPLE_REPLY, flow, TRUE);
    adit_msg_be32(m, CTA_STATUS, flow->status);
    adit_msg_be32(m, CTA_TIMEOUT, 120);
    adit_msg_be32(m, CTA_MARK, flow->mark);
    adit_msg_be32(m, CTA_ID, flow->id);
    if (flow->zone != 0)
        adit_msg_be16(m, CTA_ZONE, flow->zone);
    return m;
}

static void
assert_same(const AditFlow *a, const AditFlow *b)
{
    g_assert_cmpint(adit_flow_tuple_cmp(&a->original, &b->original), ==, 0);
    g_assert_cmpint(adit_flow_tuple_cmp(&a->reply, &b->reply), ==, 0);
    g_assert_cmpuint(a->mark, ==, b->mark);
    g_assert_cmpuint(a->status, ==, b->status);
    g_assert_cmpuint(a->id, ==, b->id);
    g_assert_cmpuint(a->zone, ==, b->zone);
}

static void
test_get(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = make_answer(&rows[i].flow);
        AditFlow flow;
        gsize len;

        g_assert_true(adit_flow_get((gconstpointer)adit_msg_data(m, &len), &flow));
        assert_same(&flow, &rows[i].flow);
    }
}

/* What is left of a damaged entry is refused, or can be written and read the same. */
static void
check_fixpoint(const struct nlmsghdr *nlh)
{
    AditFlow once, twice;
    g_autoptr(AditMsg) m = NULL;
    g_autofree char *text = NULL;
    gsize len;

    if (!adit_flow_get(nlh, &once))
        return;
    text = adit_flow_to_string(&once);
    m = make_answer(&once);
    g_assert_true(adit_flow_get((gconstpointer)adit_msg_data(m, &len), &twice));
    g_assert_cmpuint(once.mark, ==, twice.mark);
    g_assert_cmpuint(once.zone, ==, twice.zone);
    g_assert_cmpint(adit_addr_cmp(&once.original.dst, &twice.original.dst), ==, 0);
}

static void
test_damage(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = make_answer(&rows[i].flow);
        gsize len;
        const struct nlmsghdr *nlh = (gconstpointer)adit_msg_data(m, &len);

        for (gsize cut = NLMSG_HDRLEN; cut < len; cut++) {
            g_autofree struct nlmsghdr *copy = g_memdup2(nlh, cut);
            AditFlow flow;

            copy->nlmsg_len = cut;
            if (cut % 4 != 0 && cut != len - 2) /* a last attribute may lack its padding */
                g_assert_false(adit_flow_get(copy, &flow));
            check_fixpoint(copy);
        }
        for (gsize at = NLMSG_HDRLEN; at < len; at++)
            for (guint bit = 0; bit < 8; bit++) {
                g_autofree struct nlmsghdr *copy = g_memdup2(nlh, len);

                ((guint8 *)copy)[at] ^= 1 << bit;
                check_fixpoint(copy);
            }
    }
}

static void
test_matches(void)
{
    static const struct {
        AditFlowFilter filter;
        gboolean matches;
    } filters[] = {
        { { 0 }, TRUE },
        { { .family = AF_INET }, TRUE },
        { { .family = AF_INET6 }, FALSE },
        { { .mark = 0x80000000, .mask = 0x80000000 }, TRUE },
        { { .mark = 0, .mask = 0x80000000 }, FALSE },
        { { .mark = 0, .mask = 0x7fffffff }, TRUE },
        { { .by_zone = TRUE }, TRUE },
        { { .by_zone = TRUE, .zone = 1 }, FALSE },
        { { .proto = IPPROTO_UDP }, FALSE },
        { { .dst = { V4(203, 0, 113, 7), 0 } }, TRUE },
        { { .dst = { V4(203, 0, 113, 7), 443 } }, TRUE },
        { { .dst = { V4(203, 0, 113, 7), 8443 } }, FALSE },
        { { .dst = { V4(10, 59, 0, 2), 443 } }, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(filters); i++)
        g_assert_true(adit_flow_matches(&rows[0].flow, &filters[i].filter) ==
                      filters[i].matches);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ctnl/delete", test_delete);
    g_test_add_func("/ctnl/delete-nothing", test_delete_nothing);
    g_test_add_func("/ctnl/end", test_end);
    g_test_add_func("/ctnl/dump", test_dump);
    g_test_add_func("/ctnl/get", test_get);
    g_test_add_func("/ctnl/damage", test_damage);
    g_test_add_func("/ctnl/matches", test_matches);
    return g_test_run();
}
