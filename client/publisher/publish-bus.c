/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/publish-bus.h"

#include "client/names.h"
#include "libadit/core/error.h"
#include "publisher-dbus-generated.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct _AditPublishBus {
    GDBusObjectManagerServer *objects;
    AditPubPublisher *publisher;
    AditPublishBusCalls calls;
};

static gboolean
on_refresh(AditPubPublisher *publisher, GDBusMethodInvocation *call, gpointer data)
{
    AditPublishBus *self = data;

    self->calls.refresh(self->calls.data);
    adit_pub_publisher_complete_refresh(publisher, call);
    return TRUE;
}

static void
on_drained(gpointer data)
{
    g_dbus_method_invocation_return_value(data, NULL);
}

static gboolean
on_drain(AditPubPublisher *publisher, GDBusMethodInvocation *call, const char *gateway,
         gpointer data)
{
    AditPublishBus *self = data;

    self->calls.drain(gateway, on_drained, call, self->calls.data);
    return TRUE;
}

/* -- beside ports -- */

static void
on_site(const AditAskReply *reply, const GError *error, gpointer data)
{
    g_autofree char *key = reply ? adit_key_to_string(&reply->site.key) : NULL;

    if (error)
        g_dbus_method_invocation_return_gerror(data, error);
    else
        g_dbus_method_invocation_return_value(data, g_variant_new("(s)", key));
}

static void
on_proposed(const AditAskReply *reply, const GError *error, gpointer data)
{
    if (error)
        g_dbus_method_invocation_return_gerror(data, error);
    else
        g_dbus_method_invocation_return_value(data, g_variant_new("(u)", reply->lifetime));
}

static void
refuse_unknown(GDBusMethodInvocation *call, const char *gateway)
{
    g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                                          "%s: no such gateway, or it is down", gateway);
}

static gboolean
on_ask_site(AditPubPublisher *publisher, GDBusMethodInvocation *call, const char *gateway,
            gpointer data)
{
    const AditAsk ask = { .kind = ADIT_ASK_ADDRESS };
    AditPublishBus *self = data;

    if (!self->calls.ask(gateway, &ask, on_site, call, self->calls.data))
        refuse_unknown(call, gateway);
    return TRUE;
}

static gboolean
on_propose_key(AditPubPublisher *publisher, GDBusMethodInvocation *call, const char *gateway,
               const char *text, gpointer data)
{
    AditPublishBus *self = data;
    AditAsk ask = { .kind = ADIT_ASK_ROTATE };
    GError *error = NULL;

    if (!adit_key_parse(text, &ask.key, &error))
        g_dbus_method_invocation_take_error(call, error);
    else if (!self->calls.ask(gateway, &ask, on_proposed, call, self->calls.data))
        refuse_unknown(call, gateway);
    return TRUE;
}

static const char *
state_name(AditAskPortState state)
{
    switch (state) {
    case ADIT_ASK_PORT_NONE: return "none";
    case ADIT_ASK_PORT_OPEN: return "open";
    case ADIT_ASK_PORT_OFF: return "off";
    case ADIT_ASK_PORT_DENIED: return "denied";
    }
    g_assert_not_reached();
}

static void
on_port(const AditAskReply *reply, const GError *error, gpointer data)
{
    if (error)
        g_dbus_method_invocation_return_gerror(data, error);
    else
        g_dbus_method_invocation_return_value(
            data, g_variant_new("(stts)", state_name(reply->port.state), reply->port.packets_in,
                                reply->port.packets_out, reply->port.drop));
}

static gboolean
on_ask_port(AditPubPublisher *publisher, GDBusMethodInvocation *call, const char *gateway,
            guint family, const char *protocol, guint port, gpointer data)
{
    AditPublishBus *self = data;
    const AditAsk ask = { .kind = ADIT_ASK_PORT,
                          .proto = g_str_equal(protocol, "udp") ? IPPROTO_UDP : IPPROTO_TCP,
                          .family = family == 6 ? AF_INET6 : AF_INET,
                          .port = (guint16)port };

    if (!self->calls.ask(gateway, &ask, on_port, call, self->calls.data))
        refuse_unknown(call, gateway);
    return TRUE;
}

