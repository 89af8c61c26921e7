/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-judge.h"
#include "libadit/wire/nft-rule.h"
#include "libadit/wire/nft-words.h"

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Rules in the words of our own blueprints, made into what the kernel would dump, and what
 * becomes of the first packet for TCP port 443 that comes in by "home". */

static const AditNftSet sets[] = {
    { "ports", { ADIT_NFT_INET_SERVICE } },
    { "others", { ADIT_NFT_INET_SERVICE } },
    { "deaf", { ADIT_NFT_INET_SERVICE } },
    { "pairs", { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE } },
};

static const AditNftBlueprint bp = { "sample", .sets = sets, .n_sets = G_N_ELEMENTS(sets) };

typedef struct {
    AditNftStatement statement[ADIT_NFT_STATEMENTS_MAX];
    AditNftFate fate;
} Row;

#define NEXT ADIT_NFT_FATE_NEXT
#define UNKNOWN ADIT_NFT_FATE_UNKNOWN

static const Row rows[] = {
    { { DROP }, ADIT_NFT_FATE_DROP },
    { { COUNT, ACCEPT }, ADIT_NFT_FATE_ACCEPT },
    { { RETURN }, ADIT_NFT_FATE_RETURN },
    { { JUMP("leaf") }, ADIT_NFT_FATE_JUMP },
    { { GOTO("leaf") }, ADIT_NFT_FATE_GOTO },
    { { COUNT }, NEXT },
    { { IS(DPORT, 443), DROP }, ADIT_NFT_FATE_DROP },
    { { TCP, IS(DPORT, 443), COUNT, DROP }, ADIT_NFT_FATE_DROP },
    { { TCP, BETWEEN(DPORT, 400, 443), DROP }, ADIT_NFT_FATE_DROP },
    { { IS(DPORT, 444), DROP }, NEXT },
    { { UDP, IS(DPORT, 443), DROP }, NEXT },
    { { BETWEEN(DPORT, 444, 500), DROP }, NEXT },
    { { IPV4, DROP }, ADIT_NFT_FATE_DROP },
    { { IPV6, DROP }, NEXT },
    { { IS_NAME(IIFNAME, "home"), DROP }, ADIT_NFT_FATE_DROP },
    { { IS_NAME(IIFNAME, "lo"), ACCEPT }, NEXT },
    { { NOT_NAME(IIFNAME, "home"), ACCEPT }, NEXT },
    { { NOT_NAME(IIFNAME, "lo"), DROP }, ADIT_NFT_FATE_DROP },
    { { HAS(CT_STATE, ESTABLISHED | RELATED), ACCEPT }, NEXT },
    { { HAS(CT_STATE, NEW | INVALID), DROP }, ADIT_NFT_FATE_DROP },
    { { IN("ports", DPORT), DROP }, ADIT_NFT_FATE_DROP },
    { { IN("others", DPORT), DROP }, NEXT },
    { { NOT_IN("others", DPORT), DROP }, ADIT_NFT_FATE_DROP },
    { { NOT_IN("ports", DPORT), DROP }, NEXT },
    /* What is not known: a drop is none for sure, all else may be the end. */
    { { IN("deaf", DPORT), DROP }, NEXT },
    { { IN("deaf", DPORT), ACCEPT }, UNKNOWN },
    { { IN("pairs", IP_SADDR, DPORT), DROP }, NEXT },
    { { IS_NAME(IP_SADDR, "192.0.2.1"), IS(DPORT, 443), DROP }, NEXT },
    { { IS_NAME(IP_SADDR, "192.0.2.1"), ACCEPT }, UNKNOWN },
    { { IS_NAME(IP_SADDR, "192.0.2.1"), JUMP("leaf") }, UNKNOWN },
    { { IS_NAME(IP_SADDR, "192.0.2.1"), RETURN }, UNKNOWN },
    { { IS_NAME(IP_SADDR, "192.0.2.1"), IS(DPORT, 80), ACCEPT }, NEXT },
    { { IS_NAME(OIFNAME, "eth0"), ACCEPT }, UNKNOWN },
    { { IS(META_MARK, 0), ACCEPT }, UNKNOWN },
};

static AditNftAnswer
has(const char *set, gconstpointer key, gsize len, gpointer data)
{
    const guint16 port = GUINT16_TO_BE(443);

    if (!g_str_equal(set, "pairs"))
        g_assert_cmpmem(key, MIN(len, sizeof(port)), &port, sizeof(port));
    return g_str_equal(set, "ports")    ? ADIT_NFT_YES
           : g_str_equal(set, "others") ? ADIT_NFT_NO
                                        : ADIT_NFT_WHO_KNOWS;
}

