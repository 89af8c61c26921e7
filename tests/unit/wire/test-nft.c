/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-shape.h"
#include "libadit/wire/nft-words.h"

#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "libadit/core/element.h"

/* Each kind of statement, in its three interpretations: what the kernel's machine is told (as
 * libnftnl reads it back from the message), the sentence for nft(8), and the shape. */

static const AditNftSet sets[] = {
    { "ports", { ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE } },
    { "links", { ADIT_NFT_IFNAME } },
    { "four",
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE },
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE },
      ADIT_NFT_TIMEOUT },
    { "six", { ADIT_NFT_IPV6_ADDR }, { ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_SERVICE } },
    { "heard",
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE },
      { ADIT_NFT_IPV4_ADDR },
      ADIT_NFT_TIMEOUT | ADIT_NFT_DYNAMIC,
      180,
      1000 },
    { "asked",
      { ADIT_NFT_INET_SERVICE },
      { 0 },
      ADIT_NFT_TIMEOUT | ADIT_NFT_DYNAMIC,
      180,
      1000 },
    { "ranges", { ADIT_NFT_IFNAME, ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_INTERVAL },
    { "counted", { ADIT_NFT_MARK }, .flags = ADIT_NFT_COUNTER },
    { "most", { ADIT_NFT_MARK }, .flags = ADIT_NFT_CONNECTIONS },
};

static const AditNftChain chains[] = {
    { "base", "filter", NF_INET_FORWARD, -5, TRUE },
    { "leaf" },
};

typedef struct {
    AditNftStatement statement[ADIT_NFT_STATEMENTS_MAX];
    const char *text;
    const char *machine; /* each expression between brackets; a line each */
} Row;

#define GUARD4 "meta load nfproto => reg 8\ncmp eq reg 8 0x00000002\n"
#define GUARD6 "meta load nfproto => reg 8\ncmp eq reg 8 0x0000000a\n"
#define GUARD_TCP "meta load l4proto => reg 8\ncmp eq reg 8 0x00000006\n"

