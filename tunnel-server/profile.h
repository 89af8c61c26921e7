/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"
#include "tunnel-server/model.h"

/* The profile of a device. Kind server: harmless before enrolment (a table no rule reads, no
 * /0), with the server's own addresses first. Kind client: plain, for every WireGuard app.
 * @endpoint is where the server is reached ("host:port"). */
AditProfile *adit_server_profile(const AditModel *model, guint device,
                                 const AditKey *private_key, const char *endpoint);
/* What a device of kind client (no Table) sends through the tunnel beside its subnet:
 * @networks, or with @full everything. DENIED for kind server: its profile has a fixed form. */
gboolean adit_server_profile_widen(AditProfile *profile, gboolean full,
                                   const char *const *networks, GError **error);
