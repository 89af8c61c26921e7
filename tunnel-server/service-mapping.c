/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "tunnel-server/edit.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Methods about forwards and pinholes. */

static guint8
family_of(guchar number)
{
    return number == 6 ? AF_INET6 : AF_INET;
}

#define ROW "(yssqqssqbssassttttt)"
#define TRAFFIC_USEC (G_USEC_PER_SEC / 2) /* how long the pages of a list share a look */

static const AditTrafficTable *
look_at_traffic(AditServerService *self)
{
    gint64 now = g_get_monotonic_time();

    if (!self->traffic || now - self->traffic_at > TRAFFIC_USEC) {
        adit_traffic_table_free(self->traffic);
        self->traffic = adit_admin_traffic(self->admin);
        self->traffic_at = now;
    }
    return self->traffic;
}

static void
add_traffic(AditTraffic *sum, const AditTrafficTable *table, guint8 proto,
            const AditSockAddr *external)
{
    AditTraffic one = adit_traffic_table_get(table, proto, external);

    sum->packets_in += one.packets_in;
    sum->bytes_in += one.bytes_in;
    sum->packets_out += one.packets_out;
    sum->bytes_out += one.bytes_out;
}

/* Of all its ports; of port 80 too, where that leads to the same service. */
static AditTraffic
traffic_of(AditServerService *self, const AditPublish *publish, const AditAddr *external)
{
    const AditTrafficTable *table = look_at_traffic(self);
    AditSockAddr at = { .addr = *external };
    AditTraffic sum = { 0 };

    for (guint port = publish->first; port <= publish->last; port++) {
        at.port = (guint16)port;
        if (publish->proto & ADIT_PROTO_TCP)
            add_traffic(&sum, table, IPPROTO_TCP, &at);
        if (publish->proto & ADIT_PROTO_UDP)
            add_traffic(&sum, table, IPPROTO_UDP, &at);
    }
    at.port = 80;
    if (publish->redirect == ADIT_REDIRECT_PORT &&
        !adit_model_redirect_rival(adit_admin_model(self->admin), publish))
        add_traffic(&sum, table, IPPROTO_TCP, &at);
    return sum;
}

static const char *
redirect_word(const AditModel *model, const AditPublish *publish)
{
    if (publish->redirect != ADIT_REDIRECT_NONE && adit_model_redirect_rival(model, publish))
        return "yields";
    return adit_redirect_name(publish->redirect);
}

static AditAddr
external_of(AditServerService *self, const AditPublish *publish)
{
    const AditModel *model = adit_admin_model(self->admin);
    AditAddr addr = publish->family == AF_INET6
                        ? adit_model_device(model, publish->device)->addr6
                        : adit_model_outside(model, publish);

    return adit_addr_is_set(&addr) ? addr
                                   : adit_server_facts_wan4(adit_admin_facts(self->admin));
}

static void
add_prefixes(GVariantBuilder *row, const AditPrefix *list, guint n)
{
    g_variant_builder_open(row, G_VARIANT_TYPE("as"));
    for (guint i = 0; i < n; i++) {
        g_autofree char *text = adit_prefix_to_string(&list[i]);

        g_variant_builder_add(row, "s", text);
    }
    g_variant_builder_close(row);
}

static void
add_row(GVariantBuilder *rows, AditServerService *self, const AditPublish *publish)
{
    const AditModel *model = adit_admin_model(self->admin);
    AditAddr addr = external_of(self, publish);
    AditTraffic traffic = traffic_of(self, publish, &addr);
    g_autofree char *key = adit_publish_key(model, publish);
    g_autofree char *external =
        adit_addr_is_set(&addr) ? adit_addr_to_string(&addr) : g_strdup("");

    g_variant_builder_open(rows, G_VARIANT_TYPE(ROW));
    g_variant_builder_add(rows, "y", publish->family == AF_INET ? 4 : 6);
    g_variant_builder_add(rows, "s", key);
    g_variant_builder_add(rows, "s", external);
    g_variant_builder_add(rows, "q", publish->first);
    g_variant_builder_add(rows, "q", publish->last);
    g_variant_builder_add(rows, "s", adit_proto_name(publish->proto));
    g_variant_builder_add(rows, "s", adit_model_device(model, publish->device)->name);
    g_variant_builder_add(rows, "q", publish->internal);
    g_variant_builder_add(rows, "b", publish->enabled);
    g_variant_builder_add(rows, "s", "manual");
    g_variant_builder_add(rows, "s", publish->label ? publish->label : "");
    add_prefixes(rows, publish->allow_from, publish->n_allow_from);
    g_variant_builder_add(rows, "s", redirect_word(model, publish));
    g_variant_builder_add(rows, "t", (guint64)0);
    g_variant_builder_add(rows, "t", traffic.packets_in);
    g_variant_builder_add(rows, "t", traffic.bytes_in);
    g_variant_builder_add(rows, "t", traffic.packets_out);
    g_variant_builder_add(rows, "t", traffic.bytes_out);
    g_variant_builder_close(rows);
}

/* Where the page behind @after begins; a key that is gone begins anew. */
static guint
page_start(const AditModel *model, guint8 family, const char *after)
{
    guint at;

    if (*after && (adit_edit_find_publish(model, AF_INET, after, &at, NULL) ||
                   adit_edit_find_publish(model, AF_INET6, after, &at, NULL)))
        return at + 1;
    return 0;
}

static gboolean
on_list(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family, const char *after,
        guint limit, AditServerService *self)
{
    const AditModel *model = adit_admin_model(self->admin);
    guint n = 0;
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a" ROW));
    for (guint i = page_start(model, family, after);
         i < model->publishes->len && (!limit || n < limit); i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (family && publish->family != family_of(family))
            continue;
        add_row(&rows, self, publish);
        n++;
    }
    adit_srv_manager_complete_list_mappings(manager, call, g_variant_builder_end(&rows));
    return TRUE;
}

