/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"
#include "pcp-client/publication.h"
#include "policy-routing/plan.h"

/* What this machine leads on to others, pure: publications with a target and shared networks
 * become elements of policy-routing/forward-table.h. Here is decided what may be led to:
 * nothing but what the user or an admin named, and within the networks the settings allow. */

typedef struct {
    const AditGateway *const *gateways;
    guint n_gateways;
    const AditFacts *facts;
    const AditPrefixList *allowed;
    const char *const *routed; /* links whose hosts have this machine for their router */
} AditForwardSite;

/* Why @addr may not be a target; NULL: it may. */
char *adit_forward_refuse(const AditForwardSite *site, const AditAddr *addr);
/* Does the target see the visitor's address and yet answer this machine? */
gboolean adit_forward_keeps_source(const AditForwardSite *site,
                                   const AditPublication *publication, const AditAddr *addr);
/* What is refused is left out. IPv4 is forwarded between the links that need it, and no other;
 * IPv6 knows only all or none, which is for the admin to say. */
void adit_forward_plan(AditState *want, const AditWanted *wanted, const AditForwardSite *site);
