/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/plan.h"

/* An IPv6 block on the link is not ours alone: the provider's router lives in it, and this
 * machine does. In a small one the addresses made of IPv4 ones may be theirs. */

/* DENIED: @next gives one of them to somebody else, with what else to do. What stands in @had,
 * stands: an address of a device does not change because a router does. */
gboolean adit_room_check(const AditModel *had, const AditModel *next,
                         const AditServerFacts *facts, GError **error);