static const Row rows[] = {
    { { IS(DPORT, 443), ACCEPT },
      "th dport 443 accept",
      "payload load 2b @ transport header + 2 => reg 8\ncmp eq reg 8 0x0000bb01\n"
      "immediate reg 0 accept\n" },
    { { IS_NAME(IIFNAME, "lo"), DROP },
      "iifname \"lo\" drop",
      "meta load iifname => reg 8\ncmp eq reg 8 0x00006f6c 0x00000000 0x00000000 0x00000000\n"
      "immediate reg 0 drop\n" },
    { { NOT_NAME(OIFNAME, "wg0"), RETURN },
      "oifname != \"wg0\" return",
      "meta load oifname => reg 8\ncmp neq reg 8 0x00306777 0x00000000 0x00000000 0x00000000\n"
      "immediate reg 0 return\n" },
    { { IS_NAME(IP_DADDR, "169.254.0.0/16") },
      "ip daddr 169.254.0.0/16",
      GUARD4 "payload load 2b @ network header + 16 => reg 8\ncmp eq reg 8 0x0000fea9\n" },
    { { IS_NAME(IP6_DADDR, "fe80::/10") },
      "ip6 daddr fe80::/10",
      GUARD6 "payload load 16b @ network header + 24 => reg 8\n"
             "bitwise reg 8 = ( reg 8 & 0x0000c0ff 0x00000000 0x00000000 0x00000000 ) ^ "
             "0x00000000 0x00000000 0x00000000 0x00000000\n"
             "cmp eq reg 8 0x000080fe 0x00000000 0x00000000 0x00000000\n" },
    { { IS_NAME(IP_SADDR, "192.0.2.1") },
      "ip saddr 192.0.2.1",
      GUARD4 "payload load 4b @ network header + 12 => reg 8\ncmp eq reg 8 0x010200c0\n" },
    { { BETWEEN(ICMPV6_TYPE, 133, 137) },
      "icmpv6 type 133-137",
      GUARD6 "meta load l4proto => reg 8\ncmp eq reg 8 0x0000003a\n"
             "payload load 1b @ transport header + 0 => reg 8\n"
             "cmp gte reg 8 0x00000085\ncmp lte reg 8 0x00000089\n" },
    { { HAS(CT_STATE, ESTABLISHED | RELATED) },
      "ct state established,related",
      "ct load state => reg 8\nbitwise reg 8 = ( reg 8 & 0x00000006 ) ^ 0x00000000\n"
      "cmp neq reg 8 0x00000000\n" },
    { { HAS(TCP_FLAGS, 2), CLAMP_MSS },
      "tcp flags syn tcp option maxseg size set rt mtu",
      GUARD_TCP "payload load 1b @ transport header + 13 => reg 8\n"
                "bitwise reg 8 = ( reg 8 & 0x00000002 ) ^ 0x00000000\n"
                "cmp neq reg 8 0x00000000\nrt load tcpmss => reg 8\n"
                "byteorder reg 8 = hton(reg 8, 2, 2)\n"
                "exthdr write tcpopt reg 8 => 2b @ 2 + 2\n" },
    { { MASK_IS(META_MARK, 0x3f000000, 0x1000000) },
      "meta mark & 0x3f000000 == 0x01000000",
      "meta load mark => reg 8\nbitwise reg 8 = ( reg 8 & 0x3f000000 ) ^ 0x00000000\n"
      "cmp eq reg 8 0x01000000\n" },
    { { MASK_NOT(CT_MARK, 0x3f000000, 0) },
      "ct mark & 0x3f000000 != 0x00000000",
      "ct load mark => reg 8\nbitwise reg 8 = ( reg 8 & 0x3f000000 ) ^ 0x00000000\n"
      "cmp neq reg 8 0x00000000\n" },
    { { BITS(META_MARK, 0x3f000000, 0x1000000) },
      "meta mark set meta mark & 0xc0ffffff | 0x01000000",
      "meta load mark => reg 8\nbitwise reg 8 = ( reg 8 & 0xc0ffffff ) ^ 0x01000000\n"
      "meta set mark with reg 8\n" },
    { { BITS(CT_MARK, 0x40000000, 0x40000000) },
      "ct mark set ct mark | 0x40000000",
      "ct load mark => reg 8\nbitwise reg 8 = ( reg 8 & 0xbfffffff ) ^ 0x40000000\n"
      "ct set mark with reg 8\n" },
    { { BITS(META_MARK, 0x3f000000, 0) },
      "meta mark set meta mark & 0xc0ffffff",
      "meta load mark => reg 8\nbitwise reg 8 = ( reg 8 & 0xc0ffffff ) ^ 0x00000000\n"
      "meta set mark with reg 8\n" },
    { { IN("ports", L4PROTO, DPORT) },
      "meta l4proto . th dport @ports",
      "meta load l4proto => reg 8\npayload load 2b @ transport header + 2 => reg 9\n"
      "lookup reg 8 set ports\n" },
    { { NOT_IN("links", IIFNAME), COUNT },
      "iifname != @links counter",
      "meta load iifname => reg 8\nlookup reg 8 set links 0x1\ncounter pkts 0 bytes 0\n" },
    { { DNAT_BY("four", IP_DADDR, DPORT) },
      "dnat ip to ip daddr . th dport map @four",
      GUARD4
      "payload load 4b @ network header + 16 => reg 8\n"
      "payload load 2b @ transport header + 2 => reg 9\n"
      "lookup reg 8 set four dreg 8\nnat dnat ip addr_min reg 8 proto_min reg 9 flags 0x2\n" },
    { { DNAT_BY("six", IP6_DADDR) },
      "dnat ip6 to ip6 daddr map @six",
      GUARD6 "payload load 16b @ network header + 24 => reg 8\nlookup reg 8 set six dreg 8\n"
             "nat dnat ip6 addr_min reg 8 proto_min reg 12 flags 0x2\n" },
    { { SNAT_BY("heard", IP_SADDR, SPORT) },
      "snat ip to ip saddr . th sport map @heard",
      GUARD4 "payload load 4b @ network header + 12 => reg 8\n"
             "payload load 2b @ transport header + 0 => reg 9\n"
             "lookup reg 8 set heard dreg 8\nnat snat ip addr_min reg 8\n" },
    { { IPV4, MASQUERADE }, "meta nfproto ipv4 masquerade", GUARD4 "masq\n" },
    { { TCP, RESET },
      "meta l4proto tcp reject with tcp reset",
      "meta load l4proto => reg 8\ncmp eq reg 8 0x00000006\nreject type 1 code 0\n" },
    { { UDP, WRITE(IP_SADDR, "heard", IP_DADDR, DPORT) },
      "meta l4proto udp ip saddr set ip daddr . th dport map @heard",
      "meta load l4proto => reg 8\ncmp eq reg 8 0x00000011\n" GUARD4
      "payload load 4b @ network header + 16 => reg 8\n"
      "payload load 2b @ transport header + 2 => reg 9\nlookup reg 8 set heard dreg 8\n"
      "payload write reg 8 => 4b @ network header + 12 csum_type 1 csum_off 10 csum_flags "
      "0x1\n" },
    { { LEARN("heard", IP_DADDR, IP_SADDR, SPORT) },
      "update @heard { ip saddr . th sport : ip daddr }",
      GUARD4 "payload load 4b @ network header + 12 => reg 8\n"
             "payload load 2b @ transport header + 0 => reg 9\n"
             "payload load 4b @ network header + 16 => reg 10\n"
             "dynset update reg_key 8 set heard sreg_data 10\n" },
    { { NOTE("asked", DPORT), RETURN },
      "update @asked { th dport } return",
      "payload load 2b @ transport header + 2 => reg 8\ndynset update reg_key 8 set asked\n"
      "immediate reg 0 return\n" },
    { { FORGET("heard", IP_DADDR, IP_SADDR, SPORT) },
      "delete @heard { ip saddr . th sport : ip daddr }",
      GUARD4 "payload load 4b @ network header + 12 => reg 8\n"
             "payload load 2b @ transport header + 0 => reg 9\n"
             "payload load 4b @ network header + 16 => reg 10\n"
             "dynset delete reg_key 8 set heard sreg_data 10\n" },
    { { IS(FIB_DADDR_TYPE, RTN_BROADCAST), JUMP("leaf") },
      "fib daddr type broadcast jump leaf",
      "fib daddr type => reg 8\ncmp eq reg 8 0x00000003\nimmediate reg 0 jump -> leaf\n" },
    { { IS(CT_DIRECTION, REPLY), GOTO("leaf") },
      "ct direction reply goto leaf",
      "ct load direction => reg 8\ncmp eq reg 8 0x00000001\nimmediate reg 0 goto -> leaf\n" },
    /* One guard, however many statements need it. */
    { { IPV4, IS_NAME(IP_SADDR, "10.0.0.0/8"), IS_NAME(IP_DADDR, "10.0.0.0/8") },
      "meta nfproto ipv4 ip saddr 10.0.0.0/8 ip daddr 10.0.0.0/8",
      GUARD4 "payload load 1b @ network header + 12 => reg 8\ncmp eq reg 8 0x0000000a\n"
             "payload load 1b @ network header + 16 => reg 8\ncmp eq reg 8 0x0000000a\n" },
};

