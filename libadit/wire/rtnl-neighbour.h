/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* Proxy entries only. @ifindex of neighbour->link. */
void adit_neighbour_put(AditMsg *m, AditOpVerb verb, const AditNeighbour *neighbour,
                        guint32 ifindex);
void adit_neighbour_put_dump(AditMsg *m); /* of all links, both families */
/* FALSE: malformed, or no proxy entry. The link of @ret stays "". @ret_ours: it has our tag. */
gboolean adit_neighbour_get(const struct nlmsghdr *nlh, AditNeighbour *ret,
                            guint32 *ret_ifindex, gboolean *ret_ours);
