/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/publish-source.h"

#include "client/names.h"
#include "client/objects.h"

#include <net/if.h>
#include <string.h>

#define GATEWAY ADIT_CLIENT_BUS ".Gateway"
#define PUBLICATIONS ADIT_CLIENT_BUS ".Publications"

struct _AditPublishSource {
    AditPublishSourceWatch watch;
    GDBusConnection *bus;
    GCancellable *cancel;
    AditObjects *objects;
    GVariant *wanted;       /* as it was last told; NULL: never */
    GHashTable *handshakes; /* gateway -> guint64 */
    GPtrArray *asking;      /* Asking, to be answered */
};

static void
take_address(const char *text, AditAddr addresses[2])
{
    AditAddr addr;

    if (adit_addr_parse(text, &addr, NULL) &&
        !adit_addr_is_set(&addresses[adit_addr_size(&addr) == 16]))
        addresses[adit_addr_size(&addr) == 16] = addr;
}

static void
take_addresses(GDBusProxy *proxy, const char *property, AditAddr addresses[2])
{
    g_auto(GStrv) list = adit_proxy_texts(proxy, property);

    for (guint i = 0; list[i]; i++)
        take_address(list[i], addresses);
}

static void
add_gateway(GDBusProxy *proxy, gpointer data)
{
    g_autoptr(AditPublishGateway) gateway = g_new0(AditPublishGateway, 1);

    gateway->name = adit_proxy_text(proxy, "Name");
    gateway->link = adit_proxy_text(proxy, "Link");
    if (!*gateway->name || !*gateway->link)
        return;
    gateway->ifindex = if_nametoindex(gateway->link);
    gateway->up = adit_proxy_flag(proxy, "Up");
    take_addresses(proxy, "Addresses", gateway->own);
    take_addresses(proxy, "Servers", gateway->server);
    g_ptr_array_add(data, g_steal_pointer(&gateway));
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const AditPublishGateway *const *)a)->name,
                  (*(const AditPublishGateway *const *)b)->name);
}

static void
tell_gateways(AditPublishSource *self)
{
    g_autofree char *aditd = adit_objects_owner(self->objects);
    GPtrArray *gateways;

    if (!aditd)
        return; /* its objects are gone with it; what they were is not */
    gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publish_gateway_free);
    adit_objects_each(self->objects, GATEWAY, add_gateway, gateways);
    g_ptr_array_sort(gateways, by_name);
    self->watch.gateways(gateways, self->watch.data);
}

static void
tell_handshake(AditPublishSource *self, GDBusProxy *proxy)
{
    g_autofree char *name = adit_proxy_text(proxy, "Name");
    const guint64 now = adit_proxy_number(proxy, "LastHandshake");
    const guint64 *before = g_hash_table_lookup(self->handshakes, name);

    if (!*name || now == 0 || (before && *before == now))
        return;
    g_hash_table_replace(self->handshakes, g_strdup(name), g_memdup2(&now, sizeof(now)));
    self->watch.handshake(name, self->watch.data);
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
take_wanted(GDBusProxy *proxy, gpointer data)
{
    GVariant **ret = data;
    g_autoptr(GVariant) list = g_dbus_proxy_get_cached_property(proxy, "Wanted");

    if (list && g_variant_is_of_type(list, G_VARIANT_TYPE("a(ss)")))
        *ret = g_steal_pointer(&list);
}

/* While aditd is away there is no list, and what was wanted is wanted still. */
static void
tell_wanted(AditPublishSource *self)
{
    g_autoptr(GVariant) list = NULL;
    GPtrArray *publications;
    GVariantIter iter;
    const char *text, *source;

    adit_objects_each(self->objects, PUBLICATIONS, take_wanted, &list);
    if (!list || list == self->wanted)
        return;
    g_clear_pointer(&self->wanted, g_variant_unref);
    self->wanted = g_variant_ref(list);
    g_variant_get_data(list); /* as it is kept: one block instead of a tree of small ones */
    publications = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    g_variant_iter_init(&iter, list);
    while (g_variant_iter_next(&iter, "(&s&s)", &text, &source))
        add_sections(publications, text, source);
    self->watch.wanted(publications, self->watch.data);
}

static void
on_objects(GDBusProxy *proxy, GVariant *properties, gpointer data)
{
    AditPublishSource *self = data;
    const char *interface = proxy ? g_dbus_proxy_get_interface_name(proxy) : NULL;
    g_autoptr(GVariant) handshake =
        properties ? g_variant_lookup_value(properties, "LastHandshake", NULL) : NULL;

    if (!interface || g_str_equal(interface, PUBLICATIONS))
        tell_wanted(self);
    if (interface && !g_str_equal(interface, GATEWAY))
        return;
    if (handshake)
        tell_handshake(self, proxy);
    /* The handshake alone changes often, and nothing hangs on it. */
    if (!handshake || g_variant_n_children(properties) > 1)
        tell_gateways(self);
}

AditPublishSource *
adit_publish_source_new(GDBusConnection *bus, const AditPublishSourceWatch *watch)
{
    AditPublishSource *self = g_new0(AditPublishSource, 1);

    self->watch = *watch;
    self->bus = g_object_ref(bus);
    self->cancel = g_cancellable_new();
    self->asking = g_ptr_array_new();
    self->handshakes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->objects = adit_objects_new(bus, ADIT_CLIENT_BUS, ADIT_CLIENT_PATH, on_objects, self);
    return self;
}

typedef struct {
    AditPublishSource *source;
    AditDropAnswer answer;
    gpointer data;
} Asking;

static void
end_asking(Asking *asking, const char *const *answers)
{
    asking->answer(answers, asking->data);
    g_free(asking);
}

static void
on_drops(GObject *source, GAsyncResult *result, gpointer data)
{
    Asking *asking = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    g_auto(GStrv) answers = NULL;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* it has been ended with its source */
    if (answer)
        g_variant_get(answer, "(^as)", &answers);
    else
        g_debug("aditd: %s", error->message);
    g_ptr_array_remove_fast(asking->source->asking, asking);
    end_asking(asking, (const char *const *)answers);
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
    asking = g_new(Asking, 1);
    *asking = (Asking){ self, answer, data };
    g_ptr_array_add(self->asking, asking);
    g_dbus_connection_call(self->bus, ADIT_CLIENT_BUS, ADIT_CLIENT_PATH "/manager",
                           PUBLICATIONS, "FindDrops", g_variant_new("(a(sysq))", &builder),
                           G_VARIANT_TYPE("(as)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1,
                           self->cancel, on_drops, asking);
}

void
adit_publish_source_free(AditPublishSource *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    for (guint i = 0; i < self->asking->len; i++)
        end_asking(g_ptr_array_index(self->asking, i), NULL);
    g_ptr_array_unref(self->asking);
    adit_objects_free(self->objects);
    g_clear_pointer(&self->wanted, g_variant_unref);
    g_object_unref(self->bus);
    g_hash_table_unref(self->handshakes);
    g_free(self);
}
