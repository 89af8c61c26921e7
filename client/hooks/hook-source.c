/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-source.h"

#include "client/names.h"
#include "client/objects.h"

#define SETTLE_MS 100 /* several signals that come together are one change */
#define NEW_S 10      /* in which a daemon that has just begun has said all */
#define GATEWAY ADIT_CLIENT_BUS ".Gateway"
#define REACH ADIT_PUBLISHER_BUS ".Reach"

typedef struct {
    AditHookSource *source;
    AditObjects *objects;
    char *owner;
    gint64 since; /* when it came */
} Side;

struct _AditHookSource {
    GDBusConnection *bus;
    Side client, publisher;
    AditHookSeen seen;
    gpointer data;
    guint settle, later;
};

static void
see_gateway(GDBusProxy *proxy, gpointer data)
{
    g_autofree char *name = adit_proxy_text(proxy, "Name");
    AditHookGateway *gateway = adit_hook_view_add_gateway(data, name);

    gateway->link = adit_proxy_text(proxy, "Link");
    gateway->backend = adit_proxy_text(proxy, "Backend");
    gateway->state = adit_proxy_text(proxy, "State");
    gateway->selected[0] = adit_proxy_flag(proxy, "Default4");
    gateway->selected[1] = adit_proxy_flag(proxy, "Default6");
    gateway->addresses = adit_proxy_texts(proxy, "Addresses");
}

static void
see_reach(GDBusProxy *proxy, gpointer data)
{
    AditHookReach *reach = adit_hook_view_add_reach(data, g_dbus_proxy_get_object_path(proxy));

    reach->ports = adit_proxy_text(proxy, "Ports");
    reach->gateway = adit_proxy_text(proxy, "Gateway");
    reach->label = adit_proxy_text(proxy, "Label");
    reach->inside = adit_proxy_text(proxy, "Inside");
    reach->outside = adit_proxy_text(proxy, "Outside");
    reach->state = adit_proxy_text(proxy, "State");
    reach->reason = adit_proxy_text(proxy, "Reason");
    reach->family = adit_proxy_byte(proxy, "Family");
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
        adit_objects_each(self->client.objects, GATEWAY, see_gateway, view);
    else
        g_clear_pointer(&view->gateways, g_ptr_array_unref);
    if (self->publisher.owner)
        adit_objects_each(self->publisher.objects, REACH, see_reach, view);
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
on_changed(GDBusProxy *proxy, GVariant *properties, gpointer data)
{
    Side *side = data;
    char *owner = adit_objects_owner(side->objects);

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
open_side(AditHookSource *self, Side *side, const char *name, const char *path)
{
    side->source = self;
    side->objects = adit_objects_new(self->bus, name, path, on_changed, side);
}

AditHookSource *
adit_hook_source_new(GDBusConnection *bus, AditHookSeen seen, gpointer data)
{
    AditHookSource *self = g_new0(AditHookSource, 1);

    self->bus = g_object_ref(bus);
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
                               ADIT_CLIENT_BUS ".Manager", "Refresh", NULL, NULL,
                               G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
}

static void
close_side(Side *side)
{
    adit_objects_free(side->objects);
    g_free(side->owner);
}

void
adit_hook_source_free(AditHookSource *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->settle, g_source_remove);
    g_clear_handle_id(&self->later, g_source_remove);
    close_side(&self->client);
    close_side(&self->publisher);
    g_object_unref(self->bus);
    g_free(self);
}
