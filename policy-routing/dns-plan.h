/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/gateway.h"

/* Which names a gateway's DNS servers are asked for (DESIGN.md section 3): those of its own
 * domains, and all of them, exclusively, once it is selected. One plan for systemd-resolved and
 * for the settings of a network manager; there is no public fallback, ever. */

#define ADIT_DNS_EVERYTHING "~."
#define ADIT_DNS_PRIORITY_ONLY (-50) /* NetworkManager: below 0 shuts out all other links */
#define ADIT_DNS_PRIORITY_SPLIT 50   /* as its own VPNs have */

typedef struct {
    AditAddr *servers; /* only such as the tunnel leads to */
    guint n_servers;   /* 0: nothing to tell */
    char **domains;    /* "corp.example" searched and routed, "~." everything routed */
    gboolean exclusive;
    int priority; /* NetworkManager's dns-priority */
} AditDnsPlan;

/* All names, however it is written. */
gboolean adit_dns_is_everything(const char *domain);
AditDnsPlan *adit_dns_plan(const AditGateway *gateway);
gboolean adit_dns_plan_equal(const AditDnsPlan *a, const AditDnsPlan *b);
void adit_dns_plan_free(AditDnsPlan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditDnsPlan, adit_dns_plan_free)
