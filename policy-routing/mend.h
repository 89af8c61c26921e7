/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "policy-routing/backend.h"

/* A link that a network manager has made, as its gateway's profile says: peers with their
 * preshared keys, which managers lose; the mark of the tunnel's packets; and the GUA deprecated
 * until its gateway is selected. Sends the difference only; a link that is not there is left to
 * its manager. BUSY: the manager writes its own idea of the addresses as often as that is put
 * right, which NetworkManager does for a moment after a change; nothing else differs. */
gboolean adit_mend(AditKernel *kernel, const AditBackendGateway *gateway, GError **error);
/* The same as the end of a change, which it does not undo for the sake of an address's
 * preference: whoever looks again after the change mends that. */
gboolean adit_mend_after(AditKernel *kernel, const AditBackendGateway *gateway, GError **error);
/* Likewise, and addresses of the profile that are not there are put back, too, and a link that
 * is down is put up: for a link whose manager says that it is up, and has settled. */
gboolean adit_mend_whole(AditKernel *kernel, const AditBackendGateway *gateway, GError **error);
/* The link is there, and is down, or an address of the profile is not although it could be. */
gboolean adit_mend_is_lost(AditKernel *kernel, const AditBackendGateway *gateway);
/* IPv6 is switched off on @link, which is there. */
gboolean adit_mend_is_off(const char *link);
/* FALSE: nobody can put an address of @family back to @link, which is there, and there is
 * nothing to try until IPv6 is on. */
gboolean adit_mend_can_have(const char *link, guint8 family);
