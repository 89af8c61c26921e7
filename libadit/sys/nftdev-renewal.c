/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nftdev-private.h"
#include "libadit/wire/nft-element.h"

#include "libadit/core/error.h"

#include <string.h>

/* Since 6.12 the kernel gives an element that is there the time of one that is added again, and
 * it counts on. No version says so: the first renewal that would show it is looked at. */

#define MARGIN_MS 10000 /* so much more time cannot be mistaken for what was left */
#define ASKED_MS 1000   /* goes by until the kernel is asked, at most */
#define TELLING_MAX 8   /* are asked for; if none of them is there, others will be renewed */

static guint64
left_of(const AditElement *e)
{
    return e->expires_ms != 0 ? e->expires_ms : e->timeout_ms;
}

gboolean
adit_nftdev_is_renewal(const AditNftDev *dev, const AditOp *op)
{
    const AditElement *want = op->object, *have = op->before;

    if (op->verb != ADIT_OP_CHANGE || dev->renews == ADIT_NFT_RENEWS_NOT)
        return FALSE;
    if (want->timeout_ms == 0 || have->timeout_ms == 0 || want->limit != have->limit ||
        want->data_len != have->data_len || want->user_len != have->user_len ||
        memcmp(want->data, have->data, want->data_len) != 0 ||
        memcmp(want->user, have->user, want->user_len) != 0)
        return FALSE;
    return dev->renews == ADIT_NFT_RENEWS || left_of(want) > left_of(have) + MARGIN_MS;
}

void
adit_nftdev_put_renewals(AditMsg *m, const AditNftDev *dev, const AditOp *op, guint n)
{
    g_autofree AditElement *elements = g_new(AditElement, n);
    g_autofree const AditElement **list = g_new(const AditElement *, n);

    for (guint i = 0; i < n; i++) {
        elements[i] = *(const AditElement *)op[i].object;
        elements[i].expires_ms = left_of(&elements[i]); /* said, or it stays as it is */
        list[i] = &elements[i];
    }
    adit_nft_elements_put(m, dev->bp, ADIT_NFT_ELEMENT_ENSURE, list, n);
}

static void
on_present(const AditElement *present, gpointer data)
{
    *(guint64 *)data = left_of(present);
}

/* What the kernel has left of @op's element; 0: it is gone. */
static gboolean
ask_left(AditNftDev *dev, const AditOp *op, guint64 *ret, GError **error)
{
    const AditElement *want = op->object;
    g_autoptr(GError) local = NULL;

    *ret = 0;
    if (adit_nftdev_ask(dev, &want, 1, on_present, ret, &local) ||
        g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* One that has gone is made anew by its renewal, with all its time, by every kernel. */
gboolean
adit_nftdev_find_telling(AditNftDev *dev, const AditOp *op, guint n, const AditOp **ret,
                         GError **error)
{
    *ret = NULL;
    for (guint i = 0; i < n && i < TELLING_MAX && *ret == NULL; i++) {
        guint64 left_ms;

        if (!ask_left(dev, &op[i], &left_ms, error))
            return FALSE;
        if (left_ms > ASKED_MS && left_ms + MARGIN_MS < left_of(op[i].object))
            *ret = &op[i];
    }
    return TRUE;
}

/* Gone already: the next renewal will show it. */
gboolean
adit_nftdev_see_renewal(AditNftDev *dev, const AditOp *telling, GError **error)
{
    guint64 left_ms;

    if (!ask_left(dev, telling, &left_ms, error))
        return FALSE;
    if (left_ms == 0)
        return TRUE;
    dev->renews =
        left_ms + ASKED_MS > left_of(telling->object) ? ADIT_NFT_RENEWS : ADIT_NFT_RENEWS_NOT;
    g_debug("nftables: elements are renewed %s",
            dev->renews == ADIT_NFT_RENEWS ? "in place" : "by new ones");
    return TRUE;
}
