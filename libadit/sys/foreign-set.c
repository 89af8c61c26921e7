/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign-set.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

void
adit_foreign_set_free(AditForeignSet *set)
{
    g_free(set->table);
    g_free(set->name);
    g_free(set);
}

AditForeignSet *
adit_foreign_set_read(const struct nlmsghdr *nlh)
{
    static const AditAttrType types[NFTA_SET_MAX + 1] = {
        [NFTA_SET_TABLE] = { ADIT_ATTR_STRING },
        [NFTA_SET_NAME] = { ADIT_ATTR_STRING },
        [NFTA_SET_KEY_LEN] = { ADIT_ATTR_U32 },
        [NFTA_SET_FLAGS] = { ADIT_ATTR_U32 },
    };
    const struct nlattr *tb[NFTA_SET_MAX + 1];
    AditForeignSet *set;

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_TABLE] || !tb[NFTA_SET_NAME] || !tb[NFTA_SET_KEY_LEN] ||
        GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_KEY_LEN])) > ADIT_FOREIGN_KEY_MAX)
        return NULL;
    set = g_new0(AditForeignSet, 1);
    set->key_len = GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_KEY_LEN]));
    set->is_range = GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_FLAGS])) & NFT_SET_INTERVAL;
    set->family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family;
    set->table = g_strdup(mnl_attr_get_str(tb[NFTA_SET_TABLE]));
    set->name = g_strdup(mnl_attr_get_str(tb[NFTA_SET_NAME]));
    return set;
}

/* Of all elements at or below the key the highest: it has the key, unless it is the end of a
 * range. */
typedef struct {
    const guint8 *key;
    gsize len;
    guint8 best[ADIT_FOREIGN_KEY_MAX];
    gboolean any, is_end;
    gboolean is_odd; /* of several ranges at once, or for all other keys */
} Elements;

static void
take_element(Elements *elements, const struct nlattr *element)
{
    static const AditAttrType types[NFTA_SET_ELEM_MAX + 1] = {
        [NFTA_SET_ELEM_KEY] = { ADIT_ATTR_NESTED },
        [NFTA_SET_ELEM_KEY_END] = { ADIT_ATTR_NESTED },
        [NFTA_SET_ELEM_FLAGS] = { ADIT_ATTR_U32 },
    };
    static const AditAttrType value_types[NFTA_DATA_MAX + 1] = { [NFTA_DATA_VALUE] = {
                                                                     ADIT_ATTR_BYTES, 1 } };
    const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *value[NFTA_DATA_MAX + 1];
    gconstpointer key;
    gsize len;

    if (!adit_attrs_parse_nested(element, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_ELEM_KEY] || tb[NFTA_SET_ELEM_KEY_END] ||
        !adit_attrs_parse_nested(tb[NFTA_SET_ELEM_KEY], value_types, G_N_ELEMENTS(value_types),
                                 value) ||
        !value[NFTA_DATA_VALUE]) {
        elements->is_odd = TRUE;
        return;
    }
    key = adit_attr_data(value[NFTA_DATA_VALUE], &len);
    if (len != elements->len || memcmp(key, elements->key, len) > 0 ||
        (elements->any && memcmp(key, elements->best, len) < 0))
        return;
    elements->any = TRUE;
    memcpy(elements->best, key, len);
    elements->is_end =
        tb[NFTA_SET_ELEM_FLAGS] &&
        (GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_ELEM_FLAGS])) & NFT_SET_ELEM_INTERVAL_END);
}

static gboolean
on_elements(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_SET_ELEM_LIST_MAX + 1] = {
        [NFTA_SET_ELEM_LIST_ELEMENTS] = { ADIT_ATTR_NESTED }
    };
    const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *element;

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_ELEM_LIST_ELEMENTS])
        return TRUE;
    mnl_attr_for_each_nested(element, tb[NFTA_SET_ELEM_LIST_ELEMENTS])
        take_element(data, element);
    return TRUE;
}

AditNftAnswer
adit_foreign_set_has(AditNl *nl, const AditForeignSet *set, gconstpointer key)
{
    const struct nfgenmsg header = { .nfgen_family = set->family, .version = NFNETLINK_V0 };
    g_autoptr(AditMsg) request = adit_msg_new();
    Elements elements = { .key = key, .len = set->key_len };

    adit_msg_begin(request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_REQUEST,
                   &header, sizeof(header));
    adit_msg_string(request, NFTA_SET_ELEM_LIST_TABLE, set->table);
    adit_msg_string(request, NFTA_SET_ELEM_LIST_SET, set->name);
    if (!adit_nl_dump(nl, request, on_elements, NULL, &elements, NULL) || elements.is_odd)
        return ADIT_NFT_WHO_KNOWS;
    return elements.any && !elements.is_end &&
                   (set->is_range || memcmp(elements.best, key, set->key_len) == 0)
               ? ADIT_NFT_YES
               : ADIT_NFT_NO;
}

gboolean
adit_foreign_set_has_port(AditNl *nl, const AditForeignSet *set, guint16 port)
{
    const guint16 key = GUINT16_TO_BE(port);

    return set->key_len == sizeof(key) && adit_foreign_set_has(nl, set, &key) == ADIT_NFT_YES;
}
