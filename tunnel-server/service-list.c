/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/sys/trim.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/lease-key.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* The list of all that is published: by the operator, then by devices. */

#define ROW "(yssqqssqbssasstttttb)"
#define TRAFFIC_USEC (2 * G_USEC_PER_SEC) /* how long the pages of a list share a look */

static const AditTrafficTable *
look_at_traffic(AditServerService *self)
{
    gint64 now = g_get_monotonic_time();

    if (now - self->traffic_at > TRAFFIC_USEC) {
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
    if (publish->redirect == ADIT_REDIRECT_PORT && !publish->yields)
        add_traffic(&sum, table, IPPROTO_TCP, &at);
    return sum;
}

static const char *
redirect_word(const AditModel *model, const AditPublish *publish)
{
    if (publish->redirect != ADIT_REDIRECT_NONE && publish->yields)
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

/* A row in the making; what it points to is borrowed. */
typedef struct {
    AditSockAddr external; /* of the first port */
    guint16 last, internal;
    AditProto proto;
    const char *key, *device, *origin, *label, *redirect;
    gboolean enabled, fixed; /* its device may not change it */
    const AditPrefix *allow_from;
    guint n_allow_from;
    gint64 expires; /* seconds since 1970; 0: never */
    AditTraffic traffic;
} Row;

static void
put_row(GVariantBuilder *rows, const Row *row)
{
    g_autofree char *external = adit_addr_is_set(&row->external.addr)
                                    ? adit_addr_to_string(&row->external.addr)
                                    : g_strdup("");

    g_variant_builder_open(rows, G_VARIANT_TYPE(ROW));
    g_variant_builder_add(rows, "y", row->external.addr.family == AF_INET6 ? 6 : 4);
    g_variant_builder_add(rows, "s", row->key);
    g_variant_builder_add(rows, "s", external);
    g_variant_builder_add(rows, "q", row->external.port);
    g_variant_builder_add(rows, "q", row->last);
    g_variant_builder_add(rows, "s", adit_proto_name(row->proto));
    g_variant_builder_add(rows, "s", row->device);
    g_variant_builder_add(rows, "q", row->internal);
    g_variant_builder_add(rows, "b", row->enabled);
    g_variant_builder_add(rows, "s", row->origin);
    g_variant_builder_add(rows, "s", row->label ? row->label : "");
    add_prefixes(rows, row->allow_from, row->n_allow_from);
    g_variant_builder_add(rows, "s", row->redirect);
    g_variant_builder_add(rows, "t", (guint64)row->expires);
    g_variant_builder_add(rows, "t", row->traffic.packets_in);
    g_variant_builder_add(rows, "t", row->traffic.bytes_in);
    g_variant_builder_add(rows, "t", row->traffic.packets_out);
    g_variant_builder_add(rows, "t", row->traffic.bytes_out);
    g_variant_builder_add(rows, "b", row->fixed);
    g_variant_builder_close(rows);
}

/* -- what the operator has published -- */

static void
put_publish(GVariantBuilder *rows, AditServerService *self, const AditPublish *publish)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditAddr external = external_of(self, publish);
    g_autofree char *key = adit_publish_key(model, publish);
    const Row row = { .external = { external, publish->first },
                      .last = publish->last,
                      .internal = publish->internal,
                      .proto = publish->proto,
                      .key = key,
                      .device = adit_model_device(model, publish->device)->name,
                      .origin = publish->owner == ADIT_OWNER_OPERATOR ? "manual" : "device",
                      .label = publish->label,
                      .redirect = redirect_word(model, publish),
                      .enabled = publish->enabled,
                      .fixed = publish->owner != ADIT_OWNER_DEVICE,
                      .allow_from = publish->allow_from,
                      .n_allow_from = publish->n_allow_from,
                      .traffic = traffic_of(self, publish, &external) };

    put_row(rows, &row);
}

/* -- what devices have opened -- */

static const char *
lease_redirect_word(const AditLease *lease)
{
    if (lease->redirect.external_port == 0)
        return "no";
    switch ((AditPcpRedirectStatus)lease->redirect.status) {
    case ADIT_PCP_REDIRECT_ACTIVE:
        return lease->redirect.mode == ADIT_PCP_REDIRECT_PORT ? "port" : "https";
    case ADIT_PCP_REDIRECT_YIELDED: return "yields";
    case ADIT_PCP_REDIRECT_ASKED:
    case ADIT_PCP_REDIRECT_REFUSED: return "no";
    }
    return "no";
}

static gint64
wall_of(gint64 boot_ms)
{
    struct timespec boot;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    return g_get_real_time() / G_USEC_PER_SEC - boot.tv_sec + boot_ms / 1000;
}

static void
put_lease(GVariantBuilder *rows, AditServerService *self, const AditLease *lease)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditDeviceEntry *device = adit_lease_device(model, lease);
    g_autofree char *key = adit_lease_key(model, adit_admin_facts(self->admin), lease);
    Row row = { .external = adit_lease_external(lease),
                .last = lease->ends.external_port,
                .internal = lease->ends.internal_port,
                .proto = lease->ends.proto == IPPROTO_UDP ? ADIT_PROTO_UDP : ADIT_PROTO_TCP,
                .key = key,
                .device = device ? device->name : "",
                .origin = "auto",
                .label = lease->description,
                .redirect = lease_redirect_word(lease),
                .enabled = adit_lease_is_on(lease),
                .fixed = adit_lease_is_held(lease),
                .allow_from = lease->filters,
                .n_allow_from = lease->n_filters };

    row.expires = row.enabled ? wall_of(lease->expires_ms) : 0;
    add_traffic(&row.traffic, look_at_traffic(self), lease->ends.proto, &row.external);
    put_row(rows, &row);
}

