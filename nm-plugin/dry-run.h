/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/backend.h"

/* The connection that would be made of a gateway, as NetworkManager's keyfile, without a key.
 */
char *adit_nm_dry_run(const AditBackendGateway *gateway, GError **error);
