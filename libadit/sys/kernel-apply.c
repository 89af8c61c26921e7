/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/kernel.h"

#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "libadit/sys/kernel-private.h"
#include "libadit/sys/sysctl.h"
#include "libadit/wire/rtnl-address.h"
#include "libadit/wire/rtnl-link.h"
#include "libadit/wire/rtnl-neighbour.h"
#include "libadit/wire/rtnl-route.h"
#include "libadit/wire/rtnl-rule.h"

static const char *
link_of(const AditOp *op)
{
    switch (op->kind) {
    case ADIT_KIND_LINK: return op->verb == ADIT_OP_ADD ? "" : ((AditLink *)op->object)->name;
    case ADIT_KIND_ADDRESS: return ((const AditAddress *)op->object)->link;
    case ADIT_KIND_ROUTE: return ((const AditRoute *)op->object)->link;
    case ADIT_KIND_NEIGHBOUR: return ((const AditNeighbour *)op->object)->link;
    case ADIT_KIND_DEVICE:
    case ADIT_KIND_RULE:
    case ADIT_KIND_PEER:
    case ADIT_KIND_ELEMENT:
    case ADIT_KIND_SYSCTL: return "";
    }
    return "";
}

/* What the kernel will not change in place: the length of an IPv6 prefix, and whether an IPv4
 * address has its prefix route. */
static gboolean
must_go_first(const AditAddress *before, const AditAddress *after)
{
    if (after->prefix.addr.family == AF_INET6)
        return before->prefix.len != after->prefix.len;
    return !before->no_prefix_route != !after->no_prefix_route;
}

static void
put_address(AditMsg *m, const AditOp *op, guint32 ifindex)
{
    if (op->verb == ADIT_OP_CHANGE && must_go_first(op->before, op->object)) {
        adit_address_put(m, ADIT_OP_DELETE, op->before, ifindex);
        adit_address_put(m, ADIT_OP_ADD, op->object, ifindex);
        return;
    }
    adit_address_put(m, op->verb, op->object, ifindex);
}

static void
put(AditKernel *kernel, AditMsg *m, const AditOp *op, guint32 ifindex)
{
    switch (op->kind) {
    case ADIT_KIND_LINK: adit_link_put(m, op->verb, op->object, ifindex); return;
    case ADIT_KIND_ADDRESS: put_address(m, op, ifindex); return;
    case ADIT_KIND_ROUTE: adit_route_put(m, op->verb, op->object, ifindex); return;
    case ADIT_KIND_RULE:
        adit_rule_put(m, op->verb == ADIT_OP_ADD && kernel->insist ? ADIT_OP_CHANGE : op->verb,
                      op->object);
        return;
    case ADIT_KIND_NEIGHBOUR: adit_neighbour_put(m, op->verb, op->object, ifindex); return;
    case ADIT_KIND_DEVICE:
    case ADIT_KIND_PEER:
    case ADIT_KIND_ELEMENT:
    case ADIT_KIND_SYSCTL: break;
    }
    g_assert_not_reached();
}

/* @owner gets, for each message, the number of the operation it belongs to. */
static gboolean
put_run(AditKernel *kernel, AditMsg *m, const AditOp *op, guint n, GArray *owner,
        GError **error)
{
    for (guint i = 0; i < n; i++) {
        const char *link = link_of(&op[i]);
        const guint32 ifindex = *link != '\0' ? adit_kernel_index_of(kernel, link) : 0;

        if (*link != '\0' && ifindex == 0) {
            if (op[i].verb == ADIT_OP_DELETE)
                continue; /* it went with its link */
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such link", link);
            g_array_append_val(owner, i);
            return FALSE;
        }
        put(kernel, m, &op[i], ifindex);
        while (owner->len < adit_msg_count(m))
            g_array_append_val(owner, i);
    }
    return TRUE;
}

static gboolean
apply_rtnl(AditKernel *kernel, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GArray) owner = g_array_new(FALSE, FALSE, sizeof(guint));
    guint failed = 0;

    if (!put_run(kernel, m, op, n, owner, error)) {
        *ret_failed = g_array_index(owner, guint, owner->len - 1);
        return FALSE;
    }
    if (!adit_nl_call(kernel->nl, m, NULL, NULL, &failed, error)) {
        *ret_failed = failed < owner->len ? g_array_index(owner, guint, failed) : 0;
        return FALSE;
    }
    if (op->kind == ADIT_KIND_LINK && op->verb != ADIT_OP_CHANGE)
        return adit_kernel_look(kernel, NULL, error);
    return TRUE;
}