static AditNftBlueprint
sample(AditNftRule rules[G_N_ELEMENTS(rows)])
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        rules[i] = (AditNftRule){ "base", "why" };
        memcpy(rules[i].statement, rows[i].statement, sizeof(rules[i].statement));
    }
    return (AditNftBlueprint){ "sample",           chains, G_N_ELEMENTS(chains), sets,
                               G_N_ELEMENTS(sets), rules,  G_N_ELEMENTS(rows) };
}

/* libnftnl's reading of a rule, an expression a line, without handles and comments. */
static char *
machine_of(const struct nlmsghdr *nlh)
{
    struct nftnl_rule *rule = nftnl_rule_alloc();
    GString *out = g_string_new(NULL);
    char text[4096];

    g_assert_cmpint(nftnl_rule_nlmsg_parse(nlh, rule), ==, 0);
    nftnl_rule_snprintf(text, sizeof(text), rule, NFTNL_OUTPUT_DEFAULT, 0);
    for (char *at = strstr(text, "[ "); at != NULL; at = strstr(at, "[ ")) {
        char *end = strstr(at, " ]");

        g_assert_nonnull(end);
        *end = '\0';
        g_string_append_printf(out, "%s\n", g_strchomp(at + 2));
        at = end + 1;
    }
    nftnl_rule_free(rule);
    return g_string_free(out, FALSE);
}

static void
test_machine(void)
{
    AditNftRule rules[G_N_ELEMENTS(rows)];
    const AditNftBlueprint bp = sample(rules);
    g_autoptr(AditMsg) m = adit_msg_new();
    const struct nlmsghdr *nlh;
    guint n = 0;
    gsize len;
    int left;

    adit_nft_table_put(m, &bp);
    nlh = (gconstpointer)adit_msg_data(m, &len);
    left = len;
    for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
        g_autofree char *machine = NULL;

        if ((nlh->nlmsg_type & 0xff) != NFT_MSG_NEWRULE)
            continue;
        machine = machine_of(nlh);
        g_assert_cmpstr(machine, ==, rows[n].machine);
        n++;
    }
    g_assert_cmpuint(n, ==, G_N_ELEMENTS(rows));
    g_assert_cmpint(left, ==, 0);
}

