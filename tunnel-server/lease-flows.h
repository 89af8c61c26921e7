/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/lease.h"
#include "tunnel-server/pcp-site.h"

/* Flows that conntrack remembers otherwise than the open ports have it now: those of a port
 * that is closed (the gate refuses their packets already; this is for good, also if the port is
 * opened again), those of visitors whom a filter keeps out since, and UDP flows from before a
 * port was opened, which would pass by its translation for as long as the visitor keeps
 * talking. */

typedef struct _AditLeaseFlows AditLeaseFlows;

AditLeaseFlows *adit_lease_flows_new(void);
/* Something was opened, closed or limited. */
void adit_lease_flows_touch(AditLeaseFlows *flows);
/* All devices have to ask anew: until they have, what is not open is not over. */
void adit_lease_flows_wait(AditLeaseFlows *flows);
/* Ends them, if there was a touch. A dump costs what there are flows: it is not begun again
 * before twenty times that long has passed. */
void adit_lease_flows_sweep(AditLeaseFlows *flows, const AditLeaseTable *table,
                            const AditPcpSite *site);
void adit_lease_flows_free(AditLeaseFlows *flows);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditLeaseFlows, adit_lease_flows_free)
