/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/publish-source.h"

#include "client-dbus-generated.h"
#include "client/names.h"
#include "publisher-dbus-generated.h"

#include <net/if.h>
#include <string.h>

struct _AditPublishSource {
    AditPublishSourceWatch watch;
    GDBusConnection *bus;
    GCancellable *cancel;
    GDBusObjectManager *objects; /* NULL: not there yet */
    AditPubWanted *wanted;
    GHashTable *handshakes; /* gateway -> guint64 */
};

static void
take_address(const char *text, AditAddr addresses[2])
{
    AditAddr addr;

    if (adit_addr_parse(text, &addr, NULL) &&
        !adit_addr_is_set(&addresses[adit_addr_size(&addr) == 16]))
        addresses[adit_addr_size(&addr) == 16] = addr;
}

static AditPublishGateway *
gateway_of(AditBusGateway *proxy)
{
    AditPublishGateway *gateway = g_new0(AditPublishGateway, 1);
    const char *const *own = adit_bus_gateway_get_addresses(proxy);
    const char *const *servers = adit_bus_gateway_get_servers(proxy);

    gateway->name = adit_bus_gateway_dup_name(proxy);
    gateway->link = adit_bus_gateway_dup_link(proxy);
    gateway->ifindex = if_nametoindex(gateway->link);
    gateway->up = adit_bus_gateway_get_up(proxy);
    for (guint i = 0; own && own[i]; i++)
        take_address(own[i], gateway->own);
    for (guint i = 0; servers && servers[i]; i++)
        take_address(servers[i], gateway->server);
    return gateway;
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const AditPublishGateway *const *)a)->name,
                  (*(const AditPublishGateway *const *)b)->name);
}

static gboolean
is_aditd_there(AditPublishSource *self)
{
    g_autofree char *owner = self->objects ? g_dbus_object_manager_client_get_name_owner(
                                                 G_DBUS_OBJECT_MANAGER_CLIENT(self->objects))
                                           : NULL;

    return owner != NULL;
}

static void
tell_gateways(AditPublishSource *self)
{
    g_autolist(GDBusObject) list = NULL;
    GPtrArray *gateways;

    if (!is_aditd_there(self))
        return; /* its objects are gone with it; what they were is not */
    gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publish_gateway_free);
    list = g_dbus_object_manager_get_objects(self->objects);
    for (GList *l = list; l; l = l->next) {
        g_autoptr(AditBusGateway) proxy = adit_bus_object_get_gateway(ADIT_BUS_OBJECT(l->data));

        if (proxy && adit_bus_gateway_get_name(proxy) && adit_bus_gateway_get_link(proxy))
            g_ptr_array_add(gateways, gateway_of(proxy));
    }
    g_ptr_array_sort(gateways, by_name);
    self->watch.gateways(gateways, self->watch.data);
}

static void
tell_handshake(AditPublishSource *self, AditBusGateway *proxy)
{
    const char *name = adit_bus_gateway_get_name(proxy);
    const guint64 now = adit_bus_gateway_get_last_handshake(proxy);
    const guint64 *before = name ? g_hash_table_lookup(self->handshakes, name) : NULL;

    if (!name || now == 0 || (before && *before == now))
        return;
    g_hash_table_replace(self->handshakes, g_strdup(name), g_memdup2(&now, sizeof(now)));
    self->watch.handshake(name, self->watch.data);
}

static void
on_properties(GDBusObjectManagerClient *objects, GDBusObjectProxy *object, GDBusProxy *proxy,
              GVariant *changed, char **invalidated, gpointer data)
{
    AditPublishSource *self = data;
    g_autoptr(GVariantDict) dict = g_variant_dict_new(changed);

    if (!ADIT_BUS_IS_GATEWAY(proxy))
        return;
    if (g_variant_dict_contains(dict, "LastHandshake"))
        tell_handshake(self, ADIT_BUS_GATEWAY(proxy));
    /* The handshake alone changes often, and nothing hangs on it. */
    if (g_variant_n_children(changed) > 1 || !g_variant_dict_contains(dict, "LastHandshake"))
        tell_gateways(self);
}

static void
on_object(GDBusObjectManager *objects, GDBusObject *object, gpointer data)
{
    tell_gateways(data);
}

static void
on_owner(GObject *objects, GParamSpec *property, gpointer data)
{
    tell_gateways(data);
}

