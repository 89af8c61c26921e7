/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/plan.h"

/* Source addresses of an uplink with an IPv6 default route and no address but its link-local
 * one. Even a deprecated address of a gateway is of wider scope, so the kernel would write it
 * on what leaves there: such an uplink uses its own addresses only, until a gateway is selected
 * or an address comes. */
void adit_source_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                      const AditFacts *facts);
