/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon.h"

#include <gio/gio.h>

/* The daemon on the bus: one object for itself, one for each gateway. */
typedef struct _AditService AditService;

AditService *adit_service_new(AditDaemon *daemon, GDBusConnection *bus);
void adit_service_free(AditService *service);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditService, adit_service_free)
