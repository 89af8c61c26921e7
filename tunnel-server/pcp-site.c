/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-site.h"

#include "tunnel-server/dataplane.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define LOW ADIT_PCP_SITE_LOW

struct _AditPcpSite {
    GHashTable *hosts; /* AditAddr -> of @list, which holds it */
    AditPcpHost *list;
    AditAskSite *asks; /* of a device each */
    guint n_hosts, n_asks;
    AditPcpManuals *manuals;
    GStringChunk *names;
    char wan[ADIT_NAME_LEN];
    AditAddr wan4;
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
    AditPcpHost *own = &site->list[site->n_hosts++];

    *own = *host;
    g_hash_table_insert(site->hosts, &own->addr, own);
}

/* What a device may know of itself. */
static const AditAskSite *
add_ask(AditPcpSite *site, const AditSubnet *subnet, const AditDeviceEntry *device)
{
    AditAskSite *ask = &site->asks[site->n_asks++];

    ask->addr4 = device->addr4;
    ask->server4 = subnet->server4;
    ask->addr6 = device->addr6;
    ask->server6 = subnet->server6;
    ask->net6 = subnet->net6;
    ask->old6 = subnet->old6;
    ask->key = device->public_key;
    ask->rotate = device->rotate || device->invite_until != 0;
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

    count_at(site, &device->addr4, n, low);
    count_at(site, &device->addr6, n, low);
    count_at(site, &device->old6, n, low);
}

static void
mark(guint8 *bits, guint first, guint last)
{
    for (guint port = first; port <= last; port++)
        bits[port / 8] |= (guint8)(1u << port % 8);
}

static guint
count_hosts(const AditModel *model)
{
    guint n = model->devices->len;

    for (guint i = 0; i < model->devices->len; i++)
        n += adit_addr_is_set(&adit_model_device(model, i)->addr6) +
             adit_addr_is_set(&adit_model_device(model, i)->old6);
    return n;
}

/* Whether those of @before are the first ones still, in all that leads to a port of theirs. */
static gboolean
are_hosts_kept(const AditPcpSite *site, const AditPcpSite *before)
{
    for (guint i = 0; i < before->n_hosts; i++) {
        const AditPcpHost *a, *b = adit_pcp_site_nth_host(before, i);

        if (i >= site->n_hosts)
            return FALSE;
        a = adit_pcp_site_nth_host(site, i);
        if (a->device != b->device || !adit_addr_equal(&a->addr, &b->addr) ||
            !adit_addr_equal(&a->server, &b->server) ||
            !adit_addr_equal(&a->external, &b->external) || !g_str_equal(a->name, b->name))
            return FALSE;
    }
    return TRUE;
}

AditPcpSite *
adit_pcp_site_new(const AditModel *model, const AditServerFacts *facts,
                  const AditServerSettings *settings, const AditPcpSite *before)
{
    AditPcpSite *site = g_new0(AditPcpSite, 1);

    site->hosts = g_hash_table_new(adit_addr_hash, adit_addr_equal);
    site->list = g_new(AditPcpHost, count_hosts(model));
    site->asks = g_new0(AditAskSite, model->devices->len);
    site->names = g_string_chunk_new(1024);
    site->listen_port = model->listen_port;
    site->connections = model->per_mapping;
    memcpy(site->wan, facts->wan, sizeof(site->wan));
    site->wan4 = adit_server_facts_wan4(facts);
    for (guint i = 0; i < settings->reserved.len; i++)
        mark(site->reserved, settings->reserved.ranges[i].first,
             settings->reserved.ranges[i].last);
    for (guint i = 0; i < settings->spare.len; i++)
        mark(site->spare, settings->spare.ranges[i].first, settings->spare.ranges[i].last);
    for (guint i = 0; i < model->devices->len; i++)
        add_device(site, model, adit_model_device(model, i), facts);
    for (guint i = 0; i < model->publishes->len; i++)
        if (adit_model_publish(model, i)->owner != ADIT_OWNER_OPERATOR)
            count_own(site, model, adit_model_publish(model, i));
    site->manuals = before && are_hosts_kept(site, before)
                        ? adit_pcp_manuals_next(before->manuals, model, facts)
                        : adit_pcp_manuals_new(model, facts);
    return site;
}

void
adit_pcp_site_free(AditPcpSite *site)
{
    if (!site)
        return;
    g_hash_table_unref(site->hosts);
    g_free(site->list);
    g_free(site->asks);
    adit_pcp_manuals_unref(site->manuals);
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

AditAddr
adit_pcp_site_wan4(const AditPcpSite *site)
{
    return site->wan4;
}

guint32
adit_pcp_site_connections(const AditPcpSite *site)
{
    return site->connections;
}

guint
adit_pcp_site_n_hosts(const AditPcpSite *site)
{
    return site->n_hosts;
}

const AditPcpHost *
adit_pcp_site_nth_host(const AditPcpSite *site, guint i)
{
    return &site->list[i];
}

const AditPcpManuals *
adit_pcp_site_manuals(const AditPcpSite *site)
{
    return site->manuals;
}

/* Whether a visitor of one of our IPv4 addresses would reach it. */
static gboolean
is_outside(const AditPcpSite *site, const AditListening *l, guint wan)
{
    if (l->ifindex != 0 && l->ifindex != wan)
        return FALSE;
    if (adit_addr_is_unspecified(&l->addr))
        return l->addr.family == AF_INET || l->v6only != 1;
    for (guint i = 0; i < site->n_hosts; i++) {
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

static gboolean
is_marked(const guint8 *bits, guint16 port)
{
    return bits[port / 8] >> port % 8 & 1;
}

guint16
adit_pcp_site_spare(const AditPcpSite *site, guint16 port)
{
    return is_marked(site->spare, port) && port != site->listen_port ? site->listen_port : 0;
}

gboolean
adit_pcp_site_same_spares(const AditPcpSite *a, const AditPcpSite *b)
{
    return a->listen_port == b->listen_port &&
           memcmp(a->spare, b->spare, sizeof(a->spare)) == 0;
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
