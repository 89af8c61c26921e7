/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/bus.h"

#include "tunnel-server/service.h"
#include "tunnel-server/web/list.h"

#include <string.h>

#define INTERFACE "org.adit.Server1.Manager"
#define CALL_MS 30000
#define SETTLE_MS 100

struct _AditWebBus {
    GDBusConnection *connection;
    GCancellable *cancellable;
    AditWebBusChanged changed;
    gpointer data;
    guint name_watch, signal_watch, mappings_watch;
    guint64 mappings_serial; /* grows with what the server says of its mappings */
    gboolean is_up;
    guint timer, n_asked;   /* before a round of questions; open ones of this round */
    GHashTable *properties; /* name -> GVariant */
    GPtrArray *tunnel;      /* addresses as text, NULL at the end */
    GHashTable *devices;    /* address -> name */
};

/* -- asking -- */

typedef struct {
    AditWebBusReply then;
    gpointer data;
} Question;

static void
on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Question *question = data;
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), &fds, result, &error);

    question->then(reply, fds, error, question->data);
}

static void
ask(AditWebBus *self, const char *interface, const char *method, GVariant *params,
    const Question *question)
{
    g_dbus_connection_call_with_unix_fd_list(
        self->connection, ADIT_SERVER_BUS, ADIT_SERVER_PATH, interface, method, params, NULL,
        G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_MS, NULL, self->cancellable, on_answer,
        g_memdup2(question, sizeof(*question)));
}

void
adit_web_bus_call(AditWebBus *self, const char *method, GVariant *params, AditWebBusReply then,
                  gpointer data)
{
    const Question question = { then, data };

    ask(self, INTERFACE, method, params, &question);
}

/* -- the mirror -- */

/* "" is an address that the server does not have. */
static void
add_address(GPtrArray *list, const char *address)
{
    if (*address)
        g_ptr_array_add(list, g_strdup(address));
}

static void
finish_part(AditWebBus *self)
{
    if (--self->n_asked == 0)
        self->changed(self->data);
}

