/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* @ifindex of address->link. CHANGE can turn "deprecated" and "noprefixroute", and add what is
 * missing; it cannot change a prefix length. */
void adit_address_put(AditMsg *m, AditOpVerb verb, const AditAddress *address, guint32 ifindex);
void adit_address_put_dump(AditMsg *m); /* of all links, both families */
/* FALSE: malformed, or made by the kernel itself (loopback, link-local, router advertisement).
 * The link of @ret stays "". Whose it is depends on the link: the caller knows. */
gboolean adit_address_get(const struct nlmsghdr *nlh, AditAddress *ret, guint32 *ret_ifindex);