static int
end_cmp(guint8 proto_a, const AditSockAddr *a, guint8 proto_b, const AditSockAddr *b)
{
    const int c = adit_sockaddr_cmp(a, b);

    return c ? c : (int)proto_a - (int)proto_b;
}

static int
lease_cmp(gconstpointer a, gconstpointer b)
{
    const AditLease *x = *(const AditLease *const *)a, *y = *(const AditLease *const *)b;
    const AditSockAddr at_x = adit_lease_external(x), at_y = adit_lease_external(y);

    return end_cmp(x->ends.proto, &at_x, y->ends.proto, &at_y);
}

typedef struct {
    GPtrArray *leases;
    guint8 family; /* 0: both */
    AditSockAddr begin;
    guint8 proto;
} Page;

static void
collect(const AditLease *lease, gpointer data)
{
    const Page *page = data;
    const AditSockAddr at = adit_lease_external(lease);

    if ((!page->family || at.addr.family == page->family) &&
        end_cmp(lease->ends.proto, &at, page->proto, &page->begin) > 0)
        g_ptr_array_add(page->leases, (gpointer)lease);
}

/* Those behind @after, which is the key of one, or "" for all. */
static void
put_leases(GVariantBuilder *rows, AditServerService *self, guchar family, const char *after,
           guint limit)
{
    g_autoptr(GPtrArray) leases = g_ptr_array_new();
    Page page = { .leases = leases };

    if (family)
        page.family = family == 6 ? AF_INET6 : AF_INET;
    adit_lease_key_parse(adit_admin_model(self->admin), adit_admin_facts(self->admin), after,
                         &page.proto, &page.begin);
    adit_lease_foreach(adit_admin_leases(self->admin), collect, &page);
    g_ptr_array_sort(leases, lease_cmp);
    for (guint i = 0; i < leases->len && (!limit || i < limit); i++)
        put_lease(rows, self, g_ptr_array_index(leases, i));
}

/* -- the list -- */

static gboolean
is_at(const AditModel *model, guint at, const char *key)
{
    g_autofree char *own = at < model->publishes->len
                               ? adit_publish_key(model, adit_model_publish(model, at))
                               : NULL;

    return g_strcmp0(own, key) == 0;
}

/* Where the page behind @after begins; @guess is where the last one ended, perhaps of another
 * list. FALSE: behind all that the operator has published. */
static gboolean
find_page(const AditModel *model, guchar family, const char *after, guint guess, guint *ret)
{
    guint at;

    *ret = 0;
    if (*after == '\0')
        return TRUE;
    if (guess > 0 && is_at(model, guess - 1, after)) {
        *ret = guess;
        return TRUE;
    }
    if ((family != 6 && adit_edit_find_publish(model, AF_INET, after, &at, NULL)) ||
        (family != 4 && adit_edit_find_publish(model, AF_INET6, after, &at, NULL))) {
        *ret = at + 1;
        return TRUE;
    }
    return FALSE;
}

static gboolean
is_lease(AditServerService *self, const char *key)
{
    AditSockAddr at;
    guint8 proto;

    return adit_lease_key_parse(adit_admin_model(self->admin), adit_admin_facts(self->admin),
                                key, &proto, &at) &&
           adit_lease_find_external(adit_admin_leases(self->admin), proto, &at);
}

static gboolean
on_list(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family, const char *after,
        guint limit, AditServerService *self)
{
    const AditModel *model = adit_admin_model(self->admin);
    GVariantBuilder rows;
    GVariant *list;
    gboolean paged;
    guint i, n = 0;

    if (*after == '\0')
        self->traffic_at = 0; /* a new list looks anew */
    paged = find_page(model, family, after, self->page_at, &i);
    if (!paged && !is_lease(self, after))
        return adit_service_no_page(call, after);
    g_variant_builder_init(&rows, G_VARIANT_TYPE("a" ROW));
    if (paged) {
        for (; i < model->publishes->len && (!limit || n < limit); i++) {
            const AditPublish *publish = adit_model_publish(model, i);

            if (family && publish->family != (family == 6 ? AF_INET6 : AF_INET))
                continue;
            put_publish(&rows, self, publish);
            n++;
        }
        after = "";
        self->page_at = i;
    }
    if (!limit || n < limit)
        put_leases(&rows, self, family, after, limit ? limit - n : 0);
    list = g_variant_builder_end(&rows);
    if (!limit || g_variant_n_children(list) < limit) /* the last page */
        g_clear_pointer(&self->traffic, adit_traffic_table_free);
    if (!self->traffic)
        self->traffic_at = 0;
    adit_trim_later();
    adit_srv_manager_complete_list_mappings(manager, call, list);
    return TRUE;
}

/* -- news -- */

#define NEWS_MS 250 /* many devices may renew at once */

static gboolean
tell_news(gpointer data)
{
    AditServerService *self = data;

    self->news = 0;
    adit_server_service_count_mappings(self);
    adit_srv_manager_emit_mappings_changed(self->manager);
    return G_SOURCE_REMOVE;
}

static void
on_leases(gpointer data)
{
    AditServerService *self = data;

    if (!self->news)
        self->news = g_timeout_add(NEWS_MS, tell_news, self);
}

void
adit_server_service_count_mappings(AditServerService *self)
{
    adit_srv_manager_set_mappings(self->manager,
                                  adit_admin_model(self->admin)->publishes->len +
                                      adit_lease_table_len(adit_admin_leases(self->admin)));
}

void
adit_service_connect_list(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-list-mappings", G_CALLBACK(on_list), self);
    adit_admin_watch_leases(self->admin, on_leases, self);
}
