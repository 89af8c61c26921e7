/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/watcher.h"

#include "client/names.h"
#include "client/suggestion.h"
#include "libadit/sys/listening.h"

#include <string.h>

#define PUBLISHER "org.adit.Publisher1"
#define PUBLISHER_PATH "/org/adit/Publisher1"
#define LOOK_S 10     /* for silent tunnels and new services; only while there is a gateway */
#define GATHER_MS 100 /* changes that come together are looked at together */

struct _AditWatcher {
    GDBusConnection *bus;
    GDBusObjectManager *client, *publisher;
    guint missing; /* managers that are still on the way */
    GCancellable *cancellable;
    void (*changed)(gpointer data);
    gpointer data;
    guint gather, look;
    GArray *listening; /* of the last look */
    GPtrArray *services;
};

static gboolean
is_owned(GDBusObjectManager *manager)
{
    g_autofree char *owner =
        manager
            ? g_dbus_object_manager_client_get_name_owner(G_DBUS_OBJECT_MANAGER_CLIENT(manager))
            : NULL;

    return owner != NULL;
}

static char *
text_of(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, property);

    return g_strdup(value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
                        ? g_variant_get_string(value, NULL)
                        : "");
}

static gboolean
is_true(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, property);

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
           g_variant_get_boolean(value);
}

static char **
texts_of(GDBusProxy *proxy, const char *property)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, property);

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)
               ? g_variant_dup_strv(value, NULL)
               : g_new0(char *, 1);
}

static void
add_gateway(AditSeen *seen, GDBusProxy *proxy)
{
    AditSeenGateway *gateway = g_new0(AditSeenGateway, 1);

    gateway->name = text_of(proxy, "Name");
    gateway->state = text_of(proxy, "State");
    gateway->problem = text_of(proxy, "Problem");
    gateway->selected[0] = is_true(proxy, "Default4");
    gateway->selected[1] = is_true(proxy, "Default6");
    gateway->addresses = texts_of(proxy, "Addresses");
    g_ptr_array_add(seen->gateways, gateway);
}

static void
add_reach(AditSeen *seen, GDBusProxy *proxy)
{
    g_autoptr(GVariant) family = g_dbus_proxy_get_cached_property(proxy, "Family");
    AditSeenReach *reach = g_new0(AditSeenReach, 1);

    reach->ports = text_of(proxy, "Ports");
    reach->gateway = text_of(proxy, "Gateway");
    reach->label = text_of(proxy, "Label");
    reach->source = text_of(proxy, "Source");
    reach->outside = text_of(proxy, "Outside");
    reach->state = text_of(proxy, "State");
    reach->reason = text_of(proxy, "Reason");
    reach->problem = text_of(proxy, "Problem");
    reach->family = family && g_variant_is_of_type(family, G_VARIANT_TYPE_BYTE)
                        ? g_variant_get_byte(family)
                        : 0;
    g_ptr_array_add(seen->reaches, reach);
}

static void
add_wanted(AditSeen *seen, GDBusProxy *proxy)
{
    g_autoptr(GVariant) list = g_dbus_proxy_get_cached_property(proxy, "Wanted");
    GVariantIter iter;
    const char *text, *source;

    if (!list || !g_variant_is_of_type(list, G_VARIANT_TYPE("a(ss)")))
        return;
    g_variant_iter_init(&iter, list);
    while (g_variant_iter_next(&iter, "(&s&s)", &text, &source)) {
        g_autoptr(AditWanted) wanted =
            adit_wanted_parse("aditd", text, strlen(text), FALSE, NULL);

        for (guint i = 0; wanted && i < wanted->publications->len; i++)
            g_ptr_array_add(seen->wanted,
                            adit_publication_copy(g_ptr_array_index(wanted->publications, i)));
    }
}

static void
add_offered(AditSeen *seen, GDBusProxy *proxy)
{
    g_strfreev(seen->offered);
    seen->offered = texts_of(proxy, "Offered");
}

static void
add_all(AditSeen *seen, GDBusObjectManager *manager, const char *interface,
        void (*add)(AditSeen *seen, GDBusProxy *proxy))
{
    g_autolist(GDBusObject) objects =
        is_owned(manager) ? g_dbus_object_manager_get_objects(manager) : NULL;

    for (GList *l = objects; l; l = l->next) {
        g_autoptr(GDBusInterface) proxy = g_dbus_object_get_interface(l->data, interface);

        if (proxy)
            add(seen, G_DBUS_PROXY(proxy));
    }
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const AditSeenGateway *const *)a)->name,
                  (*(const AditSeenGateway *const *)b)->name);
}

AditSeen *
adit_watcher_see(AditWatcher *self)
{
    AditSeen *seen = adit_seen_new();

    seen->has_daemon = is_owned(self->client);
    seen->has_publisher = is_owned(self->publisher);
    add_all(seen, self->client, ADIT_CLIENT_BUS ".Gateway", add_gateway);
    add_all(seen, self->client, ADIT_CLIENT_BUS ".Publications", add_wanted);
    add_all(seen, self->client, ADIT_CLIENT_BUS ".Manager", add_offered);
    add_all(seen, self->publisher, PUBLISHER ".Reach", add_reach);
    g_ptr_array_sort(seen->gateways, by_name);
    for (guint i = 0; seen->gateways->len > 0 && i < self->services->len; i++) {
        const AditSeenService *service = g_ptr_array_index(self->services, i);

        g_ptr_array_add(seen->services,
                        adit_seen_service_new(&service->ports, service->program));
    }
    return seen;
}