static char *
addr_text(const AditAddr *addr)
{
    return adit_addr_is_set(addr) ? adit_addr_to_string(addr) : g_strdup("");
}

static char *
net_text(const AditPrefix *net)
{
    return net->len > 0 ? adit_prefix_to_string(net) : g_strdup("");
}

static void
add_site(GVariantBuilder *rows, const AditTelling *telling)
{
    const AditAskSite *site = &telling->site;
    g_autofree char *addr4 = addr_text(&site->addr4), *addr6 = addr_text(&site->addr6);
    g_autofree char *server4 = addr_text(&site->server4), *server6 = addr_text(&site->server6);
    g_autofree char *net6 = net_text(&site->net6), *old6 = net_text(&site->old6);

    g_variant_builder_add(rows, "(sssssssub)", telling->gateway, addr4, addr6, net6, server4,
                          server6, old6, site->old_left, site->rotate);
}

void
adit_publish_bus_show_sites(AditPublishBus *self, const GArray *list)
{
    GVariantBuilder rows = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sssssssub)"));

    for (guint i = 0; i < list->len; i++)
        add_site(&rows, &g_array_index(list, AditTelling, i));
    adit_pub_publisher_set_sites(self->publisher, g_variant_builder_end(&rows));
}

AditPublishBus *
adit_publish_bus_new(const AditPublishBusCalls *calls)
{
    AditPublishBus *self = g_new0(AditPublishBus, 1);
    g_autoptr(GDBusObjectSkeleton) root =
        g_dbus_object_skeleton_new(ADIT_PUBLISHER_PATH "/publisher");

    self->calls = *calls;
    self->objects = g_dbus_object_manager_server_new(ADIT_PUBLISHER_PATH);
    self->publisher = adit_pub_publisher_skeleton_new();
    adit_pub_publisher_set_version(self->publisher, ADIT_VERSION);
    adit_pub_publisher_set_sites(self->publisher,
                                 g_variant_new_array(G_VARIANT_TYPE("(sssssssub)"), NULL, 0));
    g_signal_connect(self->publisher, "handle-refresh", G_CALLBACK(on_refresh), self);
    g_signal_connect(self->publisher, "handle-drain", G_CALLBACK(on_drain), self);
    g_signal_connect(self->publisher, "handle-ask-site", G_CALLBACK(on_ask_site), self);
    g_signal_connect(self->publisher, "handle-propose-key", G_CALLBACK(on_propose_key), self);
    g_signal_connect(self->publisher, "handle-ask-port", G_CALLBACK(on_ask_port), self);
    g_dbus_object_skeleton_add_interface(root, G_DBUS_INTERFACE_SKELETON(self->publisher));
    g_dbus_object_manager_server_export(self->objects, root);
    return self;
}

void
adit_publish_bus_connect(AditPublishBus *self, GDBusConnection *bus)
{
    g_dbus_object_manager_server_set_connection(self->objects, bus);
}

void
adit_publish_bus_free(AditPublishBus *self)
{
    if (!self)
        return;
    g_dbus_object_manager_server_set_connection(self->objects, NULL);
    g_signal_handlers_disconnect_by_data(self->publisher, self);
    g_object_unref(self->publisher);
    g_object_unref(self->objects);
    g_free(self);
}

/* Object paths take letters, digits and '_' only. */
static char *
path_of(const AditOffer *offer)
{
    GString *path = g_string_new(ADIT_PUBLISHER_PATH "/reaches/");

    for (const char *c = offer->key; *c; c++) {
        if (g_ascii_isalnum(*c))
            g_string_append_c(path, *c);
        else
            g_string_append_printf(path, "_%02x", (guchar)*c);
    }
    return g_string_free(path, FALSE);
}

static AditPubReach *
reach_at(AditPublishBus *self, const char *path)
{
    g_autoptr(GDBusObject) object =
        g_dbus_object_manager_get_object(G_DBUS_OBJECT_MANAGER(self->objects), path);
    GDBusInterface *reach =
        object ? g_dbus_object_get_interface(object, "org.adit.Publisher1.Reach") : NULL;

    return reach ? ADIT_PUB_REACH(reach) : NULL;
}

/* "10.59.0.2:80-90" */
static char *
range_text(const AditSockAddr *first, guint count)
{
    g_autofree char *text = adit_sockaddr_to_string(first);

    return count == 1 ? g_steal_pointer(&text)
                      : g_strdup_printf("%s-%u", text, first->port + count - 1);
}

