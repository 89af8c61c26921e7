/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nl.h"
#include "libadit/wire/rtnl-seen.h"

/* Routes and rules of this machine, whoever made them. @nl is a NETLINK_ROUTE socket. */

/* Unicast routes of @table: a GArray of AditAddress, one for each link that a prefix is
 * reached by. */
GArray *adit_routes_read(AditNl *nl, guint8 family, guint32 table, GError **error);
GArray *adit_rules_read(AditNl *nl, GError **error); /* AditSeenRule, in order */
