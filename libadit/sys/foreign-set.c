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
    };
    const struct nlattr *tb[NFTA_SET_MAX + 1];
    AditForeignSet *set;

    if (!adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_TABLE] || !tb[NFTA_SET_NAME] || !tb[NFTA_SET_KEY_LEN] ||
        GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_SET_KEY_LEN])) != sizeof(guint16))
        return NULL;
    set = g_new0(AditForeignSet, 1);
    set->family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family;
    set->table = g_strdup(mnl_attr_get_str(tb[NFTA_SET_TABLE]));
    set->name = g_strdup(mnl_attr_get_str(tb[NFTA_SET_NAME]));
    return set;
}

/* Of all elements at or below the port the highest: it has the port, unless it is the end of a
 * range. */
typedef struct {
    guint16 port;
    int best; /* -1: none */
    gboolean is_end, is_range;
} Elements;

static void
take_element(Elements *elements, const struct nlattr *element)
{
    static const AditAttrType types[NFTA_SET_ELEM_MAX + 1] = {
        [NFTA_SET_ELEM_KEY] = { ADIT_ATTR_NESTED }, [NFTA_SET_ELEM_FLAGS] = { ADIT_ATTR_U32 }
    };
    static const AditAttrType value_types[NFTA_DATA_MAX + 1] = { [NFTA_DATA_VALUE] = {
                                                                     ADIT_ATTR_EXACT, 2 } };
    const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *value[NFTA_DATA_MAX + 1];
    guint16 key;

    if (!adit_attrs_parse_nested(element, types, G_N_ELEMENTS(types), tb) ||
        !tb[NFTA_SET_ELEM_KEY] ||
        !adit_attrs_parse_nested(tb[NFTA_SET_ELEM_KEY], value_types, G_N_ELEMENTS(value_types),
                                 value) ||
        !value[NFTA_DATA_VALUE])
        return;
    memcpy(&key, mnl_attr_get_payload(value[NFTA_DATA_VALUE]), sizeof(key));
    key = GUINT16_FROM_BE(key);
    elements->is_range |= tb[NFTA_SET_ELEM_FLAGS] != NULL;
    if (key > elements->port || key < elements->best)
        return;
    elements->best = key;
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

gboolean
adit_foreign_set_has_port(AditNl *nl, const AditForeignSet *set, guint16 port)
{
    const struct nfgenmsg header = { .nfgen_family = set->family, .version = NFNETLINK_V0 };
    g_autoptr(AditMsg) request = adit_msg_new();
    Elements elements = { .port = port, .best = -1 };

    adit_msg_begin(request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_REQUEST,
                   &header, sizeof(header));
    adit_msg_string(request, NFTA_SET_ELEM_LIST_TABLE, set->table);
    adit_msg_string(request, NFTA_SET_ELEM_LIST_SET, set->name);
    return adit_nl_dump(nl, request, on_elements, NULL, &elements, NULL) &&
           elements.best >= 0 && !elements.is_end &&
           (elements.is_range || elements.best == port);
}
