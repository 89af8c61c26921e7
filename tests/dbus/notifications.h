/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* A notification server that shows nothing and remembers everything. */

typedef struct {
    guint32 id;
    char *summary, *body;
    char **actions; /* deed, label, deed, label... */
    guint8 urgency;
    gboolean open, pressed;
} Shown;

typedef struct {
    GDBusConnection *bus;
    GPtrArray *shown; /* Shown, the newest last */
    guint32 last_id;
    guint object, name;
    gboolean acts; /* it has buttons */
} Notifications;

/* On a connection of its own, to be closed as if the server had gone. */
Notifications *notifications_new(const char *address, gboolean acts);
void notifications_free(Notifications *self);
/* The newest open one whose summary is that; NULL: none yet. */
Shown *notifications_find(Notifications *self, const char *summary);
/* Presses the button, and takes it off as desktops do; FALSE: there is none of this label. */
gboolean notifications_press(Notifications *self, Shown *shown, const char *label);
void notifications_dismiss(Notifications *self, Shown *shown);
