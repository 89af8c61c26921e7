/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/plan.h"

/* The elements of the client's nftables table for these gateways on this machine. More than
 * ADIT_LAN_MAX prefixes of one link are not listed: what is beyond them waits until no gateway
 * is selected. Returns how many were left out. */
#define ADIT_LAN_MAX 256

guint adit_reply_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                      const AditFacts *facts, const AditPolicy *policy);
