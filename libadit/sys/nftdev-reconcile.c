/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nftdev-private.h"
#include "libadit/wire/nft-element.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

/* Whatever else @want speaks of is the business of others. NULL: it speaks of nothing else. */
static AditState *
only_elements(const AditState *want)
{
    AditState *state;
    guint others = 0;

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        others += kind == ADIT_KIND_ELEMENT ? 0 : adit_state_len(want, kind);
    if (others == 0)
        return NULL;
    state = adit_state_new();
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_ELEMENT); i++)
        adit_state_add_element(state, adit_state_get(want, ADIT_KIND_ELEMENT, i));
    return adit_state_seal(state);
}

/* What the kernel has counted, and how much of a lease is left, stays as it was. */
static void
carry_over(AditElement *e, const AditElement *present)
{
    if (e->expires_ms == 0 && e->timeout_ms == present->timeout_ms)
        e->expires_ms = present->expires_ms;
    e->packets = present->packets;
    e->bytes = present->bytes;
}

static void
put_all(AditMsg *m, const AditNftBlueprint *bp, GArray *elements)
{
    g_autofree const AditElement **all = g_new(const AditElement *, elements->len);

    for (guint i = 0; i < elements->len; i++)
        all[i] = &g_array_index(elements, AditElement, i);
    adit_nft_elements_put(m, bp, ADIT_NFT_ELEMENT_ENSURE, all, elements->len);
}

/* The whole table anew, with the elements of @want, in one transaction. */
static gboolean
rebuild(AditNftDev *dev, const AditState *have, const AditState *want, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GArray) elements = g_array_new(FALSE, FALSE, sizeof(AditElement));

    if (!adit_nftdev_read_elements(dev, TRUE, elements, error)) /* what the rules learned */
        return FALSE;
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_ELEMENT); i++) {
        AditElement e = *(const AditElement *)adit_state_get(want, ADIT_KIND_ELEMENT, i);
        const AditElement *present = adit_nftdev_find(have, &e);

        if (present != NULL)
            carry_over(&e, present);
        g_array_append_val(elements, e);
    }
    adit_nft_table_put(m, dev->bp);
    put_all(m, dev->bp, elements);
    g_debug("nftables: table %s is made anew, with %u elements", dev->bp->table, elements->len);
    return adit_nftdev_send(dev, m, error);
}

static void
count(AditNftResult *ret, const AditOps *ops)
{
    for (guint i = 0; ret != NULL && i < ops->len; i++)
        switch (ops->op[i].verb) {
        case ADIT_OP_ADD: ret->added++; break;
        case ADIT_OP_CHANGE: ret->changed++; break;
        case ADIT_OP_DELETE: ret->deleted++; break;
        }
}

gboolean
adit_nftdev_reconcile(AditNftDev *dev, const AditState *want, AditNftResult *ret,
                      GError **error)
{
    g_autoptr(AditState) have = adit_state_new();
    g_autoptr(AditState) some = only_elements(want);
    const AditState *elements = some != NULL ? some : want;
    g_autoptr(AditOps) ops = NULL;
    AditNftResult result = { 0 };
    gboolean intact;

    if (!adit_nftdev_dump(dev, have, &intact, error))
        return FALSE;
    adit_state_seal(have);
    ops = adit_diff(have, elements);
    count(&result, ops);
    result.rebuilt = !intact;
    if (!intact && !rebuild(dev, have, elements, error))
        return FALSE;
    if (intact && ops->len > 0 && !adit_nftdev_apply(dev, ops->op, ops->len, NULL, error))
        return FALSE;
    if (ret != NULL)
        *ret = result;
    return TRUE;
}

gboolean
adit_nftdev_remove(AditNftDev *dev, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();

    adit_nft_table_put_delete(m, dev->bp->table);
    return adit_nftdev_send(dev, m, error);
}

guint64
adit_nftdev_sent(const AditNftDev *dev)
{
    return dev->sent;
}

static gboolean
on_generation(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    static const AditAttrType types[NFTA_GEN_MAX + 1] = { [NFTA_GEN_ID] = { ADIT_ATTR_U32 } };
    const struct nlattr *tb[NFTA_GEN_MAX + 1];

    if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWGEN &&
        adit_attrs_parse_msg(nlh, sizeof(struct nfgenmsg), types, G_N_ELEMENTS(types), tb) &&
        tb[NFTA_GEN_ID])
        *(guint32 *)data = GUINT32_FROM_BE(adit_attr_u32(tb[NFTA_GEN_ID]));
    return TRUE;
}

/* The kernel counts transactions, and passes over 0. */
gboolean
adit_nftdev_was_alone(AditNftDev *dev)
{
    const struct nfgenmsg header = { AF_UNSPEC, NFNETLINK_V0, 0 };
    const guint32 expected = dev->generation + (guint32)(dev->sent - dev->counted);
    g_autoptr(AditMsg) request = adit_msg_new();
    guint32 generation = 0;

    adit_msg_begin(request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, NLM_F_REQUEST, &header,
                   sizeof(header));
    if (!adit_nl_call(dev->nl, request, on_generation, &generation, NULL, NULL))
        return FALSE;
    dev->generation = generation;
    dev->counted = dev->sent;
    return generation == expected;
}
