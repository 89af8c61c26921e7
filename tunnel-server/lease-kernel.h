/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"
#include "tunnel-server/lease-plan.h"

/* The kernel follows the table of leases. */

/* Carries out the changes of @table, all in one transaction; it is not settled. A change that
 * the kernel refuses is undone, costs the others nothing, and its outside end is appended to
 * @ret_lost (array of AditSockAddr; of one address and port both transports count as lost).
 * FALSE: @error is the first refusal. */
gboolean adit_lease_commit(AditLeaseTable *table, const AditPcpSite *site, AditNftDev *nft,
                           gint64 now_ms, GArray *ret_lost, GError **error);
