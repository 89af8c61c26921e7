/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

#include <NetworkManager.h>

/* A connection of NetworkManager's, whoever made it, as a profile. */

/* In NMSettingUser of a gateway. */
#define ADIT_NM_USER_SLOT "org.adit.slot"
#define ADIT_NM_USER_DNS "org.adit.dns" /* name servers that are not asked at present */

/* @connection has its secrets. What a profile cannot say is left out. The listen port 51820 is
 * the one GNOME writes into every connection it touches: nobody's wish. */
AditProfile *adit_nm_read(NMConnection *connection, GError **error);
gboolean adit_nm_is_wireguard(NMConnection *connection);
/* Whether a tunnel server of ours made it: a table of gateways and the mark of the outer
 * packets (libadit/core/marker.h). Needs no secrets. */
gboolean adit_nm_has_marker(NMConnection *connection);
/* The first user whom it is for; NULL: for all. */
const char *adit_nm_owner(NMConnection *connection);
/* Its slot once it is enrolled, else 0. */
guint adit_nm_slot(NMConnection *connection);