static char *
inside_of(const AditOffer *offer)
{
    const AditPublication *p = offer->publication;
    const AditSockAddr own = { offer->own, p->ports.first };
    const AditSockAddr *to = &p->to[offer->family];

    return range_text(adit_addr_is_set(&to->addr) ? to : &own, adit_ports_count(&p->ports));
}

/* A server that gives any port gives each of a range another one: only the first is told. */
static char *
outside_of(const AditOffer *offer, const AditReachStatus *status)
{
    const AditPublication *p = offer->publication;

    if (status->outside.port == 0)
        return g_strdup("");
    if (!adit_addr_is_set(&status->outside.addr))
        return g_strdup_printf(":%u", status->outside.port);
    return range_text(&status->outside, p->external == 0 ? 1 : adit_ports_count(&p->ports));
}

static gint64
seconds_of(gint64 at)
{
    return at == 0 ? 0 : (g_get_real_time() / 1000 + at - adit_client_now()) / 1000;
}

/* Of the same moment by two clocks: what differs by less than that is the same. */
static gboolean
differs(gint64 a, gint64 b)
{
    return a - b > 2 || b - a > 2;
}

static void
fill_times(AditPubReach *reach, const AditReachStatus *status)
{
    const gint64 since = seconds_of(status->since), until = seconds_of(status->until);

    if (differs(adit_pub_reach_get_since(reach), since))
        adit_pub_reach_set_since(reach, since);
    if (differs(adit_pub_reach_get_lease_until(reach), until))
        adit_pub_reach_set_lease_until(reach, until);
}

static void
fill(AditPubReach *reach, const AditOffer *offer)
{
    const AditReachStatus status = adit_offer_status(offer);
    const AditPublication *p = offer->publication;
    g_autofree char *ports = adit_ports_to_string(&p->ports);
    g_autofree char *inside = inside_of(offer);
    g_autofree char *outside = outside_of(offer, &status);
    g_autofree char *reason = adit_offer_reason(offer);

    adit_pub_reach_set_ports(reach, ports);
    adit_pub_reach_set_gateway(reach, offer->gateway);
    adit_pub_reach_set_family(reach, offer->family == 0 ? 4 : 6);
    adit_pub_reach_set_label(reach, p->label ? p->label : "");
    adit_pub_reach_set_source(reach, p->source ? p->source : "");
    adit_pub_reach_set_inside(reach, inside);
    adit_pub_reach_set_outside(reach, outside);
    adit_pub_reach_set_state(reach, adit_reach_state_name(status.state));
    adit_pub_reach_set_reason(reach, reason);
    fill_times(reach, &status);
    adit_pub_reach_set_protocol(
        reach, status.outside.port == 0 ? "" : adit_dialect_name(status.dialect));
    adit_pub_reach_set_redirect(reach, adit_redirect_state_name(offer->redirect));
    adit_pub_reach_set_problem(reach, offer->problem ? offer->problem : "");
}

void
adit_publish_bus_show(AditPublishBus *self, const AditOffer *offer)
{
    g_autofree char *path = path_of(offer);
    g_autoptr(AditPubReach) reach = reach_at(self, path);
    g_autoptr(GDBusObjectSkeleton) object = NULL;
    g_autofree char *before = NULL;

    if (reach) {
        before = adit_pub_reach_dup_state(reach);
        fill(reach, offer);
        if (!g_str_equal(before, adit_pub_reach_get_state(reach)))
            adit_pub_reach_emit_state_changed(reach, before, adit_pub_reach_get_state(reach),
                                              adit_pub_reach_get_reason(reach));
        return;
    }
    object = g_dbus_object_skeleton_new(path);
    reach = adit_pub_reach_skeleton_new();
    fill(reach, offer);
    g_dbus_object_skeleton_add_interface(object, G_DBUS_INTERFACE_SKELETON(reach));
    g_dbus_object_manager_server_export(self->objects, object);
}

void
adit_publish_bus_hide(AditPublishBus *self, const AditOffer *offer)
{
    g_autofree char *path = path_of(offer);

    g_dbus_object_manager_server_unexport(self->objects, path);
}
