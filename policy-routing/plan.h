/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/gateway.h"

/* The policy of DESIGN.md section 3 as a function: gateways and facts in, wanted state out. */

/* What the machine looks like without us. */
typedef struct {
    AditAddress *on_link; /* networks that links other than ours have */
    guint n_on_link;
} AditFacts;

typedef struct {
    AditGuardAction guard;
    gboolean
        strict; /* only on-link private prefixes bypass a selected gateway, no route of main */
} AditPolicy;

/* Routes and rules of all gateways. Refused (ADIT_ERROR_CONFIG): two gateways with one slot or
 * address or overlapping subnets, two selected for one family. Unsealed: the caller may add. */
AditState *adit_plan(const AditGateway *const *gateways, guint n_gateways,
                     const AditFacts *facts, const AditPolicy *policy, GError **error);
/* The on-link network that hides @gateway's subnet, or NULL: `status` names the clash. */
const AditAddress *adit_plan_find_clash(const AditGateway *gateway, const AditFacts *facts);