static void
on_properties(GVariant *reply, GUnixFDList *fds, GError *error, gpointer data)
{
    AditWebBus *self = data;
    g_autoptr(GVariantIter) iter = NULL;
    const char *name;
    GVariant *value;

    if (!reply && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* and @self is gone */
    g_hash_table_remove_all(self->properties);
    if (reply)
        g_variant_get(reply, "(a{sv})", &iter);
    while (iter && g_variant_iter_next(iter, "{&sv}", &name, &value))
        g_hash_table_insert(self->properties, g_strdup(name), value);
    finish_part(self);
}

/* By position, as far as it is needed: later versions of the server append. */
static const char *
text_at(GVariant *row, gsize i)
{
    g_autoptr(GVariant) child = g_variant_get_child_value(row, i);

    return g_variant_get_string(child, NULL);
}

static void
on_subnets(GVariant *reply, GUnixFDList *fds, GError *error, gpointer data)
{
    AditWebBus *self = data;
    g_autoptr(GVariant) rows = NULL;

    if (!reply && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    rows = reply ? g_variant_get_child_value(reply, 0) : NULL;
    if (rows) {
        g_ptr_array_set_size(self->tunnel, 0);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
            g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

            add_address(self->tunnel, text_at(row, 3));
            add_address(self->tunnel, text_at(row, 4));
        }
        g_ptr_array_add(self->tunnel, NULL);
    }
    finish_part(self);
}

static void
on_devices(GVariant *reply, GUnixFDList *fds, GError *error, gpointer data)
{
    AditWebBus *self = data;
    g_autoptr(GVariant) rows = NULL;

    if (!reply && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    rows = reply ? g_variant_get_child_value(reply, 0) : NULL;
    if (rows) {
        g_hash_table_remove_all(self->devices);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
            g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

            for (gsize a = 2; a <= 3; a++)
                g_hash_table_replace(self->devices, g_strdup(text_at(row, a)),
                                     g_strdup(text_at(row, 0)));
        }
        g_hash_table_remove(self->devices, "");
    }
    finish_part(self);
}

static gboolean
on_timer(gpointer data)
{
    AditWebBus *self = data;
    Question question = { on_properties, self };

    if (self->n_asked > 0)
        return G_SOURCE_CONTINUE; /* the round before is under way */
    self->n_asked = 3;
    ask(self, "org.freedesktop.DBus.Properties", "GetAll", g_variant_new("(s)", INTERFACE),
        &question);
    question.then = on_subnets;
    ask(self, INTERFACE, "ListSubnets", NULL, &question);
    question.then = on_devices;
    adit_web_bus_list(self, ADIT_WEB_LIST_DEVICES, on_devices, self);
    self->timer = 0;
    return G_SOURCE_REMOVE;
}

/* Several changes in a row are read once. */
static void
read_soon(AditWebBus *self)
{
    if (!self->timer)
        self->timer = g_timeout_add(SETTLE_MS, on_timer, self);
}

static void
on_signal(GDBusConnection *connection, const char *sender, const char *path,
          const char *interface, const char *signal, GVariant *params, gpointer data)
{
    read_soon(data);
}

static void
on_mappings(GDBusConnection *connection, const char *sender, const char *path,
            const char *interface, const char *signal, GVariant *params, gpointer data)
{
    AditWebBus *self = data;

    self->mappings_serial++;
    read_soon(self);
}

static void
on_name(GDBusConnection *connection, const char *name, const char *owner, gpointer data)
{
    AditWebBus *self = data;

    self->is_up = TRUE;
    read_soon(self);
}

/* What it last said of its tunnel stays: its kernel state does, too. */
static void
on_name_gone(GDBusConnection *connection, const char *name, gpointer data)
{
    AditWebBus *self = data;

    self->is_up = FALSE;
    g_hash_table_remove_all(self->properties);
    self->changed(self->data);
}

/* -- the object -- */

AditWebBus *
adit_web_bus_new(GDBusConnection *connection, AditWebBusChanged changed, gpointer data)
{
    AditWebBus *self = g_new0(AditWebBus, 1);

    self->connection = g_object_ref(connection);
    self->cancellable = g_cancellable_new();
    self->changed = changed;
    self->data = data;
    self->properties =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
    self->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->tunnel = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(self->tunnel, NULL);
    self->signal_watch = g_dbus_connection_signal_subscribe(
        connection, ADIT_SERVER_BUS, "org.freedesktop.DBus.Properties", "PropertiesChanged",
        ADIT_SERVER_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, self, NULL);
    self->mappings_watch = g_dbus_connection_signal_subscribe(
        connection, ADIT_SERVER_BUS, INTERFACE, "MappingsChanged", ADIT_SERVER_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_mappings, self, NULL);
    self->name_watch = g_bus_watch_name_on_connection(connection, ADIT_SERVER_BUS,
                                                      G_BUS_NAME_WATCHER_FLAGS_NONE, on_name,
                                                      on_name_gone, self, NULL);
    return self;
}

void
adit_web_bus_free(AditWebBus *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancellable);
    g_bus_unwatch_name(self->name_watch);
    g_dbus_connection_signal_unsubscribe(self->connection, self->signal_watch);
    g_dbus_connection_signal_unsubscribe(self->connection, self->mappings_watch);
    g_clear_handle_id(&self->timer, g_source_remove);
    g_hash_table_unref(self->properties);
    g_hash_table_unref(self->devices);
    g_ptr_array_unref(self->tunnel);
    g_object_unref(self->cancellable);
    g_object_unref(self->connection);
    g_free(self);
}

gboolean
adit_web_bus_is_up(const AditWebBus *self)
{
    return self->is_up;
}

GVariant *
adit_web_bus_property(const AditWebBus *self, const char *name)
{
    return g_hash_table_lookup(self->properties, name);
}

guint64
adit_web_bus_mappings_serial(const AditWebBus *self)
{
    return self->mappings_serial;
}

GList *
adit_web_bus_properties(const AditWebBus *self)
{
    return g_list_sort(g_hash_table_get_keys(self->properties), (GCompareFunc)strcmp);
}

const char *const *
adit_web_bus_tunnel(const AditWebBus *self)
{
    return (const char *const *)self->tunnel->pdata;
}

const char *
adit_web_bus_device_at(const AditWebBus *self, const char *address)
{
    return g_hash_table_lookup(self->devices, address);
}