static void
test_text(void)
{
    AditNftRule rules[G_N_ELEMENTS(rows)];
    const AditNftBlueprint bp = sample(rules);
    g_autofree char *text = adit_nft_to_text(&bp);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line =
            g_strdup_printf("\nadd rule inet sample base %s comment \"why\"\n", rows[i].text);

        if (strstr(text, line) == NULL)
            g_error("%snot in\n%s", line, text);
    }
    g_assert_nonnull(strstr(text,
                            "\nadd map inet sample heard { type ipv4_addr . inet_service : "
                            "ipv4_addr; flags dynamic, timeout; timeout 180s; size 1000; "
                            "}\n"));
    g_assert_nonnull(strstr(text, "\nadd set inet sample counted { type mark; counter; }\n"));
    g_assert_nonnull(
        strstr(text, "\nadd set inet sample most { type mark; ct count over 4294967295; }\n"));
    g_assert_nonnull(strstr(text, "\nadd chain inet sample base { type filter hook forward "
                                  "priority -5; policy drop; }\n"));
    g_assert_nonnull(strstr(text, "\nadd chain inet sample leaf\n"));
}

/* The messages, read as the answers of a kernel that did what they say, have the shape. */
static void
test_shape(void)
{
    AditNftRule rules[G_N_ELEMENTS(rows)];
    const AditNftBlueprint bp = sample(rules);
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autofree char *shape = adit_nft_shape_of(&bp);
    const struct nlmsghdr *nlh;
    gsize len;
    int left;

    adit_nft_table_put(m, &bp);
    nlh = (gconstpointer)adit_msg_data(m, &len);
    left = len;
    for (guint i = 0; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left), i++)
        if (i >= 2) /* the table of that name that may have been there */
            g_assert_true(adit_nft_shape_get(nlh, "sample", lines));
    g_assert_cmpstr(lines->str, ==, shape);
    g_string_truncate(lines, 0);
    nlh = (gconstpointer)adit_msg_data(m, &len);
    left = len;
    for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        (void)adit_nft_shape_get(nlh, "other", lines);
    g_assert_cmpstr(lines->str, ==, "");
}

/* Whatever is different, the identity is. */
static void
test_identity(void)
{
    AditNftRule rules[G_N_ELEMENTS(rows)];
    AditNftSet other_sets[G_N_ELEMENTS(sets)];
    AditNftChain other_chains[G_N_ELEMENTS(chains)];
    AditNftBlueprint bp = sample(rules);
    g_autofree char *first = adit_nft_identity(&bp);
    g_autofree char *again = adit_nft_identity(&bp);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    g_assert_cmpstr(first, ==, again);
    g_assert_cmpuint(strlen(first), ==, strlen("adit 1 ") + 16);
    g_hash_table_add(seen, g_strdup(first));
    for (guint i = 0; i < 7; i++) {
        bp = sample(rules);
        memcpy(other_sets, sets, sizeof(sets));
        memcpy(other_chains, chains, sizeof(chains));
        bp.sets = other_sets;
        bp.chains = other_chains;
        switch (i) {
        case 0: rules[0].statement[0].value++; break;
        case 1: rules[3].why = "because"; break;
        case 2: rules[4].chain = "leaf"; break;
        case 3: other_sets[4].size++; break;
        case 4: other_sets[0].flags = ADIT_NFT_TIMEOUT; break;
        case 5: other_chains[0].drop = FALSE; break;
        case 6: bp.n_rules--; break;
        }
        g_assert_true(g_hash_table_add(seen, adit_nft_identity(&bp)));
    }
}

static void
test_element_text(void)
{
    AditNftRule rules[G_N_ELEMENTS(rows)];
    const AditNftBlueprint bp = sample(rules);
    const AditAddr four = { AF_INET, { 192, 0, 2, 1 } };
    const AditPrefix net = { four, 24 };
    AditElement map = adit_element_make("four"), range = adit_element_make("ranges"), last;
    g_autofree char *map_text = NULL, *range_text = NULL;

    adit_element_key_addr(&map, &four);
    adit_element_key_port(&map, 443);
    adit_element_data_addr(&map, &four);
    adit_element_data_port(&map, 8443);
    map.timeout_ms = 120000;
    map_text = adit_nft_element_to_text(&bp, &map);
    g_assert_cmpstr(
        map_text, ==,
        "add element inet sample four { 192.0.2.1 . 443 timeout 120000ms : 192.0.2.1 "
        ". 8443 }\n");
    adit_element_key_ifname(&range, "eth0");
    last = range;
    adit_element_key_prefix(&range, &last, &net);
    adit_element_join(&range, &last);
    range_text = adit_nft_element_to_text(&bp, &range);
    g_assert_cmpstr(range_text, ==,
                    "add element inet sample ranges { \"eth0\" . 192.0.2.0-192.0.2.255 }\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nft/machine", test_machine);
    g_test_add_func("/nft/text", test_text);
    g_test_add_func("/nft/shape", test_shape);
    g_test_add_func("/nft/identity", test_identity);
    g_test_add_func("/nft/element-text", test_element_text);
    return g_test_run();
}
