/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "libadit/wire/rtnl-address.h"
#include "libadit/wire/rtnl-link.h"
#include "libadit/wire/rtnl-neighbour.h"
#include "libadit/wire/rtnl-route.h"
#include "libadit/wire/rtnl-rule.h"

/* Each message we send, byte by byte; and what it reads back as, whole, cut and broken. */

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
            0x20, 0x01, 0x0d, 0xb8, 0, 0x59, [15] = last                                       \
        }                                                                                      \
    }

typedef union {
    AditLink link;
    AditAddress address;
    AditRoute route;
    AditRule rule;
    AditNeighbour neighbour;
} Object;

typedef struct {
    const char *name;
    AditOpVerb verb;
    AditKind kind;
    guint32 ifindex;
    Object object;
    const char *hex;
} Row;

static const Row rows[] = {
    { "rule-add",
      ADIT_OP_ADD,
      ADIT_KIND_RULE,
      0,
      { .rule = { AF_INET, 1740, ADIT_RULE_LOOKUP, 20101, 0x1000000, 0x3f000000 } },
      "44000000 20000106 00000000 00000000 02000000 00000001 00000000 08000600 cc060000 "
      "08000f00 854e0000 08000a00 00000001 08001000 0000003f 05001500 ad000000" },
    { "rule-again",
      ADIT_OP_CHANGE,
      ADIT_KIND_RULE,
      0,
      { .rule = { AF_INET6, 1741, ADIT_RULE_BLACKHOLE, 0, 0x1000000, 0x3f000000 } },
      "3c000000 20000104 00000000 00000000 0a000000 00000006 00000000 08000600 cd060000 "
      "08000a00 00000001 08001000 0000003f 05001500 ad000000" },
    { "rule-rich",
      ADIT_OP_ADD,
      ADIT_KIND_RULE,
      0,
      { .rule = { AF_INET,
                  20060,
                  ADIT_RULE_LOOKUP,
                  254,
                  0,
                  0x3f000000,
                  { V4(10, 59, 0, 2), 32 },
                  { V4(10, 0, 0, 0), 8 },
                  "wg0",
                  "eth0",
                  TRUE } },
      "70000000 20000106 00000000 00000000 02082000 fe000001 00000000 08000600 5c4e0000 "
      "08000f00 fe000000 08000200 0a3b0002 08000100 0a000000 08000a00 00000000 08001000 "
      "0000003f 08000300 77673000 09001100 65746830 00000000 08000e00 00000000 05001500 "
      "ad000000" },
    { "rule-del",
      ADIT_OP_DELETE,
      ADIT_KIND_RULE,
      0,
      { .rule = { AF_INET6, 1750, ADIT_RULE_UNREACHABLE, .src = { V6(2), 128 } } },
      "40000000 21000100 00000000 00000000 0a008000 00000007 00000000 08000600 d6060000 "
      "14000200 20010db8 00590000 00000000 00000002 05001500 ad000000" },
    { "route-blackhole4",
      ADIT_OP_ADD,
      ADIT_KIND_ROUTE,
      0,
      { .route = { { { AF_INET }, 0 }, 20101, 4294967295, ADIT_ROUTE_BLACKHOLE } },
      "2c000000 18000106 00000000 00000000 02000000 00ad0006 00000000 08000f00 854e0000 "
      "08000600 ffffffff" },
    { "route-blackhole6",
      ADIT_OP_ADD,
      ADIT_KIND_ROUTE,
      0,
      { .route = { { { AF_INET6 }, 0 }, 20101, 4294967295, ADIT_ROUTE_BLACKHOLE } },
      "2c000000 18000106 00000000 00000000 0a000000 00ad0006 00000000 08000f00 854e0000 "
      "08000600 ffffffff" },
    { "route-via",
      ADIT_OP_CHANGE,
      ADIT_KIND_ROUTE,
      7,
      { .route = { { V4(192, 0, 2, 0), 24 },
                   254,
                   50,
                   ADIT_ROUTE_UNICAST,
                   "",
                   V4(10, 59, 0, 1),
                   V4(10, 59, 0, 2) } },
      "4c000000 18000105 00000000 00000000 02180000 fead0001 04000000 08000f00 fe000000 "
      "08000100 c0000200 08000600 32000000 08000400 07000000 08000500 0a3b0001 08000700 "
      "0a3b0002" },
    { "route-del",
      ADIT_OP_DELETE,
      ADIT_KIND_ROUTE,
      7,
      { .route = { { V6(9), 128 }, 254, 1024, ADIT_ROUTE_UNICAST } },
      "48000000 19000100 00000000 00000000 0a800000 feadff01 00000000 08000f00 fe000000 "
      "14000100 20010db8 00590000 00000000 00000009 08000600 00040000 08000400 07000000" },
    { "address4",
      ADIT_OP_ADD,
      ADIT_KIND_ADDRESS,
      7,
      { .address = { "", { V4(10, 59, 0, 2), 24 }, FALSE, TRUE } },
      "4c000000 14000106 00000000 00000000 02180000 07000000 08000200 0a3b0002 08000100 "
      "0a3b0002 14000600 ffffffff ffffffff 00000000 00000000 08000800 00020000 05000b00 "
      "ad000000" },
    { "address6-deprecated",
      ADIT_OP_CHANGE,
      ADIT_KIND_ADDRESS,
      7,
      { .address = { "", { V6(2), 128 }, TRUE, FALSE } },
      "64000000 14000105 00000000 00000000 0a800000 07000000 14000200 20010db8 00590000 "
      "00000000 00000002 14000100 20010db8 00590000 00000000 00000002 14000600 00000000 "
      "ffffffff 00000000 00000000 08000800 02000000 05000b00 ad000000" },
    { "address-del",
      ADIT_OP_DELETE,
      ADIT_KIND_ADDRESS,
      7,
      { .address = { "", { V6(2), 128 } } },
      "40000000 15000100 00000000 00000000 0a800000 07000000 14000200 20010db8 00590000 "
      "00000000 00000002 14000100 20010db8 00590000 00000000 00000002" },
    { "neighbour-add",
      ADIT_OP_ADD,
      ADIT_KIND_NEIGHBOUR,
      7,
      { .neighbour = { "", V6(2) } },
      "38000000 1c000105 00000000 00000000 0a000000 07000000 80000800 14000100 20010db8 "
      "00590000 00000000 00000002 05000c00 ad000000" },
    { "neighbour-del",
      ADIT_OP_DELETE,
      ADIT_KIND_NEIGHBOUR,
      7,
      { .neighbour = { "", V4(10, 59, 0, 2) } },
      "2c000000 1d000100 00000000 00000000 02000000 07000000 00000800 08000100 0a3b0002 "
      "05000c00 ad000000" },
    { "link-add",
      ADIT_OP_ADD,
      ADIT_KIND_LINK,
      0,
      { .link = { "wg0", 1420, TRUE } },
      "44000000 10000106 00000000 00000000 00000000 00000000 01000000 01000000 08000300 "
      "77673000 08000400 8c050000 14001280 0e000100 77697265 67756172 64000000" },
    { "link-set",
      ADIT_OP_CHANGE,
      ADIT_KIND_LINK,
      7,
      { .link = { "wg0", 1420, FALSE } },
      "28000000 10000100 00000000 00000000 00000000 07000000 00000000 01000000 08000400 "
      "8c050000" },
    { "link-del",
      ADIT_OP_DELETE,
      ADIT_KIND_LINK,
      7,
      { .link = { "wg0" } },
      "20000000 11000100 00000000 00000000 00000000 07000000 00000000 00000000" },
};

