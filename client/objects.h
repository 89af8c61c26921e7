/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* What a daemon of ours has on the bus, followed while the daemon comes and goes. */

typedef struct _AditObjects AditObjects;

/* @proxy: whose @properties, an a{sv}, are others now; NULL: objects or the daemon came or
 * went. */
typedef void (*AditObjectsChanged)(GDBusProxy *proxy, GVariant *properties, gpointer data);
typedef void (*AditObjectsFunc)(GDBusProxy *proxy, gpointer data);

AditObjects *adit_objects_new(GDBusConnection *bus, const char *name, const char *path,
                              AditObjectsChanged changed, gpointer data);
/* The daemon was looked for: what is not seen is not there. */
gboolean adit_objects_is_ready(const AditObjects *objects);
/* Who it is on the bus; NULL: it is not there. */
char *adit_objects_owner(const AditObjects *objects);
/* Every object that has the interface. */
void adit_objects_each(const AditObjects *objects, const char *interface, AditObjectsFunc func,
                       gpointer data);
void adit_objects_free(AditObjects *objects);

/* Its properties; one that is missing, or of another type, is "", FALSE, 0 or empty. */
char *adit_proxy_text(GDBusProxy *proxy, const char *property);
char **adit_proxy_texts(GDBusProxy *proxy, const char *property);
gboolean adit_proxy_flag(GDBusProxy *proxy, const char *property);
guint8 adit_proxy_byte(GDBusProxy *proxy, const char *property);
guint64 adit_proxy_number(GDBusProxy *proxy, const char *property);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditObjects, adit_objects_free)