gboolean
adit_watcher_is_ready(const AditWatcher *self)
{
    return self->missing == 0;
}

/* Whose they are costs a walk through /proc: only when they are others than before. */
static void
look_at_services(AditWatcher *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) listening = adit_listening_dump(&error);
    g_autoptr(GHashTable) owners = NULL;
    g_autoptr(GArray) suggestions = NULL;

    if (!listening) {
        g_debug("%s", error->message);
        return;
    }
    if (self->listening && self->listening->len == listening->len &&
        memcmp(self->listening->data, listening->data,
               listening->len * sizeof(AditListening)) == 0)
        return;
    owners = adit_socket_owners();
    suggestions = adit_suggestions(listening, owners);
    g_ptr_array_set_size(self->services, 0);
    for (guint i = 0; i < suggestions->len; i++) {
        const AditSuggestion *s = &g_array_index(suggestions, AditSuggestion, i);

        if (adit_suggestion_is_service(s))
            g_ptr_array_add(self->services, adit_seen_service_new(&s->ports, s->program));
    }
    g_clear_pointer(&self->listening, g_array_unref);
    self->listening = g_steal_pointer(&listening);
}

/* How long a tunnel has been silent changes no property by itself. */
static gboolean
on_look(gpointer data)
{
    AditWatcher *self = data;

    g_dbus_connection_call(self->bus, ADIT_CLIENT_BUS, ADIT_CLIENT_PATH "/manager",
                           ADIT_CLIENT_BUS ".Manager", "Refresh", NULL, NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
    look_at_services(self);
    self->changed(self->data);
    return G_SOURCE_CONTINUE;
}

/* Without a gateway nothing runs. */
static void
settle_look(AditWatcher *self)
{
    g_autoptr(AditSeen) seen = adit_watcher_see(self);
    const gboolean wanted = seen->gateways->len > 0;

    if (wanted && self->look == 0) {
        look_at_services(self);
        self->look = g_timeout_add_seconds(LOOK_S, on_look, self);
    } else if (!wanted && self->look != 0) {
        g_clear_handle_id(&self->look, g_source_remove);
    }
}

static gboolean
on_gathered(gpointer data)
{
    AditWatcher *self = data;

    self->gather = 0;
    settle_look(self);
    self->changed(self->data);
    return G_SOURCE_REMOVE;
}

static void
touch(AditWatcher *self)
{
    if (self->gather == 0)
        self->gather = g_timeout_add(GATHER_MS, on_gathered, self);
}

static void
on_manager(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GDBusObjectManager *manager = g_dbus_object_manager_client_new_finish(result, &error);
    AditWatcher *self = data;
    gboolean is_client;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    self->missing--;
    if (!manager) {
        g_warning("%s", error->message);
        return;
    }
    is_client = g_str_equal(
        g_dbus_object_manager_client_get_name(G_DBUS_OBJECT_MANAGER_CLIENT(manager)),
        ADIT_CLIENT_BUS);
    *(is_client ? &self->client : &self->publisher) = manager;
    g_signal_connect_swapped(manager, "object-added", G_CALLBACK(touch), self);
    g_signal_connect_swapped(manager, "object-removed", G_CALLBACK(touch), self);
    g_signal_connect_swapped(manager, "interface-proxy-properties-changed", G_CALLBACK(touch),
                             self);
    g_signal_connect_swapped(manager, "notify::name-owner", G_CALLBACK(touch), self);
    touch(self);
}

AditWatcher *
adit_watcher_new(GDBusConnection *system, void (*changed)(gpointer data), gpointer data)
{
    AditWatcher *self = g_new0(AditWatcher, 1);

    self->bus = g_object_ref(system);
    self->changed = changed;
    self->data = data;
    self->cancellable = g_cancellable_new();
    self->services = g_ptr_array_new_with_free_func((GDestroyNotify)adit_seen_service_free);
    self->missing = 2;
    g_dbus_object_manager_client_new(
        system, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, ADIT_CLIENT_BUS,
        ADIT_CLIENT_PATH, NULL, NULL, NULL, self->cancellable, on_manager, self);
    g_dbus_object_manager_client_new(
        system, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, PUBLISHER, PUBLISHER_PATH,
        NULL, NULL, NULL, self->cancellable, on_manager, self);
    return self;
}

void
adit_watcher_free(AditWatcher *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancellable);
    g_clear_handle_id(&self->gather, g_source_remove);
    g_clear_handle_id(&self->look, g_source_remove);
    if (self->client)
        g_signal_handlers_disconnect_by_data(self->client, self);
    if (self->publisher)
        g_signal_handlers_disconnect_by_data(self->publisher, self);
    g_clear_object(&self->client);
    g_clear_object(&self->publisher);
    g_object_unref(self->cancellable);
    g_clear_pointer(&self->listening, g_array_unref);
    g_ptr_array_unref(self->services);
    g_object_unref(self->bus);
    g_free(self);
}