static void
on_objects(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GDBusObjectManager *objects = adit_bus_object_manager_client_new_finish(result, &error);
    AditPublishSource *self = data;

    if (!objects) {
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            g_warning("aditd: %s", error->message);
        return;
    }
    self->objects = objects;
    g_signal_connect(objects, "object-added", G_CALLBACK(on_object), self);
    g_signal_connect(objects, "object-removed", G_CALLBACK(on_object), self);
    g_signal_connect(objects, "interface-proxy-properties-changed", G_CALLBACK(on_properties),
                     self);
    g_signal_connect(objects, "notify::name-owner", G_CALLBACK(on_owner), self);
    tell_gateways(self);
}

static void
add_sections(GPtrArray *publications, const char *text, const char *source)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditWanted) wanted =
        adit_wanted_parse("aditd", text, strlen(text), FALSE, &error);

    if (!wanted) {
        g_warning("%s", error->message);
        return;
    }
    for (guint i = 0; i < wanted->publications->len; i++) {
        AditPublication *copy =
            adit_publication_copy(g_ptr_array_index(wanted->publications, i));

        copy->source = *source ? g_strdup(source) : NULL;
        g_ptr_array_add(publications, copy);
    }
}

static void
tell_wanted(AditPublishSource *self)
{
    GVariant *list = adit_pub_wanted_get_wanted(self->wanted);
    GPtrArray *publications;
    GVariantIter iter;
    const char *text, *source;

    if (!list)
        return; /* aditd is away */
    publications = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    g_variant_iter_init(&iter, list);
    while (g_variant_iter_next(&iter, "(&s&s)", &text, &source))
        add_sections(publications, text, source);
    self->watch.wanted(publications, self->watch.data);
}

static void
on_wanted_changed(GObject *proxy, GParamSpec *property, gpointer data)
{
    tell_wanted(data);
}

static void
on_wanted(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    AditPubWanted *wanted = adit_pub_wanted_proxy_new_finish(result, &error);
    AditPublishSource *self = data;

    if (!wanted) {
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            g_warning("aditd: %s", error->message);
        return;
    }
    self->wanted = wanted;
    g_signal_connect(wanted, "notify::wanted", G_CALLBACK(on_wanted_changed), self);
    tell_wanted(self);
}

AditPublishSource *
adit_publish_source_new(GDBusConnection *bus, const AditPublishSourceWatch *watch)
{
    AditPublishSource *self = g_new0(AditPublishSource, 1);

    self->watch = *watch;
    self->bus = g_object_ref(bus);
    self->cancel = g_cancellable_new();
    self->handshakes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    adit_bus_object_manager_client_new(
        bus, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, ADIT_CLIENT_BUS,
        ADIT_CLIENT_PATH, self->cancel, on_objects, self);
    adit_pub_wanted_proxy_new(
        bus,
        G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START | G_DBUS_PROXY_FLAGS_GET_INVALIDATED_PROPERTIES,
        ADIT_CLIENT_BUS, ADIT_CLIENT_PATH "/manager", self->cancel, on_wanted, self);
    return self;
}

typedef struct {
    AditDropAnswer answer;
    gpointer data;
} Asking;

static void
on_drops(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Asking *asking = data;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) answers = NULL;

    if (adit_pub_wanted_call_find_drops_finish(ADIT_PUB_WANTED(source), &answers, result,
                                               &error))
        asking->answer((const char *const *)answers, asking->data);
    else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_debug("aditd: %s", error->message);
}

void
adit_publish_source_find_drops(AditPublishSource *self, const AditDropQuestion *asked, guint n,
                               AditDropAnswer answer, gpointer data)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sysq)"));
    Asking *asking;

    for (guint i = 0; i < n; i++)
        g_variant_builder_add(&builder, "(sysq)", asked[i].gateway,
                              asked[i].family == 0 ? 4 : 6, adit_proto_name(asked[i].proto),
                              asked[i].port);
    if (!self->wanted) {
        g_variant_builder_clear(&builder);
        return;
    }
    asking = g_new0(Asking, 1);
    asking->answer = answer;
    asking->data = data;
    adit_pub_wanted_call_find_drops(self->wanted, g_variant_builder_end(&builder),
                                    G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancel, on_drops,
                                    asking);
}

void
adit_publish_source_free(AditPublishSource *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    if (self->objects)
        g_signal_handlers_disconnect_by_data(self->objects, self);
    if (self->wanted)
        g_signal_handlers_disconnect_by_data(self->wanted, self);
    g_clear_object(&self->objects);
    g_clear_object(&self->wanted);
    g_object_unref(self->bus);
    g_hash_table_unref(self->handshakes);
    g_free(self);
}
