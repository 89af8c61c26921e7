/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/agent/notice.h"

#include <gio/gio.h>

/* Notices on the screen, by whatever serves org.freedesktop.Notifications on the session's bus.
 * Where nobody does they wait until somebody comes. */

#define ADIT_AGENT_ID "org.adit.Agent" /* of the desktop file, the icon and the bus */

typedef struct _AditNotifier AditNotifier;

typedef struct {
    void (*deed)(const char *deed, const char *key, gpointer data); /* a button was pressed */
    void (*closed)(const char *key, gpointer data);                 /* put away by somebody */
    void (*token)(const char *token, gpointer data); /* of the press that follows */
    gpointer data;
} AditNotifierCalls;

AditNotifier *adit_notifier_new(GDBusConnection *session, const AditNotifierCalls *calls);
/* Takes @notice; in place of another one with its key. */
void adit_notifier_show(AditNotifier *self, AditNotice *notice);
void adit_notifier_close(AditNotifier *self, const char *key);
void adit_notifier_free(AditNotifier *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNotifier, adit_notifier_free)
