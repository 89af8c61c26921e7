/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-site.h"

#include "tunnel-server/dataplane.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define REDIRECT_PORT 80
#define LOW ADIT_PCP_SITE_LOW

struct _AditPcpSite {
    GHashTable *hosts;                 /* AditAddr -> AditPcpHost, which holds it */
    GPtrArray *list;                   /* AditPcpHost */
    GPtrArray *asks;                   /* AditAskSite, of a device each */
    GArray *by_external, *by_internal; /* AditPcpManual, sorted */
    GStringChunk *names;
    char wan[ADIT_NAME_LEN];
    guint16 listen_port;
    guint32 connections;
    guint8 reserved[65536 / 8];     /* a bit a port */
    guint8 spare[65536 / 8];        /* UDP */
    guint8 listening[2][65536 / 8]; /* TCP, UDP */
};

/* Behind a provider's NAT the machine has a private address; the endpoint that profiles name is
 * the public one, if it is an address at all. */
static AditAddr
as_known(const AditAddr *local, const AditModel *model)
{
    g_auto(AditEndpoint) endpoint = { 0 };
    AditSockAddr at;

    if (adit_addr_is_private(local) && model->endpoint &&
        adit_endpoint_parse(model->endpoint, &endpoint, NULL) &&
        adit_endpoint_get_sockaddr(&endpoint, &at) && at.addr.family == local->family)
        return at.addr;
    return *local;
}

static void
add_host(AditPcpSite *site, const AditPcpHost *host)
{
    AditPcpHost *own = g_memdup2(host, sizeof(*host));

    g_ptr_array_add(site->list, own);
    g_hash_table_insert(site->hosts, &own->addr, own);
}

/* What a device may know of itself. */
static const AditAskSite *
add_ask(AditPcpSite *site, const AditSubnet *subnet, const AditDeviceEntry *device)
{
    AditAskSite *ask = g_new0(AditAskSite, 1);

    ask->addr4 = device->addr4;
    ask->server4 = subnet->server4;
    ask->addr6 = device->addr6;
    ask->server6 = subnet->server6;
    ask->net6 = subnet->net6;
    ask->old6 = subnet->old6;
    ask->key = device->public_key;
    ask->rotate = device->rotate || device->invite_until != 0;
    g_ptr_array_add(site->asks, ask);
    return ask;
}

static void
add_device(AditPcpSite *site, const AditModel *model, const AditDeviceEntry *device,
           const AditServerFacts *facts)
{
    const AditSubnet *subnet = adit_model_subnet(model, device->subnet);
    AditPcpHost host = { .device = device->id,
                         .name = g_string_chunk_insert(site->names, device->name),
                         .addr = device->addr4,
                         .server = subnet->server4,
                         .external = adit_server_outside(model, device, facts),
                         .may_publish = device->may_publish,
                         .ask = add_ask(site, subnet, device),
                         .old_until = subnet->old6_until };

    host.reported = as_known(&host.external, model);
    add_host(site, &host);
    if (adit_addr_is_set(&device->addr6)) {
        host.addr = host.external = host.reported = device->addr6;
        host.server = subnet->server6;
        add_host(site, &host);
    }
    if (adit_addr_is_set(&device->old6)) {
        host.addr = host.external = host.reported = device->old6;
        host.server = subnet->old_server6;
        add_host(site, &host);
    }
}

static void
add_manual_at(AditPcpSite *site, const AditModel *model, const AditPublish *publish,
              const AditAddr *external, const AditAddr *internal)
{
    static const guint8 numbers[] = { IPPROTO_TCP, IPPROTO_UDP };
    static const AditProto protos[] = { ADIT_PROTO_TCP, ADIT_PROTO_UDP };
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    AditPcpManual manual = { .external = { *external, publish->first },
                             .internal = { *internal, publish->internal },
                             .last = publish->last,
                             .enabled = publish->enabled };

    manual.name = g_string_chunk_insert(site->names, device->name);
    for (guint i = 0; i < G_N_ELEMENTS(protos); i++)
        if (publish->proto & protos[i]) {
            manual.proto = numbers[i];
            g_array_append_val(site->by_external, manual);
            g_array_append_val(site->by_internal, manual);
        }
    if (publish->redirect == ADIT_REDIRECT_NONE || !publish->enabled || publish->yields)
        return;
    manual.external.port = manual.last = REDIRECT_PORT;
    manual.proto = IPPROTO_TCP;
    memset(&manual.internal, 0, sizeof(manual.internal));
    g_array_append_val(site->by_external, manual);
}