static AditMsg *
put(AditKind kind, AditOpVerb verb, const Object *object, guint32 ifindex)
{
    AditMsg *m = adit_msg_new();

    if (kind == ADIT_KIND_RULE)
        adit_rule_put(m, verb, &object->rule);
    else if (kind == ADIT_KIND_ROUTE)
        adit_route_put(m, verb, &object->route, ifindex);
    else if (kind == ADIT_KIND_ADDRESS)
        adit_address_put(m, verb, &object->address, ifindex);
    else if (kind == ADIT_KIND_NEIGHBOUR)
        adit_neighbour_put(m, verb, &object->neighbour, ifindex);
    else
        adit_link_put(m, verb, &object->link, ifindex);
    return m;
}

static gboolean
get(AditKind kind, const struct nlmsghdr *nlh, Object *ret, guint32 *ret_ifindex)
{
    char name[ADIT_NAME_LEN];
    gboolean ours;

    if (kind == ADIT_KIND_RULE)
        return adit_rule_get(nlh, &ret->rule);
    if (kind == ADIT_KIND_ROUTE)
        return adit_route_get(nlh, &ret->route, ret_ifindex);
    if (kind == ADIT_KIND_ADDRESS)
        return adit_address_get(nlh, &ret->address, ret_ifindex);
    if (kind == ADIT_KIND_NEIGHBOUR)
        return adit_neighbour_get(nlh, &ret->neighbour, ret_ifindex, &ours);
    return adit_link_get(nlh, &ret->link, ret_ifindex, name);
}

