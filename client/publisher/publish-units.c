/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/publish-units.h"

#include "pcp-client/unit-file.h"

#include <string.h>

/* systemd names each unit's files (FragmentPath, DropInPaths) and says when it comes and goes,
 * but keys of others it does not pass on: the files are read here. */

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER "/org/freedesktop/systemd1"
#define UNITS MANAGER "/unit"
#define UNIT_FILE_MAX (256 * 1024)

struct _AditPublishUnits {
    GDBusConnection *bus;
    GCancellable *cancel;
    GHashTable *units; /* object path -> GPtrArray of AditPublication */
    guint pending;     /* units of the first look that have not answered yet */
    gboolean told;
    guint watch, states, reloads;
    AditPublishUnitsChanged changed;
    gpointer data;
};

static void
tell(AditPublishUnits *self)
{
    GPtrArray *all;
    GHashTableIter iter;
    gpointer list;

    if (self->pending > 0)
        return;
    self->told = TRUE;
    all = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    g_hash_table_iter_init(&iter, self->units);
    while (g_hash_table_iter_next(&iter, NULL, &list)) {
        const GPtrArray *publications = list;

        for (guint i = 0; i < publications->len; i++)
            g_ptr_array_add(all, adit_publication_copy(g_ptr_array_index(publications, i)));
    }
    self->changed(all, self->data);
}

static void
read_file(GPtrArray *publications, const char *unit, const char *path)
{
    g_autofree char *text = NULL;
    gsize len;

    if (*path && g_file_get_contents(path, &text, &len, NULL) && len <= UNIT_FILE_MAX)
        adit_unit_file_read(publications, unit, path, text);
}

/* TRUE: something is another than before. */
static gboolean
take_unit(AditPublishUnits *self, const char *path, GVariant *properties)
{
    g_autoptr(GPtrArray) found =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    g_autofree const char **drop_ins = NULL;
    const char *id = path, *state = "", *fragment = "";

    g_variant_lookup(properties, "Id", "&s", &id);
    g_variant_lookup(properties, "ActiveState", "&s", &state);
    g_variant_lookup(properties, "FragmentPath", "&s", &fragment);
    g_variant_lookup(properties, "DropInPaths", "^a&s", &drop_ins);
    if (g_str_equal(state, "active") || g_str_equal(state, "reloading")) {
        read_file(found, id, fragment);
        for (guint i = 0; drop_ins && drop_ins[i]; i++)
            read_file(found, id, drop_ins[i]);
    }
    if (found->len == 0)
        return g_hash_table_remove(self->units, path);
    g_hash_table_replace(self->units, g_strdup(path), g_steal_pointer(&found));
    return TRUE;
}

typedef struct {
    AditPublishUnits *self;
    char *path;
    gboolean first; /* one of the first look */
} Asking;

static void
on_unit(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Asking *asking = data;
    g_autofree char *path = asking->path;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_autoptr(GVariant) properties = NULL;
    gboolean changed;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (asking->first)
        asking->self->pending--;
    properties = answer ? g_variant_get_child_value(answer, 0) : NULL;
    changed = properties ? take_unit(asking->self, path, properties)
                         : g_hash_table_remove(asking->self->units, path);
    if (changed || !asking->self->told)
        tell(asking->self);
}

static void
ask_unit(AditPublishUnits *self, const char *path, gboolean first)
{
    Asking *asking = g_new0(Asking, 1);

    *asking = (Asking){ self, g_strdup(path), first };
    self->pending += first;
    g_dbus_connection_call(self->bus, SYSTEMD, path, "org.freedesktop.DBus.Properties",
                           "GetAll", g_variant_new("(s)", "org.freedesktop.systemd1.Unit"),
                           G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1, self->cancel,
                           on_unit, asking);
}

/* Devices, mounts and slices publish nothing. */
static gboolean
may_publish(const char *unit)
{
    return g_str_has_suffix(unit, ".service") || g_str_has_suffix(unit, ".socket") ||
           g_str_has_suffix(unit, ".target");
}

static void
on_list(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_autoptr(GVariantIter) units = NULL;
    AditPublishUnits *self = data;
    const char *name, *state, *path;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (answer)
        g_variant_get(answer, "(a(ssssssouso))", &units);
    while (units && g_variant_iter_next(units, "(&s&s&s&s&s&s&ou&s&o)", &name, NULL, NULL,
                                        &state, NULL, NULL, &path, NULL, NULL, NULL))
        if (may_publish(name) && g_str_equal(state, "active"))
            ask_unit(self, path, TRUE);
    if (!self->told)
        tell(self);
}

static void
look(AditPublishUnits *self)
{
    g_dbus_connection_call(self->bus, SYSTEMD, MANAGER, "org.freedesktop.systemd1.Manager",
                           "ListUnits", NULL, G_VARIANT_TYPE("(a(ssssssouso))"),
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancel, on_list, self);
}

/* A unit came up or went down. Only its own states count: most of them say nothing of us. */
static void
on_state(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
         const char *signal, GVariant *parameters, gpointer data)
{
    AditPublishUnits *self = data;
    g_autoptr(GVariant) changed = g_variant_get_child_value(parameters, 1);
    const char *state = NULL;

    if (!g_variant_lookup(changed, "ActiveState", "&s", &state))
        return;
    if (g_str_equal(state, "active") || g_str_equal(state, "reloading"))
        ask_unit(self, path, FALSE);
    else if (!g_str_equal(state, "activating") && g_hash_table_remove(self->units, path))
        tell(self);
}

/* Its files may be others now. */
static void
on_reloading(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
             const char *signal, GVariant *parameters, gpointer data)
{
    gboolean active;

    g_variant_get(parameters, "(b)", &active);
    if (!active)
        look(data);
}

static void
on_there(GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
    AditPublishUnits *self = data;

    /* Without this systemd tells nobody of its units. */
    g_dbus_connection_call(bus, SYSTEMD, MANAGER, "org.freedesktop.systemd1.Manager",
                           "Subscribe", NULL, NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL,
                           NULL, NULL);
    look(self);
}

static void
on_away(GDBusConnection *bus, const char *name, gpointer data)
{
    AditPublishUnits *self = data;

    if (!self->told)
        tell(self);
}

AditPublishUnits *
adit_publish_units_new(GDBusConnection *bus, AditPublishUnitsChanged changed, gpointer data)
{
    AditPublishUnits *self = g_new0(AditPublishUnits, 1);

    self->bus = g_object_ref(bus);
    self->cancel = g_cancellable_new();
    self->units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify)g_ptr_array_unref);
    self->changed = changed;
    self->data = data;
    self->states = g_dbus_connection_signal_subscribe(
        bus, SYSTEMD, "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL,
        "org.freedesktop.systemd1.Unit", G_DBUS_SIGNAL_FLAGS_NONE, on_state, self, NULL);
    self->reloads = g_dbus_connection_signal_subscribe(
        bus, SYSTEMD, "org.freedesktop.systemd1.Manager", "Reloading", MANAGER, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_reloading, self, NULL);
    self->watch = g_bus_watch_name_on_connection(bus, SYSTEMD, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                 on_there, on_away, self, NULL);
    return self;
}

void
adit_publish_units_free(AditPublishUnits *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_bus_unwatch_name(self->watch);
    g_dbus_connection_signal_unsubscribe(self->bus, self->states);
    g_dbus_connection_signal_unsubscribe(self->bus, self->reloads);
    g_hash_table_unref(self->units);
    g_object_unref(self->bus);
    g_free(self);
}
