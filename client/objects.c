/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/objects.h"

#include <string.h>

/* GLib's own object manager makes itself in a thread, of which the main loop takes the owner's
 * name away if the daemon goes meanwhile: a use after free. Here nothing waits and no thread is
 * made. */

#define MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define PAUSE_S 1
#define PAUSE_MAX_S 64

enum { ADDED, REMOVED, CHANGED, N_SIGNALS };

struct _AditObjects {
    GDBusConnection *bus;
    char *name, *path;
    AditObjectsChanged changed;
    gpointer data;
    char *owner;          /* of the name */
    GCancellable *cancel; /* of the question what it has */
    GHashTable *proxies;  /* key_of() -> GDBusProxy */
    gboolean answered, ready;
    guint watch, signals[N_SIGNALS], pause, again;
};

static void ask(AditObjects *self);

static char *
key_of(const char *path, const char *interface)
{
    return g_strconcat(path, " ", interface, NULL);
}

static void
take(GDBusProxy *proxy, GVariant *properties)
{
    GVariantIter iter;
    const char *property;
    GVariant *value;

    g_variant_iter_init(&iter, properties);
    while (g_variant_iter_loop(&iter, "{&sv}", &property, &value))
        g_dbus_proxy_set_cached_property(proxy, property, value);
}

static void
add(AditObjects *self, const char *path, const char *interface, GVariant *properties)
{
    /* Of a unique name, without signals or properties of its own: nothing is asked. */
    static const GDBusProxyFlags flags = G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START |
                                         G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
                                         G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES;
    GDBusProxy *proxy =
        g_dbus_proxy_new_sync(self->bus, flags, NULL, self->owner, path, interface, NULL, NULL);

    if (!proxy)
        return;
    take(proxy, properties);
    g_hash_table_insert(self->proxies, key_of(path, interface), proxy);
}

static void
add_all(AditObjects *self, const char *path, GVariant *interfaces)
{
    GVariantIter iter;
    const char *interface;
    GVariant *properties;

    g_variant_iter_init(&iter, interfaces);
    while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &interface, &properties))
        add(self, path, interface, properties);
}

static void
on_added(GDBusConnection *bus, const char *sender, const char *at, const char *interface,
         const char *signal, GVariant *parameters, gpointer data)
{
    AditObjects *self = data;
    g_autoptr(GVariant) interfaces = NULL;
    const char *path;

    if (!self->answered || !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
        return; /* the answer will tell of it */
    g_variant_get(parameters, "(&o@a{sa{sv}})", &path, &interfaces);
    add_all(self, path, interfaces);
    self->changed(NULL, NULL, self->data);
}

static void
on_removed(GDBusConnection *bus, const char *sender, const char *at, const char *interface,
           const char *signal, GVariant *parameters, gpointer data)
{
    AditObjects *self = data;
    g_autofree const char **interfaces = NULL;
    const char *path;

    if (!self->answered || !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oas)")))
        return;
    g_variant_get(parameters, "(&o^a&s)", &path, &interfaces);
    for (guint i = 0; interfaces[i]; i++) {
        g_autofree char *key = key_of(path, interfaces[i]);

        g_hash_table_remove(self->proxies, key);
    }
    self->changed(NULL, NULL, self->data);
}

static void
on_properties(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
              const char *signal, GVariant *parameters, gpointer data)
{
    AditObjects *self = data;
    g_autoptr(GVariant) changed = NULL;
    g_autofree const char **invalidated = NULL;
    g_autofree char *key = NULL;
    const char *of;
    GDBusProxy *proxy;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
        return;
    g_variant_get(parameters, "(&s@a{sv}^a&s)", &of, &changed, &invalidated);
    key = key_of(path, of);
    proxy = g_hash_table_lookup(self->proxies, key);
    if (!proxy)
        return;
    take(proxy, changed);
    for (guint i = 0; invalidated[i]; i++)
        g_dbus_proxy_set_cached_property(proxy, invalidated[i], NULL);
    self->changed(proxy, changed, self->data);
}

static gboolean
on_again(gpointer data)
{
    AditObjects *self = data;

    self->again = 0;
    ask(self);
    return G_SOURCE_REMOVE;
}

static void
ask_again(AditObjects *self, const GError *error)
{
    if (self->pause == 0)
        g_warning("%s: %s", self->name, error->message);
    self->pause = CLAMP(self->pause * 2, PAUSE_S, PAUSE_MAX_S);
    self->again = g_timeout_add_seconds(self->pause, on_again, self);
}

static void
on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_autoptr(GVariantIter) objects = NULL;
    AditObjects *self = data;
    const char *path;
    GVariant *interfaces;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    self->ready = TRUE;
    if (answer) {
        self->answered = TRUE;
        self->pause = 0;
        g_variant_get(answer, "(a{oa{sa{sv}}})", &objects);
        while (g_variant_iter_loop(objects, "{&o@a{sa{sv}}}", &path, &interfaces))
            add_all(self, path, interfaces);
    } else {
        ask_again(self, error);
    }
    self->changed(NULL, NULL, self->data);
}

