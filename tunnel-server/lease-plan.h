/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "tunnel-server/lease.h"
#include "tunnel-server/pcp-site.h"

/* Leases as elements of the kernel, both ways. Pure. */

/* The kernel closes a port so long after its lease has ended, if we do not (a renewal may be on
 * its way); we do it a bit earlier. */
#define ADIT_LEASE_KERNEL_GRACE_MS 4000
#define ADIT_LEASE_GRACE_MS 1000

typedef enum {
    ADIT_LEASE_AS_GRANTED, /* with its whole time, and what is left of it */
    ADIT_LEASE_AS_LEFT, /* with what is left as its time: never equal to what is granted now */
} AditLeaseClock;

/* Whether the lease can be in a server like this: its device is there and may publish, the
 * address is still its own, and the operator has not given the port to anybody. */
gboolean adit_lease_fits(const AditLease *lease, const AditPcpSite *site);
/* What the operator has turned off stays off at the address by which its device is reached now;
 * while that is none, where it was. FALSE: it does not stay. */
gboolean adit_lease_follow(const AditLease *lease, const AditPcpSite *site, AditLease *ret);
/* Adds its elements to @ret (unsealed); none if it is off. */
void adit_lease_plan(const AditLease *lease, const AditPcpSite *site, gint64 now_ms,
                     AditLeaseClock clock, AditState *ret);
/* Whether that comes to the same in both. */
gboolean adit_lease_is_alike(const AditLease *lease, const AditPcpSite *a,
                             const AditPcpSite *b);
/* The leases that @have, a dump of our table, stands for, as far as they fit. They are no
 * changes. */
void adit_lease_restore(AditLeaseTable *table, const AditState *have, const AditPcpSite *site,
                        gint64 now_ms);
/* What is known of it from the disk (own parts are copied), into what the kernel knows, or, if
 * that holds nothing, instead of it. It is no change. */
void adit_lease_merge(AditLeaseTable *table, const AditLease *kept, const AditPcpSite *site,
                      gint64 now_ms, gboolean kernel_holds);
/* The outside end that an element of a mapping is about. */
gboolean adit_lease_element_external(const AditElement *element, guint8 *ret_proto,
                                     AditSockAddr *ret);
