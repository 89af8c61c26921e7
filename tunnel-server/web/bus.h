/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

/* The one thing the page's process talks to: adit-server, by D-Bus. A small mirror says whether
 * it is there, what its properties are, where its tunnel ends and which device has which
 * address; everything else is asked when somebody wants to know. */

typedef struct _AditWebBus AditWebBus;

/* Something in the mirror is new. */
typedef void (*AditWebBusChanged)(gpointer data);
/* Exactly one of @reply and @error is set; @fds may be NULL. */
typedef void (*AditWebBusReply)(GVariant *reply, GUnixFDList *fds, GError *error,
                                gpointer data);

AditWebBus *adit_web_bus_new(GDBusConnection *connection, AditWebBusChanged changed,
                             gpointer data);
void adit_web_bus_free(AditWebBus *self);
/* A method of the manager. @params is taken if floating. @data must live until @then. */
void adit_web_bus_call(AditWebBus *self, const char *method, GVariant *params,
                       AditWebBusReply then, gpointer data);

gboolean adit_web_bus_is_up(const AditWebBus *self); /* somebody owns the name */
GVariant *adit_web_bus_property(const AditWebBus *self, const char *name); /* NULL: unknown */
guint64 adit_web_bus_mappings_serial(const AditWebBus *self); /* another: list them again */
GList *adit_web_bus_properties(const AditWebBus *self);       /* sorted names; free the list */
const char *const *adit_web_bus_tunnel(const AditWebBus *self); /* the server's addresses */
const char *adit_web_bus_device_at(const AditWebBus *self, const char *address); /* or NULL */