static void
add_manual(AditPcpSite *site, const AditModel *model, const AditPublish *publish,
           const AditServerFacts *facts)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    AditAddr external = publish->external;

    if (publish->family == AF_INET6) {
        add_manual_at(site, model, publish, &device->addr6, &device->addr6);
        if (adit_addr_is_set(&device->old6))
            add_manual_at(site, model, publish, &device->old6, &device->old6);
        return;
    }
    if (!adit_addr_is_set(&external))
        external = adit_server_outside(model, device, facts);
    add_manual_at(site, model, publish, &external, &device->addr4);
}

static void
count_at(AditPcpSite *site, const AditAddr *addr, guint n, guint n_low)
{
    AditPcpHost *host = g_hash_table_lookup(site->hosts, addr);

    if (host) {
        host->own += n;
        host->own_low += n_low;
    }
}

static void
count_own(AditPcpSite *site, const AditModel *model, const AditPublish *publish)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    const guint each = publish->proto == (ADIT_PROTO_TCP | ADIT_PROTO_UDP) ? 2 : 1;
    const guint n = (publish->last - publish->first + 1u) * each;
    const guint low = publish->family == AF_INET && publish->first < LOW
                          ? (MIN(publish->last + 1u, LOW) - publish->first) * each
                          : 0;

    if (publish->owner == ADIT_OWNER_OPERATOR)
        return;
    count_at(site, &device->addr4, n, low);
    count_at(site, &device->addr6, n, low);
    count_at(site, &device->old6, n, low);
}

static int
cmp_at(guint8 a_proto, const AditSockAddr *a, guint8 b_proto, const AditSockAddr *b)
{
    return a_proto != b_proto ? (int)a_proto - b_proto : adit_sockaddr_cmp(a, b);
}

static int
cmp_external(gconstpointer a, gconstpointer b)
{
    const AditPcpManual *x = a, *y = b;

    return cmp_at(x->proto, &x->external, y->proto, &y->external);
}

static int
cmp_internal(gconstpointer a, gconstpointer b)
{
    const AditPcpManual *x = a, *y = b;

    return cmp_at(x->proto, &x->internal, y->proto, &y->internal);
}

static void
mark(guint8 *bits, guint first, guint last)
{
    for (guint port = first; port <= last; port++)
        bits[port / 8] |= (guint8)(1u << port % 8);
}

/* A change leaves nearly all in its order, and asking costs less than sorting. */
static void
sort(GArray *manuals, GCompareFunc cmp)
{
    for (guint i = 1; i < manuals->len; i++)
        if (cmp(&g_array_index(manuals, AditPcpManual, i - 1),
                &g_array_index(manuals, AditPcpManual, i)) > 0) {
            g_array_sort(manuals, cmp);
            return;
        }
}

AditPcpSite *
adit_pcp_site_new(const AditModel *model, const AditServerFacts *facts,
                  const AditServerSettings *settings)
{
    AditPcpSite *site = g_new0(AditPcpSite, 1);

    site->hosts = g_hash_table_new(adit_addr_hash, adit_addr_equal);
    site->list = g_ptr_array_new_with_free_func(g_free);
    site->asks = g_ptr_array_new_with_free_func(g_free);
    site->by_external =
        g_array_sized_new(FALSE, FALSE, sizeof(AditPcpManual), model->publishes->len);
    site->by_internal =
        g_array_sized_new(FALSE, FALSE, sizeof(AditPcpManual), model->publishes->len);
    site->names = g_string_chunk_new(1024);
    site->listen_port = model->listen_port;
    site->connections = model->per_mapping;
    memcpy(site->wan, facts->wan, sizeof(site->wan));
    for (guint i = 0; i < settings->reserved.len; i++)
        mark(site->reserved, settings->reserved.ranges[i].first,
             settings->reserved.ranges[i].last);
    for (guint i = 0; i < settings->spare.len; i++)
        mark(site->spare, settings->spare.ranges[i].first, settings->spare.ranges[i].last);
    for (guint i = 0; i < model->devices->len; i++)
        add_device(site, model, adit_model_device(model, i), facts);
    for (guint i = 0; i < model->publishes->len; i++) {
        add_manual(site, model, adit_model_publish(model, i), facts);
        count_own(site, model, adit_model_publish(model, i));
    }
    sort(site->by_external, cmp_external);
    sort(site->by_internal, cmp_internal);
    return site;
}

void
adit_pcp_site_free(AditPcpSite *site)
{
    if (!site)
        return;
    g_hash_table_unref(site->hosts);
    g_ptr_array_unref(site->list);
    g_ptr_array_unref(site->asks);
    g_array_unref(site->by_external);
    g_array_unref(site->by_internal);
    g_string_chunk_free(site->names);
    g_free(site);
}

const AditPcpHost *
adit_pcp_site_host(const AditPcpSite *site, const AditAddr *addr)
{
    return g_hash_table_lookup(site->hosts, addr);
}