static const struct nlmsghdr *
header(AditMsg *m)
{
    gsize len;

    return (const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len);
}

static char *
hex(AditMsg *m)
{
    gsize len;
    const guint8 *bytes = adit_msg_data(m, &len);
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < len; i++)
        g_string_append_printf(text, "%02x%s", bytes[i], i % 4 == 3 && i + 1 < len ? " " : "");
    return g_string_free(text, FALSE);
}

static void
test_bytes(void)
{
    if (G_BYTE_ORDER != G_LITTLE_ENDIAN)
        return; /* netlink speaks as the host does */
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m =
            put(rows[i].kind, rows[i].verb, &rows[i].object, rows[i].ifindex);
        g_autofree char *text = hex(m);

        g_test_message("%s", rows[i].name);
        g_assert_cmpstr(text, ==, rows[i].hex);
    }
}

static gboolean
same(AditKind kind, const Object *a, const Object *b)
{
    return adit_object_cmp(kind, a, b) == 0 && adit_object_satisfies(kind, a, b);
}

/* A request reads back as what it was made of. Of links only an answer can be read. */
static void
test_round_trip(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m =
            put(rows[i].kind, rows[i].verb, &rows[i].object, rows[i].ifindex);
        Object object = { 0 };
        guint32 ifindex = 0;

        if (rows[i].kind == ADIT_KIND_LINK)
            continue;
        g_test_message("%s", rows[i].name);
        g_assert_true(get(rows[i].kind, header(m), &object, &ifindex));
        g_assert_true(same(rows[i].kind, &object, &rows[i].object));
        g_assert_cmpuint(ifindex, ==, rows[i].ifindex);
    }
}

/* What a damaged message is taken for can be said again, and is understood the same. */
static void
check_fixpoint(AditKind kind, const struct nlmsghdr *nlh)
{
    Object object = { 0 }, again = { 0 };
    guint32 ifindex = 0, ifindex_again = 0;
    g_autoptr(AditMsg) m = NULL;

    if (!get(kind, nlh, &object, &ifindex) || kind == ADIT_KIND_LINK)
        return;
    m = put(kind, ADIT_OP_ADD, &object, ifindex);
    g_assert_true(get(kind, header(m), &again, &ifindex_again));
    g_assert_true(same(kind, &object, &again));
    g_assert_cmpuint(ifindex, ==, ifindex_again);
}

static void
damage(const Row *row, const struct nlmsghdr *nlh, gsize len, gsize at, guint bit)
{
    g_autofree guint8 *copy = g_memdup2(nlh, len); /* exact size: over-reads show */
    const guint32 whole = len;

    if (at < len)
        copy[at] ^= 1 << bit;
    memcpy(copy, &whole, sizeof(whole));
    check_fixpoint(row->kind, (const struct nlmsghdr *)(gpointer)copy);
}

