/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-kernel.h"

#include "libadit/core/diff.h"

#include <netinet/in.h>

/* As for everything else: what was and what is become elements, their difference becomes
 * operations. What was is given the time that is left of it, so that each renewal is one. */

static void
plan_changes(const AditLeaseChange *changes, guint n, const AditPcpSite *site, gint64 now_ms,
             AditState *have, AditState *want)
{
    for (guint i = 0; i < n; i++) {
        if (changes[i].before)
            adit_lease_plan(changes[i].before, site, now_ms, ADIT_LEASE_AS_LEFT, have);
        if (changes[i].lease)
            adit_lease_plan(changes[i].lease, site, now_ms, ADIT_LEASE_AS_GRANTED, want);
    }
    adit_state_seal_dump(have);
    adit_state_seal(want);
}

static gboolean
is_about(const AditLease *lease, guint8 proto, const AditSockAddr *at)
{
    const AditSockAddr external = lease ? adit_lease_external(lease) : (AditSockAddr){ 0 };

    if (!lease || adit_addr_cmp(&external.addr, &at->addr) != 0)
        return FALSE;
    return (lease->ends.proto == proto && external.port == at->port) ||
           (proto == IPPROTO_TCP && lease->redirect.external_port == at->port);
}

static void
lose(AditLeaseTable *table, const AditElement *element, GArray *ret_lost)
{
    const AditLeaseChange *changes;
    AditSockAddr at;
    guint8 proto;
    guint n;

    if (!adit_lease_element_external(element, &proto, &at))
        return;
    changes = adit_lease_changes(table, &n);
    for (guint i = 0; i < n; i++)
        if (is_about(changes[i].lease, proto, &at)) {
            const AditSockAddr external = adit_lease_external(changes[i].lease);

            g_array_append_val(ret_lost, external);
            adit_lease_undo(table, i);
        }
}

gboolean
adit_lease_commit(AditLeaseTable *table, const AditPcpSite *site, AditNftDev *nft,
                  gint64 now_ms, GArray *ret_lost, GError **error)
{
    guint n;
    const AditLeaseChange *changes = adit_lease_changes(table, &n);
    g_autoptr(AditState) have = adit_state_new();
    g_autoptr(AditState) want = adit_state_new();
    g_autoptr(AditOps) ops = NULL;
    g_autofree gboolean *lost = NULL;
    gboolean ok = TRUE;

    if (n == 0)
        return TRUE;
    plan_changes(changes, n, site, now_ms, have, want);
    ops = adit_diff(have, want);
    lost = g_new0(gboolean, ops->len + 1);
    if (ops->len > 0)
        ok = adit_nftdev_apply(nft, ops->op, ops->len, lost, error);
    for (guint i = 0; !ok && i < ops->len; i++)
        if (lost[i])
            lose(table, ops->op[i].object, ret_lost);
    return ok;
}
