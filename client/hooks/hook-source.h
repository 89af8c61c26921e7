/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/hooks/hook-event.h"

#include <gio/gio.h>

/* What aditd and adit-publisher say on the bus, as views; each time anything of it changes. */

typedef struct _AditHookSource AditHookSource;

/* @view: to be taken, not followed up yet. The two tell who has begun only just now. */
typedef void (*AditHookSeen)(AditHookView *view, gboolean gateways_new, gboolean reaches_new,
                             gpointer data);

AditHookSource *adit_hook_source_new(GDBusConnection *bus, AditHookSeen seen, gpointer data);
/* Has aditd look at handshakes, which the kernel tells nobody by itself. */
void adit_hook_source_refresh(AditHookSource *source);
void adit_hook_source_free(AditHookSource *source);