const char *
adit_pcp_site_wan(const AditPcpSite *site)
{
    return site->wan;
}

guint32
adit_pcp_site_connections(const AditPcpSite *site)
{
    return site->connections;
}

guint
adit_pcp_site_n_hosts(const AditPcpSite *site)
{
    return site->list->len;
}

const AditPcpHost *
adit_pcp_site_nth_host(const AditPcpSite *site, guint i)
{
    return g_ptr_array_index(site->list, i);
}

/* The last whose first port is not behind the one asked for. */
static const AditPcpManual *
search(const GArray *manuals, guint8 proto, const AditSockAddr *at, gsize offset)
{
    guint low = 0, high = manuals->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const AditPcpManual *m = &g_array_index(manuals, AditPcpManual, middle);
        const AditSockAddr *first = &G_STRUCT_MEMBER(const AditSockAddr, m, offset);

        if (cmp_at(m->proto, first, proto, at) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &g_array_index(manuals, AditPcpManual, low - 1) : NULL;
}

const AditPcpManual *
adit_pcp_site_manual(const AditPcpSite *site, guint8 proto, const AditSockAddr *external)
{
    const AditPcpManual *m =
        search(site->by_external, proto, external, G_STRUCT_OFFSET(AditPcpManual, external));

    return m && m->proto == proto && adit_addr_cmp(&m->external.addr, &external->addr) == 0 &&
                   external->port <= m->last
               ? m
               : NULL;
}

/* Several may lead to one inside port; of ranges that overlap there, the nearest is asked. */
const AditPcpManual *
adit_pcp_site_manual_to(const AditPcpSite *site, guint8 proto, const AditSockAddr *internal)
{
    const AditPcpManual *m =
        search(site->by_internal, proto, internal, G_STRUCT_OFFSET(AditPcpManual, internal));

    return m && m->proto == proto && adit_addr_cmp(&m->internal.addr, &internal->addr) == 0 &&
                   internal->port - m->internal.port <= m->last - m->external.port
               ? m
               : NULL;
}

/* Whether a visitor of one of our IPv4 addresses would reach it. */
static gboolean
is_outside(const AditPcpSite *site, const AditListening *l, guint wan)
{
    if (l->ifindex != 0 && l->ifindex != wan)
        return FALSE;
    if (adit_addr_is_unspecified(&l->addr))
        return l->addr.family == AF_INET || l->v6only != 1;
    for (guint i = 0; i < site->list->len; i++) {
        const AditPcpHost *host = adit_pcp_site_nth_host(site, i);

        if (host->addr.family == AF_INET && adit_addr_cmp(&host->external, &l->addr) == 0)
            return TRUE;
    }
    return FALSE;
}

void
adit_pcp_site_set_listening(AditPcpSite *site, const AditListening *listening, guint n,
                            guint wan)
{
    memset(site->listening, 0, sizeof(site->listening));
    for (guint i = 0; i < n; i++)
        if (is_outside(site, &listening[i], wan))
            mark(site->listening[listening[i].protocol == IPPROTO_UDP], listening[i].port,
                 listening[i].port);
}

gboolean
adit_pcp_site_same_manuals(const AditPcpSite *a, const AditPcpSite *b)
{
    if (a->by_external->len != b->by_external->len)
        return FALSE;
    for (guint i = 0; i < a->by_external->len; i++) {
        const AditPcpManual *x = &g_array_index(a->by_external, AditPcpManual, i);
        const AditPcpManual *y = &g_array_index(b->by_external, AditPcpManual, i);

        if (cmp_external(x, y) != 0 || adit_sockaddr_cmp(&x->internal, &y->internal) != 0 ||
            x->last != y->last || x->enabled != y->enabled)
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_marked(const guint8 *bits, guint16 port)
{
    return bits[port / 8] >> port % 8 & 1;
}

const char *
adit_pcp_site_reserved(const AditPcpSite *site, guint8 proto, const AditSockAddr *external)
{
    const guint16 port = external->port;

    if (external->addr.family == AF_INET6)
        return NULL;
    if (proto == IPPROTO_UDP && (port == site->listen_port || is_marked(site->spare, port)))
        return "WireGuard itself";
    if (port == 53)
        return "DNS of this server";
    if (port == ADIT_DATAPLANE_PCP_PORT)
        return "PCP itself";
    return is_marked(site->reserved, port) ? "this server: see Reserved= in server.conf" : NULL;
}

const char *
adit_pcp_site_listener(const AditPcpSite *site, guint8 proto, const AditSockAddr *external)
{
    return external->addr.family == AF_INET &&
                   is_marked(site->listening[proto == IPPROTO_UDP], external->port)
               ? "a program of this server that listens there"
               : NULL;
}
