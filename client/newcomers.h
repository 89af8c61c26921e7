/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/backend.h"

/* WireGuard connections of managers that are no gateways yet: which become some by themselves,
 * which are only offered, and which a user has declined. */

typedef struct _AditNewcomers AditNewcomers;
typedef struct _AditDaemon AditDaemon;

AditNewcomers *adit_newcomers_new(AditDaemon *daemon);
/* One with our server's marker, which was there before. */
void adit_newcomers_found(AditNewcomers *newcomers, AditBackendKind kind, const char *id);
/* Any other; see policy-routing/backend.h. */
void adit_newcomers_seen(AditNewcomers *newcomers, AditBackendKind kind, const char *id,
                         const AditBackendSight *sight);
/* A user gave it back: it is left alone from here on, after a restart as well. */
void adit_newcomers_decline(AditNewcomers *newcomers, const char *id);
/* It has become a gateway, or is gone. */
void adit_newcomers_forget(AditNewcomers *newcomers, const char *id);
/* What people call those that `adit adopt` would take. */
GStrv adit_newcomers_offered(const AditNewcomers *newcomers);
void adit_newcomers_free(AditNewcomers *newcomers);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNewcomers, adit_newcomers_free)