static gboolean
apply_sysctls(const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    for (guint i = 0; i < n; i++) {
        const AditSysctl *sysctl = op[i].object;

        if (op[i].verb == ADIT_OP_DELETE)
            continue; /* it goes with its link; what it was before, only a planner knows */
        if (!adit_sysctl_write(sysctl->path, sysctl->value, error)) {
            *ret_failed = i;
            return FALSE;
        }
    }
    return TRUE;
}

/* A front makes the link; what rtnetlink can say of it is said afterwards. */
static gboolean
finish_links(AditKernel *kernel, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    g_autofree AditOp *set = g_new0(AditOp, n);

    if (!adit_kernel_look(kernel, NULL, error))
        return FALSE;
    if (op->verb == ADIT_OP_DELETE)
        return TRUE;
    for (guint i = 0; i < n; i++)
        set[i] = (AditOp){ ADIT_OP_CHANGE, ADIT_KIND_LINK, op[i].object, op[i].object };
    return apply_rtnl(kernel, set, n, ret_failed, error);
}

static gboolean
apply_front(AditKernel *kernel, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    const AditFront *front = &kernel->front[op->kind];

    if (!front->apply(front->data, op, n, ret_failed, error))
        return FALSE;
    return op->kind != ADIT_KIND_LINK || finish_links(kernel, op, n, ret_failed, error);
}

static gboolean
apply_run(AditKernel *kernel, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    const gboolean fronted = kernel->front[op->kind].kinds != 0;

    switch (op->kind) {
    case ADIT_KIND_LINK:
        if (fronted && op->verb != ADIT_OP_CHANGE)
            return apply_front(kernel, op, n, ret_failed, error);
        return apply_rtnl(kernel, op, n, ret_failed, error);
    case ADIT_KIND_ADDRESS:
    case ADIT_KIND_ROUTE:
    case ADIT_KIND_RULE:
    case ADIT_KIND_NEIGHBOUR: return apply_rtnl(kernel, op, n, ret_failed, error);
    case ADIT_KIND_SYSCTL: return apply_sysctls(op, n, ret_failed, error);
    case ADIT_KIND_DEVICE:
    case ADIT_KIND_PEER:
    case ADIT_KIND_ELEMENT:
        if (fronted)
            return apply_front(kernel, op, n, ret_failed, error);
        break;
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL, "no way to reach a %s here",
                adit_kind_name(op->kind));
    return FALSE;
}

static void
log_run(const AditOp *op, guint n)
{
    if (g_log_writer_default_would_drop(G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN))
        return; /* the words of ten thousand operations take longer than they do */
    for (guint i = 0; i < n; i++) {
        g_autofree char *words = adit_op_to_string(&op[i]);

        g_debug("%s", words);
    }
}

/* What stands behind a refusal in one write is carried out all the same: so a deletion never
 * shares one with what must be there before it. */
static gboolean
go_together(const AditOp *a, const AditOp *b)
{
    if (a->kind != b->kind || (a->verb == ADIT_OP_DELETE) != (b->verb == ADIT_OP_DELETE))
        return FALSE;
    return a->kind != ADIT_KIND_LINK || a->verb == b->verb;
}

static guint
run_len(const AditOps *ops, guint first)
{
    guint n = 1;

    while (first + n < ops->len && go_together(&ops->op[first], &ops->op[first + n]))
        n++;
    return n;
}

gboolean
adit_kernel_apply(AditKernel *kernel, const AditOps *ops, guint *ret_done, GError **error)
{
    guint n;

    for (guint i = 0; i < ops->len; i += n) {
        guint failed = 0;

        n = run_len(ops, i);
        log_run(&ops->op[i], n);
        if (!apply_run(kernel, &ops->op[i], n, &failed, error)) {
            const AditOp *op = &ops->op[i + MIN(failed, n - 1)];
            g_autofree char *words = adit_object_to_command(op->kind, op->verb, op->object);

            g_prefix_error(error, "%s: ", words);
            if (ret_done != NULL)
                *ret_done = i + failed;
            return FALSE;
        }
    }
    if (ret_done != NULL)
        *ret_done = ops->len;
    return TRUE;
}