/* The fate of @packet by a rule, which is freed. @ret_chain: until the next. */
static AditNftFate
judge_built(struct nftnl_rule *built, const AditNftPacket *packet, const char **ret_chain)
{
    static const AditAttrType types[NFTA_RULE_MAX + 1] = { [NFTA_RULE_EXPRESSIONS] = {
                                                               ADIT_ATTR_NESTED } };
    const struct nlattr *tb[NFTA_RULE_MAX + 1];
    static char buffer[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(memset(buffer, 0, sizeof(buffer)));

    mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
    nftnl_rule_nlmsg_build_payload(nlh, built);
    nftnl_rule_free(built);
    g_assert_true(
        adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb));
    *ret_chain = NULL;
    return adit_nft_judge(tb[NFTA_RULE_EXPRESSIONS], packet, has, NULL, ret_chain);
}

static AditNftFate
judge(const AditNftStatement *statement, const AditNftPacket *packet, const char **ret_chain)
{
    AditNftRule rule = { .chain = "base", .why = "why" };

    memcpy(rule.statement, statement, sizeof(rule.statement));
    return judge_built(adit_nft_rule_build(&bp, &rule), packet, ret_chain);
}

static void
test_rows(void)
{
    const AditNftPacket packet = { NFPROTO_IPV4, IPPROTO_TCP, 443, "home" };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *chain;
        const AditNftFate fate = judge(rows[i].statement, &packet, &chain);

        if (fate != rows[i].fate)
            g_error("row %u: %d, not %d", i, fate, rows[i].fate);
    }
}

static void
test_chain(void)
{
    const AditNftPacket packet = { NFPROTO_IPV4, IPPROTO_TCP, 443, "home" };
    const AditNftStatement to_leaf[ADIT_NFT_STATEMENTS_MAX] = { TCP, JUMP("leaf") };
    const char *chain;

    g_assert_cmpint(judge(to_leaf, &packet, &chain), ==, ADIT_NFT_FATE_JUMP);
    g_assert_cmpstr(chain, ==, "leaf");
}

/* A packet of which less is known. */
static void
test_unknown(void)
{
    const AditNftPacket packet = { 0, IPPROTO_UDP, 443, NULL };
    const AditNftStatement by_link[ADIT_NFT_STATEMENTS_MAX] = { IS_NAME(IIFNAME, "home"),
                                                                ACCEPT };
    const AditNftStatement by_family[ADIT_NFT_STATEMENTS_MAX] = { IPV4, DROP };
    const AditNftStatement plain[ADIT_NFT_STATEMENTS_MAX] = { UDP, IS(DPORT, 443), DROP };
    const char *chain;

    g_assert_cmpint(judge(by_link, &packet, &chain), ==, UNKNOWN);
    g_assert_cmpint(judge(by_family, &packet, &chain), ==, NEXT);
    g_assert_cmpint(judge(plain, &packet, &chain), ==, ADIT_NFT_FATE_DROP);
}

/* "iif 1 accept", as everybody's first rule has it; none of our own tables asks so. */
static struct nftnl_rule *
by_index(guint32 index)
{
    struct nftnl_rule *rule = nftnl_rule_alloc();
    struct nftnl_expr *meta = nftnl_expr_alloc("meta"), *cmp = nftnl_expr_alloc("cmp"),
                      *accept = nftnl_expr_alloc("immediate");

    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_IIF);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
    nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, &index, sizeof(index));
    nftnl_expr_set_u32(accept, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(accept, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
    nftnl_rule_add_expr(rule, meta);
    nftnl_rule_add_expr(rule, cmp);
    nftnl_rule_add_expr(rule, accept);
    return rule;
}

static void
test_index(void)
{
    static const struct {
        guint32 of_link, asked;
        AditNftFate fate;
    } indices[] = { { 7, 1, NEXT }, { 7, 7, ADIT_NFT_FATE_ACCEPT }, { 0, 1, UNKNOWN } };

    for (guint i = 0; i < G_N_ELEMENTS(indices); i++) {
        const AditNftPacket packet = { NFPROTO_IPV4, IPPROTO_TCP, 443, "home",
                                       indices[i].of_link };
        const char *chain;

        g_assert_cmpint(judge_built(by_index(indices[i].asked), &packet, &chain), ==,
                        indices[i].fate);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nft-judge/rows", test_rows);
    g_test_add_func("/nft-judge/chain", test_chain);
    g_test_add_func("/nft-judge/unknown", test_unknown);
    g_test_add_func("/nft-judge/index", test_index);
    return g_test_run();
}