static void
ask(AditObjects *self)
{
    g_dbus_connection_call(self->bus, self->owner, self->path, MANAGER, "GetManagedObjects",
                           NULL, G_VARIANT_TYPE("(a{oa{sa{sv}}})"),
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancel, on_answer, self);
}

static guint
listen_to(AditObjects *self, const char *interface, const char *signal, const char *path,
          GDBusSignalCallback func)
{
    return g_dbus_connection_signal_subscribe(self->bus, self->owner, interface, signal, path,
                                              NULL, G_DBUS_SIGNAL_FLAGS_NONE, func, self, NULL);
}

static void
forget(AditObjects *self)
{
    for (guint i = 0; i < N_SIGNALS; i++)
        if (self->signals[i])
            g_dbus_connection_signal_unsubscribe(self->bus, self->signals[i]);
    memset(self->signals, 0, sizeof(self->signals));
    if (self->cancel)
        g_cancellable_cancel(self->cancel);
    g_clear_object(&self->cancel);
    g_clear_handle_id(&self->again, g_source_remove);
    g_hash_table_remove_all(self->proxies);
    g_clear_pointer(&self->owner, g_free);
    self->answered = FALSE;
    self->pause = 0;
}

static void
on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
    AditObjects *self = data;

    forget(self);
    self->owner = g_strdup(owner);
    self->cancel = g_cancellable_new();
    self->signals[ADDED] = listen_to(self, MANAGER, "InterfacesAdded", self->path, on_added);
    self->signals[REMOVED] =
        listen_to(self, MANAGER, "InterfacesRemoved", self->path, on_removed);
    self->signals[CHANGED] =
        listen_to(self, PROPERTIES, "PropertiesChanged", NULL, on_properties);
    ask(self);
}

static void
on_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
    AditObjects *self = data;

    forget(self);
    self->ready = TRUE;
    self->changed(NULL, NULL, self->data);
}

AditObjects *
adit_objects_new(GDBusConnection *bus, const char *name, const char *path,
                 AditObjectsChanged changed, gpointer data)
{
    AditObjects *self = g_new0(AditObjects, 1);

    self->bus = g_object_ref(bus);
    self->name = g_strdup(name);
    self->path = g_strdup(path);
    self->changed = changed;
    self->data = data;
    self->proxies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
    self->watch = g_bus_watch_name_on_connection(bus, name, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                 on_appeared, on_vanished, self, NULL);
    return self;
}

gboolean
adit_objects_is_ready(const AditObjects *self)
{
    return self->ready;
}

char *
adit_objects_owner(const AditObjects *self)
{
    return self->answered ? g_strdup(self->owner) : NULL;
}

void
adit_objects_each(const AditObjects *self, const char *interface, AditObjectsFunc func,
                  gpointer data)
{
    GHashTableIter iter;
    gpointer proxy;

    g_hash_table_iter_init(&iter, self->proxies);
    while (g_hash_table_iter_next(&iter, NULL, &proxy))
        if (g_str_equal(g_dbus_proxy_get_interface_name(proxy), interface))
            func(proxy, data);
}

void
adit_objects_free(AditObjects *self)
{
    if (!self)
        return;
    g_bus_unwatch_name(self->watch);
    forget(self);
    g_hash_table_unref(self->proxies);
    g_object_unref(self->bus);
    g_free(self->name);
    g_free(self->path);
    g_free(self);
}

/* NULL unless it is of this type. */
static GVariant *
get(GDBusProxy *proxy, const char *property, const GVariantType *type)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, property);

    return value && g_variant_is_of_type(value, type) ? g_steal_pointer(&value) : NULL;
}

char *
adit_proxy_text(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = get(proxy, property, G_VARIANT_TYPE_STRING);

    return g_strdup(value ? g_variant_get_string(value, NULL) : "");
}

char **
adit_proxy_texts(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = get(proxy, property, G_VARIANT_TYPE_STRING_ARRAY);

    return value ? g_variant_dup_strv(value, NULL) : g_new0(char *, 1);
}

gboolean
adit_proxy_flag(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = get(proxy, property, G_VARIANT_TYPE_BOOLEAN);

    return value && g_variant_get_boolean(value);
}

guint8
adit_proxy_byte(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = get(proxy, property, G_VARIANT_TYPE_BYTE);

    return value ? g_variant_get_byte(value) : 0;
}

guint64
adit_proxy_number(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = get(proxy, property, G_VARIANT_TYPE_UINT64);

    return value ? g_variant_get_uint64(value) : 0;
}
