/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/agent/seen.h"

#include <gio/gio.h>

/* aditd and adit-publisher as the agent sees them on the system's bus, and what listens here.
 */

typedef struct _AditWatcher AditWatcher;

/* @changed: something may look different now; called from the main loop, seldom enough. */
AditWatcher *adit_watcher_new(GDBusConnection *system, void (*changed)(gpointer data),
                              gpointer data);
AditSeen *adit_watcher_see(AditWatcher *self);
/* Both daemons were looked for: what is not seen is not there. */
gboolean adit_watcher_is_ready(const AditWatcher *self);
void adit_watcher_free(AditWatcher *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWatcher, adit_watcher_free)
