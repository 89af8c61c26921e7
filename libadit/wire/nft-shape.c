/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-shape.h"

#include <netinet/in.h> /* before the kernel's own */

#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define NO_HOOK G_MAXUINT32
#define KNOWN_SET_FLAGS (NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL)

/* Both readings of a table end in these four lines. */
static void
line_table(GString *out, const char *name, const char *comment)
{
    g_string_append_printf(out, "table %s %s\n", name, comment);
}

static void
line_set(GString *out, const char *name, guint32 flags, guint key_len, guint data_len)
{
    g_string_append_printf(out, "set %s %x %u %u\n", name, flags & KNOWN_SET_FLAGS, key_len,
                           data_len);
}

static void
line_chain(GString *out, const char *name, guint32 hook, gint32 priority, guint32 policy)
{
    if (hook == NO_HOOK)
        g_string_append_printf(out, "chain %s\n", name);
    else
        g_string_append_printf(out, "chain %s %u %d %u\n", name, hook, priority, policy);
}

static void
line_rule(GString *out, const char *chain, const char *comment)
{
    g_string_append_printf(out, "rule %s %s\n", chain, comment);
}

static guint32
flags_of(const AditNftSet *set)
{
    guint32 flags = set->data[0] != 0 ? NFT_SET_MAP : 0;

    if ((set->flags & ADIT_NFT_TIMEOUT) != 0)
        flags |= NFT_SET_TIMEOUT;
    if ((set->flags & ADIT_NFT_INTERVAL) != 0)
        flags |= NFT_SET_INTERVAL;
    if ((set->flags & ADIT_NFT_DYNAMIC) != 0)
        flags |= NFT_SET_EVAL;
    return flags;
}

/* The kernel lists chain by chain what it was given in the order of the blueprint. */
static void
lines_rules(GString *out, const AditNftBlueprint *bp)
{
    for (guint i = 0; i < bp->n_chains; i++)
        for (guint j = 0; j < bp->n_rules; j++)
            if (g_str_equal(bp->rules[j].chain, bp->chains[i].name))
                line_rule(out, bp->rules[j].chain, bp->rules[j].why);
}

char *
adit_nft_shape_of(const AditNftBlueprint *bp)
{
    g_autofree char *identity = adit_nft_identity(bp);
    GString *out = g_string_new(NULL);

    line_table(out, bp->table, identity);
    for (guint i = 0; i < bp->n_sets; i++)
        line_set(out, bp->sets[i].name, flags_of(&bp->sets[i]),
                 adit_nft_set_key_len(&bp->sets[i]), adit_nft_set_data_len(&bp->sets[i]));
    for (guint i = 0; i < bp->n_chains; i++)
        line_chain(out, bp->chains[i].name,
                   bp->chains[i].type != NULL ? bp->chains[i].hook : NO_HOOK,
                   bp->chains[i].priority, bp->chains[i].drop ? NF_DROP : NF_ACCEPT);
    lines_rules(out, bp);
    return g_string_free(out, FALSE);
}

void
adit_nft_shape_put_dump(AditMsg *m, AditNftPart part, const char *table)
{
    static const struct {
        guint16 type, attr; /* attr: names the table; 0: the dump takes no filter */
    } parts[] = {
        [ADIT_NFT_PART_TABLE] = { NFT_MSG_GETTABLE, 0 },
        [ADIT_NFT_PART_SETS] = { NFT_MSG_GETSET, NFTA_SET_TABLE },
        [ADIT_NFT_PART_CHAINS] = { NFT_MSG_GETCHAIN, 0 },
        [ADIT_NFT_PART_RULES] = { NFT_MSG_GETRULE, NFTA_RULE_TABLE },
    };
    const struct nfgenmsg header = { NFPROTO_INET, NFNETLINK_V0, 0 };

    adit_msg_begin(m, NFNL_SUBSYS_NFTABLES << 8 | parts[part].type, 0, &header, sizeof(header));
    if (parts[part].attr != 0)
        adit_msg_string(m, parts[part].attr, table);
}

static const char *
text_of(const struct nlattr *attr)
{
    gsize len;

    return attr == NULL ? "" : adit_attr_data(attr, &len);
}

/* The comment in nft's type-length-value user data; tables and rules agree on its type. */
static char *
comment_of(const struct nlattr *attr)
{
    gsize left;
    const guint8 *at = adit_attr_data(attr, &left);

    G_STATIC_ASSERT((int)NFTNL_UDATA_TABLE_COMMENT == (int)NFTNL_UDATA_RULE_COMMENT);
    while (left >= 2 && at[1] <= left - 2) {
        if (at[0] == NFTNL_UDATA_RULE_COMMENT)
            return g_strndup((const char *)at + 2, at[1]);
        left -= 2 + at[1];
        at += 2 + at[1];
    }
    return g_strdup("");
}

