/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft.h"

#include <netinet/in.h> /* before the kernel's own */

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "libadit/wire/nft-rule.h"

#define PAD(len) (((len) + 3) & ~3u)

/* Byte orders, in the words of nft's user data of a set. */
#define ORDER_HOST 1
#define ORDER_NETWORK 2

const AditNftSet *
adit_nft_blueprint_set(const AditNftBlueprint *bp, const char *name)
{
    for (guint i = 0; i < bp->n_sets; i++)
        if (g_str_equal(bp->sets[i].name, name))
            return &bp->sets[i];
    return NULL;
}

/* The padded length of a list of types, and how many they are. */
static guint
types_len(const AditNftType *types, guint *ret_n)
{
    guint len = 0, n = 0;

    for (; types[n] != 0; n++)
        len += PAD(adit_nft_type_info(types[n])->len);
    if (ret_n != NULL)
        *ret_n = n;
    return n == 1 ? adit_nft_type_info(types[0])->len : len;
}

guint
adit_nft_set_key_len(const AditNftSet *set)
{
    return types_len(set->key, NULL);
}

guint
adit_nft_set_data_len(const AditNftSet *set)
{
    return types_len(set->data, NULL);
}

/* nft's number of a concatenation: six bits a type. */
static guint32
types_id(const AditNftType *types)
{
    guint32 id = 0;

    for (guint i = 0; types[i] != 0; i++)
        id = id << 6 | adit_nft_type_info(types[i])->id;
    return id;
}

/* @bytes are zero: libmnl leaves the padding of an attribute as it finds it, and what our stack
 * held before is nobody's business. */
static struct nlmsghdr *
start(guint8 *bytes, guint16 type, guint16 flags)
{
    return nftnl_nlmsg_build_hdr((char *)bytes, type, NFPROTO_INET, flags, 0);
}

static void
put_table(AditMsg *m, guint16 type, const char *name, const char *comment)
{
    guint8 bytes[1024] __attribute__((aligned(8))) = { 0 };
    struct nftnl_table *table = nftnl_table_alloc();
    struct nftnl_udata_buf *user = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
    struct nlmsghdr *nlh = start(bytes, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

    nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
    if (comment != NULL) {
        nftnl_udata_put_strz(user, NFTNL_UDATA_TABLE_COMMENT, comment);
        nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(user),
                             nftnl_udata_buf_len(user));
    }
    nftnl_table_nlmsg_build_payload(nlh, table);
    adit_msg_append(m, nlh);
    nftnl_udata_buf_free(user);
    nftnl_table_free(table);
}

static void
put_chain(AditMsg *m, const char *table, const AditNftChain *chain)
{
    guint8 bytes[1024] __attribute__((aligned(8))) = { 0 };
    struct nftnl_chain *c = nftnl_chain_alloc();
    struct nlmsghdr *nlh = start(bytes, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

    nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table);
    nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain->name);
    if (chain->type != NULL) {
        nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chain->type);
        nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, chain->hook);
        nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chain->priority);
        nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, chain->drop ? NF_DROP : NF_ACCEPT);
    }
    nftnl_chain_nlmsg_build_payload(nlh, c);
    adit_msg_append(m, nlh);
    nftnl_chain_free(c);
}

/* A range of concatenations is stored field by field: the kernel must know where they end. */
static void
describe_fields(struct nftnl_set *s, const AditNftSet *set)
{
    guint8 lens[ADIT_NFT_FIELDS_MAX];
    guint n = 0;

    for (; set->key[n] != 0; n++)
        lens[n] = adit_nft_type_info(set->key[n])->len;
    nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, lens, n);
}

static guint32
set_flags(const AditNftSet *set)
{
    guint32 flags = 0;

    if ((set->flags & ADIT_NFT_TIMEOUT) != 0)
        flags |= NFT_SET_TIMEOUT;
    if ((set->flags & ADIT_NFT_INTERVAL) != 0)
        flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
    if ((set->flags & ADIT_NFT_DYNAMIC) != 0)
        flags |= NFT_SET_EVAL;
    if (set->data[0] != 0)
        flags |= NFT_SET_MAP;
    return flags;
}

