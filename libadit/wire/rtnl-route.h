/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* @ifindex of route->link; 0 for a route that drops. */
void adit_route_put(AditMsg *m, AditOpVerb verb, const AditRoute *route, guint32 ifindex);
/* Only those of our protocol, in all tables; the kernel filters. One family at a time. */
void adit_route_put_dump(AditMsg *m, guint8 family);
/* FALSE: malformed, not of ours, or more than AditRoute can tell (several next hops). The link
 * of @ret stays "": the caller knows the name of @ret_ifindex, which is 0 without a link. */
gboolean adit_route_get(const struct nlmsghdr *nlh, AditRoute *ret, guint32 *ret_ifindex);