static gboolean
edit_add(AditModel *model, gpointer data, GError **error)
{
    return adit_edit_add_publish(model, data, error);
}

/* The key of the mapping made last, @n from the end. */
static char *
key_of_last(AditServerService *self, guint n)
{
    const AditModel *model = adit_admin_model(self->admin);

    return adit_publish_key(model, adit_model_publish(model, model->publishes->len - n));
}

static gboolean
on_add(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family, const char *address,
       const char *ports, const char *device, guint16 internal, const char *label,
       const char *const *allow_from, AditServerService *self)
{
    AditPublishWish wish = { .family = family_of(family),
                             .address = address,
                             .device = device,
                             .internal = internal,
                             .label = label,
                             .allow_from = allow_from };
    const char *verb = wish.family == AF_INET ? "forward add" : "pinhole add";
    g_autofree char *object = g_strdup_printf("%s %s", ports, device);
    g_autofree char *key = NULL;
    GError *error = NULL;

    adit_ports_parse(ports, &wish.ports, &error);
    if (adit_service_fail(call, error) ||
        !adit_service_change(self, call, verb, object, edit_add, &wish))
        return TRUE;
    key = key_of_last(self, 1);
    adit_srv_manager_complete_add_mapping(manager, call, key);
    return TRUE;
}

typedef struct {
    AditPublishWish publish;
    guchar family; /* 4, 6, 0: both */
} BothWish;

/* Two edits of one change: both families or none. */
static gboolean
edit_both(AditModel *model, gpointer data, GError **error)
{
    BothWish *wish = data;

    wish->publish.family = AF_INET;
    if (wish->family != 6 && !adit_edit_add_publish(model, &wish->publish, error))
        return FALSE;
    wish->publish.family = AF_INET6;
    return wish->family == 4 || adit_edit_add_publish(model, &wish->publish, error);
}

static gboolean
on_publish(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family,
           const char *ports, const char *device, guint16 internal, const char *label,
           const char *redirect, AditServerService *self)
{
    BothWish wish = {
        .family = family,
        .publish = { .address = "", .device = device, .internal = internal, .label = label }
    };
    g_autofree char *object = g_strdup_printf("%s %s", ports, device);
    char *keys[3] = { NULL };
    GError *error = NULL;
    guint n = family ? 1 : 2;

    if (adit_ports_parse(ports, &wish.publish.ports, &error) &&
        !adit_redirect_parse(redirect, &wish.publish.redirect))
        g_set_error(&error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "redirect: neither no, https nor port");
    if (adit_service_fail(call, error) ||
        !adit_service_change(self, call, "publish", object, edit_both, &wish))
        return TRUE;
    for (guint i = 0; i < n; i++)
        keys[i] = key_of_last(self, n - i);
    adit_srv_manager_complete_publish(manager, call, (const char *const *)keys);
    for (guint i = 0; i < n; i++)
        g_free(keys[i]);
    return TRUE;
}

typedef struct {
    guint8 family;
    const char *key, *label;
    gboolean enabled;
} Wish;

static AditPublish *
find(AditModel *model, const Wish *wish, GError **error)
{
    guint at;

    return adit_edit_find_publish(model, wish->family, wish->key, &at, error)
               ? g_ptr_array_index(model->publishes, at)
               : NULL;
}

static gboolean
edit_remove(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    return publish && g_ptr_array_remove(model->publishes, publish);
}

static const char *
verb_of(guchar family, const char *forward, const char *pinhole)
{
    return family == 6 ? pinhole : forward;
}

static gboolean
on_remove(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family, const char *key,
          AditServerService *self)
{
    Wish wish = { .family = family_of(family), .key = key };

    if (adit_service_change(self, call, verb_of(family, "forward remove", "pinhole remove"),
                            key, edit_remove, &wish))
        adit_srv_manager_complete_remove_mapping(manager, call);
    return TRUE;
}

static gboolean
edit_enabled(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    if (publish)
        publish->enabled = ((Wish *)data)->enabled;
    return publish != NULL;
}

static gboolean
on_set_enabled(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family,
               const char *key, gboolean enabled, AditServerService *self)
{
    Wish wish = { .family = family_of(family), .key = key, .enabled = enabled };

    if (adit_service_change(self, call,
                            verb_of(family, "forward set-enabled", "pinhole set-enabled"), key,
                            edit_enabled, &wish))
        adit_srv_manager_complete_set_mapping_enabled(manager, call);
    return TRUE;
}

static gboolean
edit_label(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    return publish && adit_edit_set_label(publish, ((Wish *)data)->label, error);
}

static gboolean
on_set_label(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family,
             const char *key, const char *label, AditServerService *self)
{
    Wish wish = { .family = family_of(family), .key = key, .label = label };

    if (adit_service_change(self, call,
                            verb_of(family, "forward set-label", "pinhole set-label"), key,
                            edit_label, &wish))
        adit_srv_manager_complete_set_mapping_label(manager, call);
    return TRUE;
}

void
adit_service_connect_mappings(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-list-mappings", G_CALLBACK(on_list), self);
    g_signal_connect(self->manager, "handle-add-mapping", G_CALLBACK(on_add), self);
    g_signal_connect(self->manager, "handle-publish", G_CALLBACK(on_publish), self);
    g_signal_connect(self->manager, "handle-remove-mapping", G_CALLBACK(on_remove), self);
    g_signal_connect(self->manager, "handle-set-mapping-enabled", G_CALLBACK(on_set_enabled),
                     self);
    g_signal_connect(self->manager, "handle-set-mapping-label", G_CALLBACK(on_set_label), self);
}
