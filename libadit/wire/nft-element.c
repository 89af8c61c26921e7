/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-element.h"

#include <netinet/in.h> /* before the kernel's own */

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Our user data travels as one item of nft's type-length-value list, under a type nft(8) does
 * not know and therefore skips; bare bytes it would read as a list, and past their end. */
#define USER_TYPE 173

/* A message holds a list whose length is counted in 16 bits, and the builder stops sooner. */
#define ROOM_MIN 512 /* for the largest element: two keys, data, user data, counter */

typedef struct {
    AditNftElementFunc func;
    gpointer data;
    AditElement element; /* with the name of the set */
} Reading;

static void
begin(AditMsg *m, guint16 type, guint16 flags)
{
    const struct nfgenmsg header = { NFPROTO_INET, NFNETLINK_V0, 0 };

    adit_msg_begin(m, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header, sizeof(header));
}

static void
put_value(AditMsg *m, guint16 attr, const guint8 *bytes, gsize len)
{
    adit_msg_nest(m, attr);
    adit_msg_bytes(m, NFTA_DATA_VALUE, bytes, len);
    adit_msg_unnest(m);
}

static void
put_user(AditMsg *m, const AditElement *e)
{
    guint8 tlv[2 + ADIT_ELEMENT_USER_MAX] = { USER_TYPE, e->user_len };

    memcpy(tlv + 2, e->user, e->user_len);
    adit_msg_bytes(m, NFTA_SET_ELEM_USERDATA, tlv, 2 + e->user_len);
}

/* counter packets 5 bytes 300 : what it has counted so far, when a table is made anew. */
static void
put_counter(AditMsg *m, const AditElement *e)
{
    adit_msg_nest(m, NFTA_SET_ELEM_EXPR);
    adit_msg_string(m, NFTA_EXPR_NAME, "counter");
    adit_msg_nest(m, NFTA_EXPR_DATA);
    adit_msg_be64(m, NFTA_COUNTER_BYTES, e->bytes);
    adit_msg_be64(m, NFTA_COUNTER_PACKETS, e->packets);
    adit_msg_unnest(m);
    adit_msg_unnest(m);
}

/* ct count over 99 */
static void
put_limit(AditMsg *m, const AditElement *e)
{
    adit_msg_nest(m, NFTA_SET_ELEM_EXPR);
    adit_msg_string(m, NFTA_EXPR_NAME, "connlimit");
    adit_msg_nest(m, NFTA_EXPR_DATA);
    adit_msg_be32(m, NFTA_CONNLIMIT_COUNT, e->limit);
    adit_msg_be32(m, NFTA_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
    adit_msg_unnest(m);
    adit_msg_unnest(m);
}

static void
put_contents(AditMsg *m, const AditNftSet *set, const AditElement *e)
{
    if (e->timeout_ms != 0)
        adit_msg_be64(m, NFTA_SET_ELEM_TIMEOUT, e->timeout_ms);
    if (e->expires_ms != 0)
        adit_msg_be64(m, NFTA_SET_ELEM_EXPIRATION, e->expires_ms);
    if (e->user_len > 0)
        put_user(m, e);
    if ((set->flags & ADIT_NFT_COUNTER) != 0 && e->packets != 0)
        put_counter(m, e);
    if ((set->flags & ADIT_NFT_CONNECTIONS) != 0)
        put_limit(m, e);
}

/* nft add element inet adit_server open4 { 203.0.113.7 . tcp . 443 : 10.59.0.2 . 443 } */
static void
put_element(AditMsg *m, const AditNftSet *set, AditNftElementVerb verb, const AditElement *e)
{
    const gboolean range = (set->flags & ADIT_NFT_INTERVAL) != 0;
    const gsize len = range ? e->key_len / 2 : e->key_len;

    g_assert(len == adit_nft_set_key_len(set));
    g_assert(e->data_len == adit_nft_set_data_len(set));
    adit_msg_nest(m, NFTA_LIST_ELEM);
    put_value(m, NFTA_SET_ELEM_KEY, e->key, len);
    if (range)
        put_value(m, NFTA_SET_ELEM_KEY_END, e->key + len, len);
    if (e->data_len > 0 && verb != ADIT_NFT_ELEMENT_DELETE && verb != ADIT_NFT_ELEMENT_GET)
        put_value(m, NFTA_SET_ELEM_DATA, e->data, e->data_len);
    if (verb == ADIT_NFT_ELEMENT_ENSURE || verb == ADIT_NFT_ELEMENT_ADD)
        put_contents(m, set, e);
    adit_msg_unnest(m);
}

/* As many of the same set as one message takes. */
static guint
put_some(AditMsg *m, const AditNftBlueprint *bp, AditNftElementVerb verb,
         const AditElement *const *elements, guint n)
{
    static const struct {
        guint16 type, flags;
    } headers[] = {
        [ADIT_NFT_ELEMENT_TOUCH] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE },
        [ADIT_NFT_ELEMENT_ENSURE] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE },
        [ADIT_NFT_ELEMENT_ADD] = { NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL },
        [ADIT_NFT_ELEMENT_DELETE] = { NFT_MSG_DELSETELEM, 0 },
        [ADIT_NFT_ELEMENT_GET] = { NFT_MSG_GETSETELEM, 0 },
    };
    const char *name = elements[0]->set;
    const AditNftSet *set = adit_nft_blueprint_set(bp, name);
    guint i = 0;

    g_assert(set != NULL);
    begin(m, headers[verb].type, headers[verb].flags);
    adit_msg_string(m, NFTA_SET_ELEM_LIST_TABLE, bp->table);
    adit_msg_string(m, NFTA_SET_ELEM_LIST_SET, name);
    adit_msg_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
    do
        put_element(m, set, verb, elements[i++]);
    while (i < n && g_str_equal(elements[i]->set, name) && adit_msg_room(m) >= ROOM_MIN);
    adit_msg_unnest(m);
    return i;
}

