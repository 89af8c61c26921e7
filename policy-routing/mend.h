/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "policy-routing/backend.h"

/* A link that a network manager has made, as its gateway's profile says: peers with their
 * preshared keys, which managers lose; the mark of the tunnel's packets; and the GUA deprecated
 * until its gateway is selected. Sends the difference only; a link that is not there is left to
 * its manager. */
gboolean adit_mend(AditKernel *kernel, const AditBackendGateway *gateway, GError **error);
