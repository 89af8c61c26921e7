/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/admin.h"

/* What stands beside us on this machine and may be in the way: sentences (char *), each with
 * the line that mends it. Whether devices are heard is as of adit_admin_seen(). */
GPtrArray *adit_neighbours_look(AditAdmin *admin);
/* Those of other people's tables alone: "sentence; run: command". */
void adit_neighbours_foreign(AditAdmin *admin, GPtrArray *problems);
/* Whether WireGuard is silent: there are devices, and of those in @seen none was ever heard. */
gboolean adit_neighbours_is_silent(const AditModel *model, const AditWgDump *seen);
