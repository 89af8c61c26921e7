/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-source.h"

#include "client/names.h"

#define SETTLE_MS 100 /* several signals that come together are one change */
#define NEW_S 10      /* in which a daemon that has just begun has said all */
#define GATEWAY "org.adit.Client1.Gateway"
#define REACH "org.adit.Publisher1.Reach"

typedef struct {
    AditHookSource *source;
    GDBusObjectManager *objects;
    char *owner;
    gint64 since; /* when it came */
} Side;

struct _AditHookSource {
    GDBusConnection *bus;
    GCancellable *cancel;
    Side client, publisher;
    AditHookSeen seen;
    gpointer data;
    guint settle, later;
};

static char *
get_text(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, property);

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
               ? g_variant_dup_string(value, NULL)
               : g_strdup("");
}

static gboolean
get_flag(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, property);

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
           g_variant_get_boolean(value);
}

static void
see_gateway(AditHookView *view, GDBusProxy *proxy)
{
    g_autoptr(GVariant) addresses = g_dbus_proxy_get_cached_property(proxy, "Addresses");
    g_autofree char *name = get_text(proxy, "Name");
    AditHookGateway *gateway = adit_hook_view_add_gateway(view, name);

    gateway->link = get_text(proxy, "Link");
    gateway->backend = get_text(proxy, "Backend");
    gateway->state = get_text(proxy, "State");
    gateway->selected[0] = get_flag(proxy, "Default4");
    gateway->selected[1] = get_flag(proxy, "Default6");
    if (addresses && g_variant_is_of_type(addresses, G_VARIANT_TYPE_STRING_ARRAY))
        gateway->addresses = g_variant_dup_strv(addresses, NULL);
}

static void
see_reach(AditHookView *view, GDBusProxy *proxy)
{
    g_autoptr(GVariant) family = g_dbus_proxy_get_cached_property(proxy, "Family");
    AditHookReach *reach = adit_hook_view_add_reach(view, g_dbus_proxy_get_object_path(proxy));

    reach->ports = get_text(proxy, "Ports");
    reach->gateway = get_text(proxy, "Gateway");
    reach->label = get_text(proxy, "Label");
    reach->inside = get_text(proxy, "Inside");
    reach->outside = get_text(proxy, "Outside");
    reach->state = get_text(proxy, "State");
    reach->reason = get_text(proxy, "Reason");
    reach->family = family && g_variant_is_of_type(family, G_VARIANT_TYPE_BYTE)
                        ? g_variant_get_byte(family)
                        : 0;
}

static void
see_side(AditHookView *view, const Side *side, const char *interface,
         void (*see)(AditHookView *view, GDBusProxy *proxy))
{
    g_autolist(GDBusObject) list = g_dbus_object_manager_get_objects(side->objects);

    for (GList *l = list; l; l = l->next) {
        g_autoptr(GDBusInterface) proxy = g_dbus_object_get_interface(l->data, interface);

        if (proxy)
            see(view, G_DBUS_PROXY(proxy));
    }
}

static gboolean
is_new(const Side *side)
{
    return g_get_monotonic_time() - side->since < NEW_S * (gint64)G_USEC_PER_SEC;
}

static gboolean
on_settle(gpointer data)
{
    AditHookSource *self = data;
    AditHookView *view = adit_hook_view_new();
    const gboolean news[] = { is_new(&self->client), is_new(&self->publisher) };

    self->settle = 0;
    if (self->client.owner)
        see_side(view, &self->client, GATEWAY, see_gateway);
    else
        g_clear_pointer(&view->gateways, g_ptr_array_unref);
    if (self->publisher.owner)
        see_side(view, &self->publisher, REACH, see_reach);
    else
        g_clear_pointer(&view->reaches, g_ptr_array_unref);
    self->seen(view, news[0], news[1], self->data);
    return G_SOURCE_REMOVE;
}

static void
settle_soon(AditHookSource *self)
{
    if (self->settle == 0)
        self->settle = g_timeout_add(SETTLE_MS, on_settle, self);
}

/* What they have not said by now is not there. */
static gboolean
on_later(gpointer data)
{
    AditHookSource *self = data;

    self->later = 0;
    settle_soon(self);
    return G_SOURCE_REMOVE;
}

static void
follow_owner(Side *side)
{
    char *owner = g_dbus_object_manager_client_get_name_owner(
        G_DBUS_OBJECT_MANAGER_CLIENT(side->objects));

    if (owner && g_strcmp0(owner, side->owner) != 0) {
        side->since = g_get_monotonic_time();
        g_clear_handle_id(&side->source->later, g_source_remove);
        side->source->later = g_timeout_add_seconds(NEW_S + 1, on_later, side->source);
    }
    g_free(side->owner);
    side->owner = owner;
    settle_soon(side->source);
}

static void
on_owner(GObject *objects, GParamSpec *property, gpointer data)
{
    follow_owner(data);
}

static void
on_object(GDBusObjectManager *objects, GDBusObject *object, gpointer data)
{
    settle_soon(((Side *)data)->source);
}

static void
on_properties(GDBusObjectManagerClient *objects, GDBusObjectProxy *object, GDBusProxy *proxy,
              GVariant *changed, char **invalidated, gpointer data)
{
    settle_soon(((Side *)data)->source);
}

static void
on_objects(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GDBusObjectManager *objects = g_dbus_object_manager_client_new_finish(result, &error);
    Side *side = data;

    if (!objects) {
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            g_warning("%s", error->message);
        return;
    }
    side->objects = objects;
    g_signal_connect(objects, "object-added", G_CALLBACK(on_object), side);
    g_signal_connect(objects, "object-removed", G_CALLBACK(on_object), side);
    g_signal_connect(objects, "interface-proxy-properties-changed", G_CALLBACK(on_properties),
                     side);
    g_signal_connect(objects, "notify::name-owner", G_CALLBACK(on_owner), side);
    follow_owner(side);
}

static void
open_side(AditHookSource *self, Side *side, const char *name, const char *path)
{
    side->source = self;
    g_dbus_object_manager_client_new(self->bus,
                                     G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, name,
                                     path, NULL, NULL, NULL, self->cancel, on_objects, side);
}

AditHookSource *
adit_hook_source_new(GDBusConnection *bus, AditHookSeen seen, gpointer data)
{
    AditHookSource *self = g_new0(AditHookSource, 1);

    self->bus = g_object_ref(bus);
    self->cancel = g_cancellable_new();
    self->seen = seen;
    self->data = data;
    open_side(self, &self->client, ADIT_CLIENT_BUS, ADIT_CLIENT_PATH);
    open_side(self, &self->publisher, ADIT_PUBLISHER_BUS, ADIT_PUBLISHER_PATH);
    return self;
}

void
adit_hook_source_refresh(AditHookSource *self)
{
    if (self->client.owner)
        g_dbus_connection_call(self->bus, ADIT_CLIENT_BUS, ADIT_CLIENT_PATH "/manager",
                               "org.adit.Client1.Manager", "Refresh", NULL, NULL,
                               G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
}

static void
close_side(Side *side)
{
    if (side->objects)
        g_signal_handlers_disconnect_by_data(side->objects, side);
    g_clear_object(&side->objects);
    g_free(side->owner);
}

void
adit_hook_source_free(AditHookSource *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_clear_handle_id(&self->settle, g_source_remove);
    g_clear_handle_id(&self->later, g_source_remove);
    close_side(&self->client);
    close_side(&self->publisher);
    g_object_unref(self->bus);
    g_free(self);
}