/* For nft(8) alone: in which order it must read numbers to print them. */
static void
set_user_data(struct nftnl_set *s, const AditNftSet *set)
{
    struct nftnl_udata_buf *user = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
    const gboolean host = set->key[1] == 0 && adit_nft_type_info(set->key[0])->host_order;
    const gboolean data_host = adit_nft_type_info(set->data[0])->host_order;

    nftnl_udata_put_u32(user, NFTNL_UDATA_SET_KEYBYTEORDER, host ? ORDER_HOST : ORDER_NETWORK);
    if (set->data[0] != 0)
        nftnl_udata_put_u32(user, NFTNL_UDATA_SET_DATABYTEORDER,
                            data_host ? ORDER_HOST : ORDER_NETWORK);
    nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(user),
                       nftnl_udata_buf_len(user));
    nftnl_udata_buf_free(user);
}

/* ct count over LIMIT : each element says its own; this is what the set calls for. */
static struct nftnl_expr *
count_over(guint32 limit)
{
    struct nftnl_expr *e = nftnl_expr_alloc("connlimit");

    nftnl_expr_set_u32(e, NFTNL_EXPR_CONNLIMIT_COUNT, limit);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
    return e;
}

static void
put_set(AditMsg *m, const AditNftBlueprint *bp, guint i)
{
    guint8 bytes[1024] __attribute__((aligned(8))) = { 0 };
    const AditNftSet *set = &bp->sets[i];
    struct nftnl_set *s = nftnl_set_alloc();
    struct nlmsghdr *nlh = start(bytes, NFT_MSG_NEWSET, NLM_F_CREATE);

    nftnl_set_set_str(s, NFTNL_SET_TABLE, bp->table);
    nftnl_set_set_str(s, NFTNL_SET_NAME, set->name);
    nftnl_set_set_u32(s, NFTNL_SET_ID, i + 1);
    nftnl_set_set_u32(s, NFTNL_SET_FLAGS, set_flags(set));
    nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, types_id(set->key));
    nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, adit_nft_set_key_len(set));
    if (set->data[0] != 0) {
        nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, types_id(set->data));
        nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, adit_nft_set_data_len(set));
    }
    if (set->timeout_s != 0)
        nftnl_set_set_u64(s, NFTNL_SET_TIMEOUT, set->timeout_s * G_GUINT64_CONSTANT(1000));
    if (set->size != 0)
        nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, set->size);
    if ((set->flags & ADIT_NFT_INTERVAL) != 0)
        describe_fields(s, set);
    if ((set->flags & ADIT_NFT_COUNTER) != 0)
        nftnl_set_add_expr(s, nftnl_expr_alloc("counter"));
    if ((set->flags & ADIT_NFT_CONNECTIONS) != 0)
        nftnl_set_add_expr(s, count_over(G_MAXUINT32));
    set_user_data(s, set);
    nftnl_set_nlmsg_build_payload(nlh, s);
    adit_msg_append(m, nlh);
    nftnl_set_free(s);
}

static void
put_rule(AditMsg *m, const AditNftBlueprint *bp, const AditNftRule *rule)
{
    guint8 bytes[8192] __attribute__((aligned(8))) = { 0 };
    struct nftnl_rule *r = adit_nft_rule_build(bp, rule);
    struct nlmsghdr *nlh = start(bytes, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);

    nftnl_rule_nlmsg_build_payload(nlh, r);
    adit_msg_append(m, nlh);
    nftnl_rule_free(r);
}

void
adit_nft_table_put_delete(AditMsg *m, const char *table)
{
    put_table(m, NFT_MSG_NEWTABLE, table, NULL); /* so that the deletion cannot fail */
    put_table(m, NFT_MSG_DELTABLE, table, NULL);
}

void
adit_nft_table_put(AditMsg *m, const AditNftBlueprint *bp)
{
    g_autofree char *identity = adit_nft_identity(bp);

    adit_nft_table_put_delete(m, bp->table);
    put_table(m, NFT_MSG_NEWTABLE, bp->table, identity);
    for (guint i = 0; i < bp->n_sets; i++)
        put_set(m, bp, i);
    for (guint i = 0; i < bp->n_chains; i++)
        put_chain(m, bp->table, &bp->chains[i]);
    for (guint i = 0; i < bp->n_rules; i++)
        put_rule(m, bp, &bp->rules[i]);
}
