/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/admin.h"

/* What stands beside us on this machine and may be in the way: sentences (char *), each with
 * the line that mends it. */
GPtrArray *adit_neighbours_look(AditAdmin *admin);
/* Those of other people's tables alone: "sentence; run: command". */
void adit_neighbours_foreign(AditAdmin *admin, GPtrArray *problems);
/* Whether WireGuard is silent: there are devices, and none was ever heard. */
gboolean adit_neighbours_is_silent(AditAdmin *admin);
