/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

#include "tunnel-server/admin.h"

/* org.adit.Server1 on a bus: a thin shell around admin.h. */

#define ADIT_SERVER_BUS "org.adit.Server1"
#define ADIT_SERVER_PATH "/org/adit/Server1"
#define ADIT_SERVER_PAGE 1000 /* rows that our own clients ask for at once */

typedef struct _AditServerService AditServerService;

AditServerService *adit_server_service_new(AditAdmin *admin, GDBusConnection *bus,
                                           GError **error);
/* What changed beside the bus's own calls: properties follow. */
void adit_server_service_refresh(AditServerService *self);
/* The model is another one, and not by a call of the bus. */
void adit_server_service_changed(AditServerService *self);
void adit_server_service_free(AditServerService *self);
