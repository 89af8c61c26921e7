/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client-dbus-generated.h"

/* aditd as the commands of `adit` reach it. */

AditBusManager *adit_cli_manager(GError **error);
/* Passes @ok on; FALSE with the daemon's own sentence in @error. */
gboolean adit_cli_settle(gboolean ok, GError **reason, GError **error);
/* The gateways on the bus as they are now, AditBusGateway by name. */
GPtrArray *adit_cli_gateways(GError **error);
