/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/wgdev-front.h"

#include <string.h>

#include "libadit/core/error.h"

/* The device and its peers come in one reading. Kinds that were not asked for are left out. */
static void
add_device(const AditWgDump *dump, guint kinds, AditState *ret)
{
    if ((kinds & ADIT_KIND_BIT(ADIT_KIND_DEVICE)) != 0)
        adit_state_add_device(ret, &dump->device);
    if ((kinds & ADIT_KIND_BIT(ADIT_KIND_PEER)) == 0)
        return;
    for (guint i = 0; i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        adit_state_add_peer(ret, &peer->peer);
    }
}

static gboolean
front_dump(gpointer data, guint kinds, const AditScope *scope, AditState *ret, GError **error)
{
    for (guint i = 0; scope->links != NULL && scope->links[i] != NULL; i++) {
        g_autoptr(GError) local = NULL;
        g_autoptr(AditWgDump) dump = adit_wgdev_get(data, scope->links[i], &local);

        if (dump != NULL) {
            add_device(dump, kinds, ret);
        } else if (!g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
apply_link(AditWgdev *wg, const AditOp *op, GError **error)
{
    const AditLink *link = op->object;

    switch (op->verb) {
    case ADIT_OP_ADD: return adit_wgdev_create(wg, link->name, error);
    case ADIT_OP_DELETE: return adit_wgdev_destroy(wg, link->name, error);
    case ADIT_OP_CHANGE: break; /* of mtu and state: rtnetlink's */
    }
    return TRUE;
}

static gboolean
apply_device(AditWgdev *wg, const AditOp *op, GError **error)
{
    const AditDevice *device = op->object;
    const AditWgSet set = { .link = device->link, .device = device };

    if (op->verb == ADIT_OP_DELETE)
        return TRUE; /* it goes with its link */
    return adit_wgdev_set(wg, &set, error);
}

/* The peers of one link, in one change. */
static gboolean
apply_peers(AditWgdev *wg, const AditOp *op, guint n, GError **error)
{
    g_autofree AditPeerChange *peers = g_new0(AditPeerChange, n);
    const AditPeer *first = op->object;
    const AditWgSet set = { .link = first->link, .peers = peers, .n_peers = n };
    g_autoptr(GError) local = NULL;

    for (guint i = 0; i < n; i++)
        peers[i] = (AditPeerChange){ op[i].verb, op[i].object, op[i].before };
    if (adit_wgdev_set(wg, &set, &local))
        return TRUE;
    if (op->verb == ADIT_OP_DELETE && g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        return TRUE; /* they went with their link */
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static guint
same_link(const AditOp *op, guint n)
{
    const AditPeer *first = op->object;
    guint same = 1;

    while (same < n && strcmp(((const AditPeer *)op[same].object)->link, first->link) == 0)
        same++;
    return same;
}

static gboolean
apply_some(AditWgdev *wg, const AditOp *op, guint n, guint *ret_len, GError **error)
{
    *ret_len = 1;
    switch (op->kind) {
    case ADIT_KIND_LINK: return apply_link(wg, op, error);
    case ADIT_KIND_DEVICE: return apply_device(wg, op, error);
    case ADIT_KIND_PEER:
        *ret_len = same_link(op, n);
        return apply_peers(wg, op, *ret_len, error);
    case ADIT_KIND_ADDRESS:
    case ADIT_KIND_ROUTE:
    case ADIT_KIND_RULE:
    case ADIT_KIND_ELEMENT:
    case ADIT_KIND_SYSCTL:
    case ADIT_KIND_NEIGHBOUR: break;
    }
    g_assert_not_reached();
}

static gboolean
front_apply(gpointer data, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    guint len;

    for (guint i = 0; i < n; i += len)
        if (!apply_some(data, &op[i], n - i, &len, error)) {
            *ret_failed = i;
            return FALSE;
        }
    return TRUE;
}

void
adit_wgdev_join(AditWgdev *wg, AditKernel *kernel)
{
    const AditFront front = { .kinds = ADIT_KIND_BIT(ADIT_KIND_LINK) |
                                       ADIT_KIND_BIT(ADIT_KIND_DEVICE) |
                                       ADIT_KIND_BIT(ADIT_KIND_PEER),
                              .dump = front_dump,
                              .apply = front_apply,
                              .data = wg };

    adit_kernel_add_front(kernel, &front);
}
