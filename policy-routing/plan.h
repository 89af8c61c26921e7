/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/gateway.h"

/* The policy of DESIGN.md section 3 as a function: gateways and facts in, wanted state out. */

/* A setting of a link; of reverse-path filtering "all" and "default" have one, too. */
typedef struct {
    char link[ADIT_NAME_LEN];
    int now;
    int before; /* what it was before us; -1: we have not changed it */
} AditFilterFact;

/* What the machine looks like without us. */
typedef struct {
    AditAddress *on_link; /* networks that links other than ours have */
    guint n_on_link;
    AditAddress *main; /* where main leads, by which link */
    guint n_main;
    AditFilterFact *filters;
    guint n_filters;
    AditFilterFact *own_only; /* use_oif_addrs_only of links with an IPv6 default route */
    guint n_own_only;
    const char *const *past_uplinks; /* links that had a default route since a gateway was
                                        selected; borrowed, NULL-terminated, may be NULL */
    gboolean global6; /* a link other than ours has an IPv6 address beyond the link */
    gboolean lo6;     /* lo may have IPv6 addresses */
    gboolean lo6_off; /* or might, if it were not switched off there */
} AditFacts;

typedef struct {
    AditGuardAction guard;
    gboolean
        strict; /* only on-link private prefixes bypass a selected gateway, no route of main */
    const AditBypassMark *bypass;
    guint n_bypass;
    gboolean networkd_guard; /* networkd keeps the guard, too */
} AditPolicy;

/* Routes and rules of all gateways. Refused (ADIT_ERROR_CONFIG): two gateways with one slot or
 * address or overlapping subnets, two selected for one family. Unsealed: the caller may add. */
AditState *adit_plan(const AditGateway *const *gateways, guint n_gateways,
                     const AditFacts *facts, const AditPolicy *policy, GError **error);
/* The on-link network that hides @gateway's subnet, or NULL: `status` names the clash. */
const AditAddress *adit_plan_find_clash(const AditGateway *gateway, const AditFacts *facts);
/* Whether @facts know a default route by @link, in either family. */
gboolean adit_facts_is_uplink(const AditFacts *facts, const char *link);