static void
test_damaged(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m =
            put(rows[i].kind, rows[i].verb, &rows[i].object, rows[i].ifindex);
        const struct nlmsghdr *nlh = header(m);

        for (gsize len = NLMSG_HDRLEN; len < nlh->nlmsg_len; len++) {
            Object object;
            guint32 ifindex;
            g_autofree struct nlmsghdr *cut = g_memdup2(nlh, len);

            cut->nlmsg_len = len;
            check_fixpoint(rows[i].kind, cut);
            if (len % 4 != 0)
                g_assert_false(get(rows[i].kind, cut, &object, &ifindex));
        }
        for (gsize at = sizeof(nlh->nlmsg_len); at < nlh->nlmsg_len; at++)
            for (guint bit = 0; bit < 8; bit++)
                damage(&rows[i], nlh, nlh->nlmsg_len, at, bit);
    }
}

/* An answer, header and attributes as the kernel gives them. */
static AditMsg *
answer(guint16 type, gconstpointer bytes, gsize len)
{
    AditMsg *m = adit_msg_new();

    adit_msg_begin(m, type, 0, bytes, len);
    return m;
}

static void
test_link_answer(void)
{
    const struct ifinfomsg hdr = { .ifi_index = 7, .ifi_flags = IFF_UP | IFF_NOARP };
    g_autoptr(AditMsg) m = answer(RTM_NEWLINK, &hdr, sizeof(hdr));
    g_autoptr(AditMsg) bare = answer(RTM_NEWLINK, &hdr, sizeof(hdr));
    AditLink link;
    guint32 ifindex;
    char kind[ADIT_NAME_LEN];

    adit_msg_string(m, IFLA_IFNAME, "wg0");
    adit_msg_u32(m, IFLA_MTU, 1420);
    adit_msg_nest(m, IFLA_LINKINFO);
    adit_msg_string(m, IFLA_INFO_KIND, "wireguard");
    adit_msg_unnest(m);
    g_assert_true(adit_link_get(header(m), &link, &ifindex, kind));
    g_assert_cmpstr(link.name, ==, "wg0");
    g_assert_cmpstr(kind, ==, "wireguard");
    g_assert_cmpuint(link.mtu, ==, 1420);
    g_assert_cmpuint(ifindex, ==, 7);
    g_assert_true(link.up);

    g_assert_false(adit_link_get(header(bare), &link, &ifindex, kind)); /* no name */
    adit_msg_string(bare, IFLA_IFNAME, "a-name-longer-than-15");
    g_assert_false(adit_link_get(header(bare), &link, &ifindex, kind));
}

/* As dumped: the table only as an attribute, "dev lo" on a blackhole, a metric of its own. */
static void
test_route_answer(void)
{
    struct rtmsg hdr = { .rtm_family = AF_INET6,
                         .rtm_table = RT_TABLE_COMPAT,
                         .rtm_protocol = ADIT_RTPROT,
                         .rtm_type = RTN_BLACKHOLE };
    g_autoptr(AditMsg) m = answer(RTM_NEWROUTE, &hdr, sizeof(hdr));
    g_autoptr(AditMsg) cached = NULL, foreign = NULL, multipath = NULL;
    AditRoute route;
    guint32 ifindex = 99;

    adit_msg_u32(m, RTA_TABLE, 20101);
    adit_msg_u32(m, RTA_PRIORITY, 1024);
    adit_msg_u32(m, RTA_OIF, 1);
    adit_msg_u8(m, RTA_PREF, 0);
    g_assert_true(adit_route_get(header(m), &route, &ifindex));
    g_assert_cmpuint(route.table, ==, 20101);
    g_assert_cmpuint(route.metric, ==, 1024);
    g_assert_cmpuint(ifindex, ==, 0);
    g_assert_true(adit_prefix_is_default(&route.dst));
    g_assert_cmpint(route.type, ==, ADIT_ROUTE_BLACKHOLE);

    multipath = answer(RTM_NEWROUTE, &hdr, sizeof(hdr));
    adit_msg_bytes(multipath, RTA_MULTIPATH, &hdr, 8);
    g_assert_false(adit_route_get(header(multipath), &route, &ifindex));
    hdr.rtm_flags = RTM_F_CLONED;
    cached = answer(RTM_NEWROUTE, &hdr, sizeof(hdr));
    g_assert_false(adit_route_get(header(cached), &route, &ifindex));
    hdr.rtm_flags = 0;
    hdr.rtm_protocol = RTPROT_STATIC;
    foreign = answer(RTM_NEWROUTE, &hdr, sizeof(hdr));
    g_assert_false(adit_route_get(header(foreign), &route, &ifindex));
}