static gboolean
get_table(const struct nlmsghdr *nlh, const char *table, GString *lines)
{
    static const AditAttrType types[] = {
        [NFTA_TABLE_NAME] = { ADIT_ATTR_STRING },
        [NFTA_TABLE_USERDATA] = { ADIT_ATTR_BYTES },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    g_autofree char *comment = NULL;

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb))
        return FALSE;
    comment = comment_of(tb[NFTA_TABLE_USERDATA]);
    if (g_str_equal(text_of(tb[NFTA_TABLE_NAME]), table))
        line_table(lines, table, comment);
    return TRUE;
}

static gboolean
get_set(const struct nlmsghdr *nlh, const char *table, GString *lines)
{
    static const AditAttrType types[] = {
        [NFTA_SET_TABLE] = { ADIT_ATTR_STRING }, [NFTA_SET_NAME] = { ADIT_ATTR_STRING },
        [NFTA_SET_FLAGS] = { ADIT_ATTR_U32 },    [NFTA_SET_KEY_LEN] = { ADIT_ATTR_U32 },
        [NFTA_SET_DATA_LEN] = { ADIT_ATTR_U32 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb))
        return FALSE;
    if (g_str_equal(text_of(tb[NFTA_SET_TABLE]), table))
        line_set(lines, text_of(tb[NFTA_SET_NAME]),
                 GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_FLAGS])),
                 GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_KEY_LEN])),
                 GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_DATA_LEN])));
    return TRUE;
}

static gboolean
get_chain(const struct nlmsghdr *nlh, const char *table, GString *lines)
{
    static const AditAttrType types[] = {
        [NFTA_CHAIN_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_CHAIN_NAME] = { ADIT_ATTR_STRING },
        [NFTA_CHAIN_HOOK] = { ADIT_ATTR_NESTED },
        [NFTA_CHAIN_POLICY] = { ADIT_ATTR_U32 },
    };
    static const AditAttrType hook_types[] = {
        [NFTA_HOOK_HOOKNUM] = { ADIT_ATTR_U32 },
        [NFTA_HOOK_PRIORITY] = { ADIT_ATTR_U32 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)], *hook[G_N_ELEMENTS(hook_types)];

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !adit_attrs_parse_nested(tb[NFTA_CHAIN_HOOK], hook_types, G_N_ELEMENTS(hook_types),
                                 hook))
        return FALSE;
    if (g_str_equal(text_of(tb[NFTA_CHAIN_TABLE]), table))
        line_chain(lines, text_of(tb[NFTA_CHAIN_NAME]),
                   tb[NFTA_CHAIN_HOOK] == NULL
                       ? NO_HOOK
                       : GUINT32_FROM_BE(adit_attr_u32(hook[NFTA_HOOK_HOOKNUM])),
                   (gint32)GUINT32_FROM_BE(adit_attr_u32(hook[NFTA_HOOK_PRIORITY])),
                   GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_CHAIN_POLICY])));
    return TRUE;
}

static gboolean
get_rule(const struct nlmsghdr *nlh, const char *table, GString *lines)
{
    static const AditAttrType types[] = {
        [NFTA_RULE_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_RULE_CHAIN] = { ADIT_ATTR_STRING },
        [NFTA_RULE_USERDATA] = { ADIT_ATTR_BYTES },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    g_autofree char *comment = NULL;

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb))
        return FALSE;
    comment = comment_of(tb[NFTA_RULE_USERDATA]);
    if (g_str_equal(text_of(tb[NFTA_RULE_TABLE]), table))
        line_rule(lines, text_of(tb[NFTA_RULE_CHAIN]), comment);
    return TRUE;
}

static gboolean
get_part(const struct nlmsghdr *nlh, const char *table, GString *lines)
{
    if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
        return FALSE;
    switch (nlh->nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE: return get_table(nlh, table, lines);
    case NFT_MSG_NEWSET: return get_set(nlh, table, lines);
    case NFT_MSG_NEWCHAIN: return get_chain(nlh, table, lines);
    case NFT_MSG_NEWRULE: return get_rule(nlh, table, lines);
    }
    return FALSE;
}

gboolean
adit_nft_shape_get(const struct nlmsghdr *nlh, const char *table, GString *lines)
{
    const gsize before = lines->len;

    if (!get_part(nlh, table, lines))
        return FALSE;
    /* One line, so that a name by another hand cannot imitate a second one. */
    for (gsize i = before; i + 1 < lines->len; i++)
        if (lines->str[i] == '\n')
            lines->str[i] = ' ';
    return TRUE;
}
