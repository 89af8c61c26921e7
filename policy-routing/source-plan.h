/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/plan.h"

/* Source addresses of an uplink with an IPv6 default route and no address but its link-local
 * one. Even a deprecated address of a gateway is of wider scope, so the kernel would write it
 * on what leaves there: such an uplink uses its own addresses only, until a gateway is selected
 * or an address comes. */
void adit_source_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                      const AditFacts *facts);

/* An address on lo, for a machine whose only IPv6 address beyond its links is a gateway's.
 * There the kernel, having found no route, tries once more from that address, and what was to
 * fail would leave by a gateway nobody has selected. From this one, which is private and leads
 * nowhere, it fails: it is preferred, for the gateway's is deprecated. Where lo has IPv6
 * switched off it is switched on. */
void adit_source_plan_spare(AditState *want, const AditGateway *const *gateways,
                            guint n_gateways, const AditFacts *facts);
const AditAddress *adit_source_spare(void);
gboolean adit_source_is_spare(const AditAddr *addr);