/* As dumped: -1 where nothing is suppressed, and selectors of a kernel to come. */
static void
test_rule_answer(void)
{
    static const struct {
        guint16 attr; /* 0: as it is */
        guint32 value;
        gboolean ok;
    } cases[] = {
        { 0, 0, TRUE },
        { FRA_SUPPRESS_PREFIXLEN, G_MAXUINT32, TRUE },
        { FRA_SUPPRESS_PREFIXLEN, 8, FALSE },
        { FRA_SUPPRESS_IFGROUP, 1, FALSE },
        { FRA_UID_RANGE, 1, FALSE },
        { FRA_GOTO, 1, FALSE },
        { FRA_SPORT_RANGE, 0x00350035, FALSE }, /* without a protocol, and not those ports */
        { FRA_DPORT_RANGE, 0x00350035, FALSE },
        { 60, 1, FALSE },
    };
    const AditRule plain = { AF_INET, 1750, ADIT_RULE_LOOKUP, 20101 };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(AditMsg) m = adit_msg_new();
        AditRule rule = { 0 };

        adit_rule_put(m, ADIT_OP_ADD, &plain);
        if (cases[i].attr != 0)
            adit_msg_u32(m, cases[i].attr, cases[i].value);
        g_assert_cmpint(adit_rule_get(header(m), &rule), ==, cases[i].ok);
        g_assert_cmpint(adit_object_cmp(ADIT_KIND_RULE, &rule, &plain) == 0, ==, cases[i].ok);
    }
}

/* The kernel's own addresses are none of ours, wherever they stand. */
static void
test_address_answer(void)
{
    static const gboolean ours[] = { TRUE, FALSE, FALSE, FALSE, TRUE };
    const AditAddress there = { "", { V6(2), 64 }, FALSE, FALSE };

    for (guint8 maker = 0; maker < G_N_ELEMENTS(ours); maker++) {
        g_autoptr(AditMsg) m = adit_msg_new();
        AditAddress address;
        guint32 ifindex;

        adit_address_put(m, ADIT_OP_ADD, &there, 7);
        adit_msg_u8(m, IFA_PROTO, maker); /* the last one of a kind counts */
        g_assert_cmpint(adit_address_get(header(m), &address, &ifindex), ==, ours[maker]);
    }
}

static void
test_delete_hits(void)
{
    const AditRule sparse = { AF_INET, 1750, ADIT_RULE_LOOKUP, 20101 };
    const AditRule rich = { AF_INET, 1750, ADIT_RULE_LOOKUP,        20101,
                            5,       0xff, { V4(10, 59, 0, 2), 32 } };
    AditRule other = rich;

    g_assert_true(adit_rule_delete_hits(&sparse, &rich));
    g_assert_false(adit_rule_delete_hits(&rich, &sparse));
    other.priority++;
    g_assert_false(adit_rule_delete_hits(&sparse, &other));
    other = rich;
    other.table++;
    g_assert_false(adit_rule_delete_hits(&sparse, &other));
    other = sparse;
    other.service = TRUE;
    g_assert_true(adit_rule_delete_hits(&sparse, &other));
    g_assert_false(adit_rule_delete_hits(&other, &sparse));
    other = rich;
    other.family = AF_INET6;
    g_assert_false(adit_rule_delete_hits(&sparse, &other));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtnl/bytes", test_bytes);
    g_test_add_func("/rtnl/round-trip", test_round_trip);
    g_test_add_func("/rtnl/damaged", test_damaged);
    g_test_add_func("/rtnl/link-answer", test_link_answer);
    g_test_add_func("/rtnl/route-answer", test_route_answer);
    g_test_add_func("/rtnl/rule-answer", test_rule_answer);
    g_test_add_func("/rtnl/address-answer", test_address_answer);
    g_test_add_func("/rtnl/delete-hits", test_delete_hits);
    return g_test_run();
}
