/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/msg.h"
#include "libadit/wire/wgmodel.h"

/* WireGuard in the kernel, over generic netlink. @family: the number of WG_GENL_NAME today. */

/* The request of a dump of one device. */
void adit_wg_get_put(AditMsg *m, guint16 family, const char *link);
/* One message of its answer, in order; FALSE: malformed, and @dump is to be thrown away. */
gboolean adit_wg_get(const struct nlmsghdr *nlh, AditWgDump *dump);
/* A change, in as many messages as it takes. */
void adit_wg_set_put(AditMsg *m, guint16 family, const AditWgSet *set);
