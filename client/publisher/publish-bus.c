/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/publish-bus.h"

#include "client/names.h"
#include "client/publisher/reaches.h"
#include "libadit/core/error.h"
#include "libadit/sys/trim.h"
#include "publisher-dbus-generated.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define PUBLISHER ADIT_PUBLISHER_PATH "/publisher"

struct _AditPublishBus {
    AditReaches *reaches;
    AditPubPublisher *publisher;
    AditPublishBusCalls calls;
    GDBusConnection *bus;
    guint manager; /* its registration on @bus */
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

/* -- all that is there -- */

static GVariant *
publisher_of(AditPublishBus *self)
{
    GVariantBuilder all = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sa{sv}}"));
    g_autoptr(GVariant) properties =
        g_dbus_interface_skeleton_get_properties(G_DBUS_INTERFACE_SKELETON(self->publisher));

    g_variant_builder_add(&all, "{s@a{sv}}", adit_pub_publisher_interface_info()->name,
                          properties);
    return g_variant_builder_end(&all);
}

/* Of org.freedesktop.DBus.ObjectManager the one call that there is. */
static void
on_list(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusMethodInvocation *call, gpointer data)
{
    AditPublishBus *self = data;
    GVariantBuilder objects = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{oa{sa{sv}}}"));

    g_variant_builder_add(&objects, "{o@a{sa{sv}}}", PUBLISHER, publisher_of(self));
    adit_reaches_add_to(self->reaches, &objects);
    g_dbus_method_invocation_return_value(call, g_variant_new("(a{oa{sa{sv}}})", &objects));
    adit_trim_later();
}

static guint
register_manager(AditPublishBus *self, GDBusConnection *bus, GError **error)
{
    static const GDBusInterfaceVTable manager = { .method_call = on_list };
    static const char xml[] =
        "<node><interface name='org.freedesktop.DBus.ObjectManager'>"
        "<method name='GetManagedObjects'>"
        "<arg name='objects' type='a{oa{sa{sv}}}' direction='out'/></method>"
        "<signal name='InterfacesAdded'><arg name='object' type='o'/>"
        "<arg name='interfaces' type='a{sa{sv}}'/></signal>"
        "<signal name='InterfacesRemoved'><arg name='object' type='o'/>"
        "<arg name='interfaces' type='as'/></signal>"
        "</interface></node>";
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);

    return g_dbus_connection_register_object(bus, ADIT_PUBLISHER_PATH, node->interfaces[0],
                                             &manager, self, NULL, error);
}

AditPublishBus *
adit_publish_bus_new(const AditPublishBusCalls *calls)
{
    AditPublishBus *self = g_new0(AditPublishBus, 1);

    self->calls = *calls;
    self->reaches = adit_reaches_new();
    self->publisher = adit_pub_publisher_skeleton_new();
    adit_pub_publisher_set_version(self->publisher, ADIT_VERSION);
    adit_pub_publisher_set_sites(self->publisher,
                                 g_variant_new_array(G_VARIANT_TYPE("(sssssssub)"), NULL, 0));
    g_signal_connect(self->publisher, "handle-refresh", G_CALLBACK(on_refresh), self);
    g_signal_connect(self->publisher, "handle-drain", G_CALLBACK(on_drain), self);
    g_signal_connect(self->publisher, "handle-ask-site", G_CALLBACK(on_ask_site), self);
    g_signal_connect(self->publisher, "handle-propose-key", G_CALLBACK(on_propose_key), self);
    g_signal_connect(self->publisher, "handle-ask-port", G_CALLBACK(on_ask_port), self);
    return self;
}

gboolean
adit_publish_bus_connect(AditPublishBus *self, GDBusConnection *bus, GError **error)
{
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(self->publisher), bus,
                                          PUBLISHER, error) ||
        !adit_reaches_connect(self->reaches, bus, error))
        return FALSE;
    self->manager = register_manager(self, bus, error);
    if (self->manager == 0)
        return FALSE;
    self->bus = g_object_ref(bus);
    return TRUE;
}

void
adit_publish_bus_free(AditPublishBus *self)
{
    if (!self)
        return;
    if (self->bus)
        g_dbus_connection_unregister_object(self->bus, self->manager);
    g_clear_object(&self->bus);
    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(self->publisher));
    g_signal_handlers_disconnect_by_data(self->publisher, self);
    g_object_unref(self->publisher);
    adit_reaches_free(self->reaches);
    g_free(self);
}

void
adit_publish_bus_show(AditPublishBus *self, const AditOffer *offer)
{
    adit_reaches_show(self->reaches, offer);
}

void
adit_publish_bus_hide(AditPublishBus *self, const AditOffer *offer)
{
    adit_reaches_hide(self->reaches, offer);
}
