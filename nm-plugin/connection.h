/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

#include <NetworkManager.h>

/* A profile as a native NetworkManager connection of type "wireguard" that captures nothing:
 * both automatic default routes off, routes only in a table of their own, secrets owned by the
 * system. */

/* @table: where its routes go; 0: the profile's own Table=, and without one no routes at all.
 */
NMConnection *adit_nm_connection_new(const AditProfile *profile, const char *id,
                                     const char *ifname, guint32 table, GError **error);
/* The same for a connection that is there: what a profile says is said anew, the rest stays. */
gboolean adit_nm_connection_fill(NMConnection *connection, const AditProfile *profile,
                                 guint32 table, GError **error);
