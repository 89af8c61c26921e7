/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon.h"
#include "client/vigil.h"

#include <gio/gio.h>

/* The gateways as objects of the bus. */

char *adit_exported_path(const char *name);
/* Each gateway has its object, and no others are there. @vigil NULL: it has seen nothing yet.
 */
void adit_exported_refresh(GDBusObjectManagerServer *objects, AditDaemon *daemon,
                           const AditVigil *vigil);