void
adit_nft_elements_put(AditMsg *m, const AditNftBlueprint *bp, AditNftElementVerb verb,
                      const AditElement *const *elements, guint n)
{
    for (guint done = 0; done < n;)
        done += put_some(m, bp, verb, elements + done, n - done);
}

void
adit_nft_elements_put_dump(AditMsg *m, const char *table, const char *set)
{
    begin(m, NFT_MSG_GETSETELEM, 0);
    adit_msg_string(m, NFTA_SET_ELEM_LIST_TABLE, table);
    adit_msg_string(m, NFTA_SET_ELEM_LIST_SET, set);
}

const char *
adit_nft_event_table(const struct nlmsghdr *nlh)
{
    /* Each kind of message has the name of the table as its first attribute. */
    static const AditAttrType types[] = { [NFTA_TABLE_NAME] = { ADIT_ATTR_STRING } };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    gsize len;

    if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
        (nlh->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        tb[NFTA_TABLE_NAME] == NULL)
        return NULL;
    return adit_attr_data(tb[NFTA_TABLE_NAME], &len);
}

/* The bytes of a NFTA_DATA_VALUE at @at; how many is added to @len. */
static gboolean
get_value(const struct nlattr *nest, guint8 *ret, gsize max, guint8 *len)
{
    static const AditAttrType types[] = { [NFTA_DATA_VALUE] = { ADIT_ATTR_BYTES, 1 } };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    gconstpointer bytes;
    gsize n;

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb) ||
        tb[NFTA_DATA_VALUE] == NULL)
        return FALSE;
    bytes = adit_attr_data(tb[NFTA_DATA_VALUE], &n);
    if (*len + n > max)
        return FALSE;
    memcpy(ret + *len, bytes, n);
    *len += n;
    return TRUE;
}

/* Ours is the one item of our type; what else lies there (a comment by hand) is not read. */
static gboolean
get_user(const struct nlattr *attr, AditElement *e)
{
    gsize left;
    const guint8 *at = adit_attr_data(attr, &left);

    while (left >= 2) {
        const gsize len = at[1];

        if (len > left - 2)
            return FALSE;
        if (at[0] == USER_TYPE && len > sizeof(e->user))
            return FALSE;
        if (at[0] == USER_TYPE) {
            memcpy(e->user, at + 2, len);
            e->user_len = len;
        }
        at += 2 + len;
        left -= 2 + len;
    }
    return left == 0;
}

static gboolean
get_counter(const struct nlattr *nest, AditElement *e)
{
    static const AditAttrType types[] = {
        [NFTA_COUNTER_BYTES] = { ADIT_ATTR_U64 },
        [NFTA_COUNTER_PACKETS] = { ADIT_ATTR_U64 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb))
        return FALSE;
    e->bytes = GUINT64_FROM_BE(adit_attr_u64(tb[NFTA_COUNTER_BYTES]));
    e->packets = GUINT64_FROM_BE(adit_attr_u64(tb[NFTA_COUNTER_PACKETS]));
    return TRUE;
}

static gboolean
get_limit(const struct nlattr *nest, AditElement *e)
{
    static const AditAttrType types[] = {
        [NFTA_CONNLIMIT_COUNT] = { ADIT_ATTR_U32, 0 },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb))
        return FALSE;
    e->limit = GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_CONNLIMIT_COUNT]));
    return TRUE;
}

