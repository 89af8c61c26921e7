/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/watcher.h"

#include "client/names.h"
#include "client/objects.h"
#include "client/suggestion.h"
#include "libadit/sys/listening.h"

#include <string.h>

#define LOOK_S 10     /* for silent tunnels and new services; only while there is a gateway */
#define GATHER_MS 100 /* changes that come together are looked at together */

struct _AditWatcher {
    GDBusConnection *bus;
    AditObjects *client, *publisher;
    void (*changed)(gpointer data);
    gpointer data;
    guint gather, look;
    GArray *listening; /* of the last look */
    GPtrArray *services;
};

static gboolean
is_there(const AditObjects *objects)
{
    g_autofree char *owner = adit_objects_owner(objects);

    return owner != NULL;
}

static void
add_gateway(GDBusProxy *proxy, gpointer data)
{
    AditSeen *seen = data;
    AditSeenGateway *gateway = g_new0(AditSeenGateway, 1);

    gateway->name = adit_proxy_text(proxy, "Name");
    gateway->state = adit_proxy_text(proxy, "State");
    gateway->problem = adit_proxy_text(proxy, "Problem");
    gateway->selected[0] = adit_proxy_flag(proxy, "Default4");
    gateway->selected[1] = adit_proxy_flag(proxy, "Default6");
    gateway->addresses = adit_proxy_texts(proxy, "Addresses");
    g_ptr_array_add(seen->gateways, gateway);
}

static void
add_reach(GDBusProxy *proxy, gpointer data)
{
    AditSeen *seen = data;
    AditSeenReach *reach = g_new0(AditSeenReach, 1);

    reach->ports = adit_proxy_text(proxy, "Ports");
    reach->gateway = adit_proxy_text(proxy, "Gateway");
    reach->label = adit_proxy_text(proxy, "Label");
    reach->source = adit_proxy_text(proxy, "Source");
    reach->outside = adit_proxy_text(proxy, "Outside");
    reach->state = adit_proxy_text(proxy, "State");
    reach->reason = adit_proxy_text(proxy, "Reason");
    reach->problem = adit_proxy_text(proxy, "Problem");
    reach->family = adit_proxy_byte(proxy, "Family");
    g_ptr_array_add(seen->reaches, reach);
}

static void
add_wanted(GDBusProxy *proxy, gpointer data)
{
    AditSeen *seen = data;
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
add_offered(GDBusProxy *proxy, gpointer data)
{
    AditSeen *seen = data;
    g_strfreev(seen->offered);
    seen->offered = adit_proxy_texts(proxy, "Offered");
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

    seen->has_daemon = is_there(self->client);
    seen->has_publisher = is_there(self->publisher);
    adit_objects_each(self->client, ADIT_CLIENT_BUS ".Gateway", add_gateway, seen);
    adit_objects_each(self->client, ADIT_CLIENT_BUS ".Publications", add_wanted, seen);
    adit_objects_each(self->client, ADIT_CLIENT_BUS ".Manager", add_offered, seen);
    adit_objects_each(self->publisher, ADIT_PUBLISHER_BUS ".Reach", add_reach, seen);
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
    return adit_objects_is_ready(self->client) && adit_objects_is_ready(self->publisher);
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
on_changed(GDBusProxy *proxy, GVariant *properties, gpointer data)
{
    AditWatcher *self = data;

    if (self->gather == 0)
        self->gather = g_timeout_add(GATHER_MS, on_gathered, self);
}

AditWatcher *
adit_watcher_new(GDBusConnection *system, void (*changed)(gpointer data), gpointer data)
{
    AditWatcher *self = g_new0(AditWatcher, 1);

    self->bus = g_object_ref(system);
    self->changed = changed;
    self->data = data;
    self->services = g_ptr_array_new_with_free_func((GDestroyNotify)adit_seen_service_free);
    self->client =
        adit_objects_new(system, ADIT_CLIENT_BUS, ADIT_CLIENT_PATH, on_changed, self);
    self->publisher =
        adit_objects_new(system, ADIT_PUBLISHER_BUS, ADIT_PUBLISHER_PATH, on_changed, self);
    return self;
}

void
adit_watcher_free(AditWatcher *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->gather, g_source_remove);
    g_clear_handle_id(&self->look, g_source_remove);
    adit_objects_free(self->client);
    adit_objects_free(self->publisher);
    g_clear_pointer(&self->listening, g_array_unref);
    g_ptr_array_unref(self->services);
    g_object_unref(self->bus);
    g_free(self);
}
