/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign-rule.h"

#include "libadit/wire/msg.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static gboolean
contains(const struct nlattr *attr, gconstpointer bytes, gsize len)
{
    return memmem(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), bytes, len) !=
           NULL;
}

/* As nft compares it: an attribute of two bytes in network order; and as iptables' udp match
 * has it: any source port, then the range of one in the machine's order. */
gboolean
adit_foreign_rule_names_port(const struct nlattr *exprs, guint16 port)
{
    const guint16 native[3] = { 6, NFTA_DATA_VALUE, GUINT16_TO_BE(port) };
    const guint16 match[4] = { 0, 0xffff, port, port };

    return contains(exprs, native, sizeof(native)) || contains(exprs, match, sizeof(match));
}

/* Whether a rule consists of some of these and nothing else. */
static gboolean
is_made_of(const struct nlattr *exprs, const char *const *names)
{
    static const AditAttrType types[NFTA_EXPR_MAX + 1] = { [NFTA_EXPR_NAME] = {
                                                               ADIT_ATTR_STRING } };
    const struct nlattr *tb[NFTA_EXPR_MAX + 1], *expr;

    mnl_attr_for_each_nested(expr, exprs)
    {
        if (!adit_attrs_parse_nested(expr, types, G_N_ELEMENTS(types), tb) ||
            !tb[NFTA_EXPR_NAME] ||
            !g_strv_contains(names, mnl_attr_get_str(tb[NFTA_EXPR_NAME])))
            return FALSE;
    }
    return TRUE;
}

/* A rule that asks nothing and refuses everything. */
gboolean
adit_foreign_rule_refuses(const struct nlattr *exprs)
{
    static const char *const parts[] = { "reject", "counter", "log", NULL };

    return contains(exprs, "reject", sizeof("reject")) && is_made_of(exprs, parts);
}

/* "ct status dnat accept", as firewalld has it: what we send on by NAT passes. */
gboolean
adit_foreign_rule_lets_dnat(const struct nlattr *exprs)
{
    static const char *const parts[] = { "ct", "bitwise", "cmp", "immediate", "counter", NULL };
    const guint16 status[4] = { 8, NFTA_CT_KEY, 0, GUINT16_TO_BE(NFT_CT_STATUS) };
    const struct {
        guint16 len, type;
        guint32 mask;
    } dnat = { 8, NFTA_DATA_VALUE, IPS_DST_NAT },
      accept = { 8, NFTA_VERDICT_CODE, GUINT32_TO_BE(NF_ACCEPT) };

    return is_made_of(exprs, parts) && contains(exprs, status, sizeof(status)) &&
           contains(exprs, &dnat, sizeof(dnat)) && contains(exprs, &accept, sizeof(accept));
}

/* "oifname adit0", or iptables' -o, which is made of the same. */
gboolean
adit_foreign_rule_asks_way_out(const struct nlattr *exprs, const char *link)
{
    const guint16 key[4] = { 8, NFTA_META_KEY, 0, GUINT16_TO_BE(NFT_META_OIFNAME) };
    gboolean way_out = FALSE; /* was what the last expression has read */
    const struct nlattr *expr;

    mnl_attr_for_each_nested(expr, exprs)
    {
        if (way_out && contains(expr, link, strlen(link)))
            return TRUE;
        way_out = contains(expr, key, sizeof(key));
    }
    return FALSE;
}

/* "fib saddr . mark . iif oif missing drop" */
gboolean
adit_foreign_rule_checks_sender(const struct nlattr *exprs)
{
    const struct {
        guint16 len, type;
        guint32 code;
    } drop = { 8, NFTA_VERDICT_CODE, GUINT32_TO_BE(NF_DROP) };
    const guint16 way[4] = { 8, NFTA_FIB_RESULT, 0, GUINT16_TO_BE(NFT_FIB_RESULT_OIF) };

    return contains(exprs, "fib", sizeof("fib")) && contains(exprs, way, sizeof(way)) &&
           contains(exprs, &drop, sizeof(drop));
}

gboolean
adit_foreign_rule_names_link(const struct nlattr *exprs, const char *link)
{
    return contains(exprs, link, strlen(link));
}