static gboolean
get_expr(const struct nlattr *nest, AditElement *e)
{
    static const AditAttrType types[] = {
        [NFTA_EXPR_NAME] = { ADIT_ATTR_STRING },
        [NFTA_EXPR_DATA] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    const char *name;
    gsize len;

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb) ||
        tb[NFTA_EXPR_NAME] == NULL)
        return FALSE;
    name = adit_attr_data(tb[NFTA_EXPR_NAME], &len);
    if (g_str_equal(name, "counter"))
        return get_counter(tb[NFTA_EXPR_DATA], e);
    return !g_str_equal(name, "connlimit") || get_limit(tb[NFTA_EXPR_DATA], e);
}

static gboolean
get_element(const struct nlattr *nest, AditElement *e)
{
    static const AditAttrType types[] = {
        [NFTA_SET_ELEM_KEY] = { ADIT_ATTR_NESTED },
        [NFTA_SET_ELEM_DATA] = { ADIT_ATTR_NESTED },
        [NFTA_SET_ELEM_TIMEOUT] = { ADIT_ATTR_U64 },
        [NFTA_SET_ELEM_EXPIRATION] = { ADIT_ATTR_U64 },
        [NFTA_SET_ELEM_USERDATA] = { ADIT_ATTR_BYTES },
        [NFTA_SET_ELEM_EXPR] = { ADIT_ATTR_NESTED },
        [NFTA_SET_ELEM_KEY_END] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];

    if (!adit_attrs_parse_nested(nest, types, G_N_ELEMENTS(types), tb) ||
        tb[NFTA_SET_ELEM_KEY] == NULL ||
        !get_value(tb[NFTA_SET_ELEM_KEY], e->key, sizeof(e->key), &e->key_len))
        return FALSE;
    if (tb[NFTA_SET_ELEM_KEY_END] != NULL &&
        !get_value(tb[NFTA_SET_ELEM_KEY_END], e->key, sizeof(e->key), &e->key_len))
        return FALSE;
    if (tb[NFTA_SET_ELEM_DATA] != NULL &&
        !get_value(tb[NFTA_SET_ELEM_DATA], e->data, sizeof(e->data), &e->data_len))
        return FALSE;
    e->timeout_ms = GUINT64_FROM_BE(adit_attr_u64(tb[NFTA_SET_ELEM_TIMEOUT]));
    e->expires_ms = GUINT64_FROM_BE(adit_attr_u64(tb[NFTA_SET_ELEM_EXPIRATION]));
    return get_user(tb[NFTA_SET_ELEM_USERDATA], e) &&
           (tb[NFTA_SET_ELEM_EXPR] == NULL || get_expr(tb[NFTA_SET_ELEM_EXPR], e));
}

/* The list repeats one attribute, which a table of types cannot express. */
static gboolean
get_list(const struct nlattr *list, Reading *reading)
{
    gsize left;
    const guint8 *at = adit_attr_data(list, &left);

    while (left > 0) {
        const struct nlattr *attr = (const struct nlattr *)(gconstpointer)at;
        AditElement element = reading->element;
        gsize step;

        if (!mnl_attr_ok(attr, left) || mnl_attr_get_type(attr) != NFTA_LIST_ELEM ||
            !get_element(attr, &element))
            return FALSE;
        reading->func(&element, reading->data);
        step = MIN(left, (gsize)MNL_ALIGN(attr->nla_len));
        at += step;
        left -= step;
    }
    return TRUE;
}

gboolean
adit_nft_elements_get(const struct nlmsghdr *nlh, const char *table, AditNftElementFunc func,
                      gpointer data)
{
    static const AditAttrType types[] = {
        [NFTA_SET_ELEM_LIST_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_SET_ELEM_LIST_SET] = { ADIT_ATTR_STRING },
        [NFTA_SET_ELEM_LIST_ELEMENTS] = { ADIT_ATTR_NESTED },
    };
    const struct nlattr *tb[G_N_ELEMENTS(types)];
    Reading reading = { func, data };
    const char *set;
    gsize len;

    if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) ||
        !adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        tb[NFTA_SET_ELEM_LIST_TABLE] == NULL || tb[NFTA_SET_ELEM_LIST_SET] == NULL)
        return FALSE;
    if (!g_str_equal(adit_attr_data(tb[NFTA_SET_ELEM_LIST_TABLE], &len), table))
        return TRUE; /* somebody else's */
    set = adit_attr_data(tb[NFTA_SET_ELEM_LIST_SET], &len);
    if (strlen(set) >= sizeof(reading.element.set))
        return FALSE;
    memcpy(reading.element.set, set, strlen(set));
    return get_list(tb[NFTA_SET_ELEM_LIST_ELEMENTS], &reading);
}
