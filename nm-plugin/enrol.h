/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/backend.h"

#include <NetworkManager.h>

/* Makes @connection that of a gateway, in place (DESIGN.md section 4): what the profile says is
 * said, nothing is captured, all secrets are inside and the system's; what else its user has
 * set there stays. Its UUID, id and interface name are kept. */
gboolean adit_nm_enrol(NMConnection *connection, const AditBackendGateway *gateway,
                       GError **error);
