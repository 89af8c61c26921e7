/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"
#include "libadit/core/state.h"

/* The inside of a gateway, pure: what its profile becomes in the kernel, link to peer. The
 * direct backend makes all of it; under a manager of networks aditd only mends it. */

/* The setting of a link that keeps IPv6 addresses off it; "%s" is its name. */
#define ADIT_TUNNEL_NO_IPV6 "net/ipv6/conf/%s/disable_ipv6"

/* @endpoints: one for each peer, unset where there is none or its name is not resolved yet.
 * @selected: of IPv4 and IPv6; an address of an unselected family is never chosen as source. */
void adit_tunnel_plan(AditState *want, const char *link, const AditProfile *profile,
                      const AditSockAddr *endpoints, const gboolean selected[2]);
