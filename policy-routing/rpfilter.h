/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/plan.h"

/* Reverse-path filtering, IPv4's alone. On a gateway's link it must be off: cryptokey routing
 * binds sources already, and answers leave by marks that the filter does not see. On an uplink
 * strict filtering drops the tunnel's own answers while a gateway is selected: loose there. */

/* Adds the sysctls. The kernel takes the stronger of "all" and the link, so a value in "all" is
 * given to each link and then cleared. What was there before is the caller's to remember. */
void adit_rpfilter_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                        const AditFacts *facts);
