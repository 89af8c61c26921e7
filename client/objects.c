/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/objects.h"

#define PAUSE_S 1
#define PAUSE_MAX_S 64

struct _AditObjects {
    GDBusConnection *bus;
    char *name, *path;
    AditObjectsChanged changed;
    gpointer data;
    GCancellable *cancel;
    GDBusObjectManager *manager; /* NULL: still on the way */
    gboolean ready;
    guint pause, again;
};

static void ask(AditObjects *self);

static gboolean
on_again(gpointer data)
{
    AditObjects *self = data;

    self->again = 0;
    ask(self);
    return G_SOURCE_REMOVE;
}

/* A manager fails for good if its daemon goes in the moment in which it is made. */
static void
ask_again(AditObjects *self, const GError *error)
{
    if (self->pause == 0)
        g_warning("%s: %s", self->name, error->message);
    self->pause = CLAMP(self->pause * 2, PAUSE_S, PAUSE_MAX_S);
    self->again = g_timeout_add_seconds(self->pause, on_again, self);
}

static void
on_object(GDBusObjectManager *manager, GDBusObject *object, gpointer data)
{
    AditObjects *self = data;

    self->changed(NULL, NULL, self->data);
}

static void
on_owner(GObject *manager, GParamSpec *property, gpointer data)
{
    AditObjects *self = data;

    self->changed(NULL, NULL, self->data);
}

static void
on_properties(GDBusObjectManagerClient *manager, GDBusObjectProxy *object, GDBusProxy *proxy,
              GVariant *changed, char **invalidated, gpointer data)
{
    AditObjects *self = data;

    self->changed(proxy, changed, self->data);
}

static void
on_manager(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GDBusObjectManager *manager = g_dbus_object_manager_client_new_finish(result, &error);
    AditObjects *self = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    self->ready = TRUE;
    self->manager = manager;
    if (manager) {
        g_signal_connect(manager, "object-added", G_CALLBACK(on_object), self);
        g_signal_connect(manager, "object-removed", G_CALLBACK(on_object), self);
        g_signal_connect(manager, "interface-proxy-properties-changed",
                         G_CALLBACK(on_properties), self);
        g_signal_connect(manager, "notify::name-owner", G_CALLBACK(on_owner), self);
    } else {
        ask_again(self, error);
    }
    self->changed(NULL, NULL, self->data);
}

static void
ask(AditObjects *self)
{
    g_dbus_object_manager_client_new(
        self->bus, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, self->name, self->path,
        NULL, NULL, NULL, self->cancel, on_manager, self);
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
    self->cancel = g_cancellable_new();
    ask(self);
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
    return self->manager ? g_dbus_object_manager_client_get_name_owner(
                               G_DBUS_OBJECT_MANAGER_CLIENT(self->manager))
                         : NULL;
}

void
adit_objects_each(const AditObjects *self, const char *interface, AditObjectsFunc func,
                  gpointer data)
{
    g_autofree char *owner = adit_objects_owner(self);
    g_autolist(GDBusObject) list =
        owner ? g_dbus_object_manager_get_objects(self->manager) : NULL;

    for (GList *l = list; l; l = l->next) {
        g_autoptr(GDBusInterface) proxy = g_dbus_object_get_interface(l->data, interface);

        if (proxy)
            func(G_DBUS_PROXY(proxy), data);
    }
}

void
adit_objects_free(AditObjects *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_clear_handle_id(&self->again, g_source_remove);
    if (self->manager)
        g_signal_handlers_disconnect_by_data(self->manager, self);
    g_clear_object(&self->manager);
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
