/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/own.h"

#include "libadit/core/error.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define LOW ADIT_PCP_SITE_LOW

static gboolean
deny(GError **error, const char *what, const char *why)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: %s", what, why);
    return FALSE;
}

const AditPcpHost *
adit_own_host(const AditOwnDesk *desk, GError **error)
{
    const AditPcpHost *host = NULL;
    AditAddr addr;

    if (adit_addr_parse(desk->address, &addr, NULL))
        host = adit_pcp_site_host(desk->site, &addr);
    if (!host) {
        g_autofree char *quoted = adit_error_quote(desk->address);

        deny(error, quoted, "no device has this address");
    }
    return host;
}

static gboolean
find_device(const AditModel *model, const AditPcpHost *host, guint *ret)
{
    for (guint i = 0; i < model->devices->len; i++)
        if (adit_model_device(model, i)->id == host->device) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

/* Of a device's mapping the outside ends, each as PCP would look at it. */
typedef struct {
    const AditOwnDesk *desk;
    const AditPcpHost *host; /* of its family */
    guint device;            /* index into the model */
} Place;

static gboolean
is_taken(const Place *place, guint8 proto, const AditSockAddr *at)
{
    const AditOwnDesk *desk = place->desk;
    const AditPcpManual *manual =
        adit_pcp_manuals_at(adit_pcp_site_manuals(desk->site), proto, at);
    const AditLease *lease = adit_lease_find_external(desk->leases, proto, at);
    const gint64 freed_by = adit_lease_freed_by(desk->leases, proto, at, desk->now_ms);

    return (manual && !g_str_equal(manual->name, place->host->name)) ||
           (lease && lease->device != place->host->device) ||
           (freed_by && freed_by != place->host->device);
}

static gboolean
check_port(const Place *place, guint8 proto, guint16 port, GError **error)
{
    const AditSockAddr at = { place->host->external, port };
    const char *word = proto == IPPROTO_UDP ? "udp" : "tcp";
    g_autofree char *what = g_strdup_printf("port %u/%s", port, word);

    if (adit_pcp_site_reserved(place->desk->site, proto, &at) ||
        adit_pcp_site_listener(place->desk->site, proto, &at))
        return deny(error, what, "reserved for the server itself");
    return !is_taken(place, proto, &at) || deny(error, what, "taken");
}

/* By PCP, at either end; no inside port is 0. */
static gboolean
is_held(const Place *place, guint8 proto, guint16 outside, guint16 inside)
{
    const AditPcpHost *host = place->host;
    const AditLeaseTable *leases = place->desk->leases;
    const AditSockAddr at = { host->external, outside };
    const AditLeaseEnds first = { .internal = host->addr,
                                  .internal_port = inside,
                                  .proto = proto };
    const AditLeaseEnds second = { .internal = host->addr,
                                   .internal_port = inside,
                                   .proto = proto,
                                   .flags = ADIT_LEASE_SECOND };
    const AditLease *found[] = { adit_lease_find_external(leases, proto, &at),
                                 adit_lease_find_internal(leases, &first),
                                 adit_lease_find_internal(leases, &second) };

    for (guint i = 0; i < G_N_ELEMENTS(found); i++)
        if (found[i] && found[i]->device == host->device && adit_lease_is_held(found[i]))
            return TRUE;
    return FALSE;
}

static gboolean
overlap(guint a, guint b, guint n_a, guint n_b)
{
    return a < b + n_b && b < a + n_a;
}

/* The same for what is in the model: PCP opens nothing beside that either. */
static gboolean
is_held_in(const AditModel *model, const Place *place, const AditPublishWish *wish)
{
    const guint inside = wish->internal ? wish->internal : wish->ports.first;

    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (publish->device == place->device && publish->family == wish->family &&
            !publish->enabled && publish->owner != ADIT_OWNER_DEVICE &&
            publish->proto & wish->ports.proto &&
            overlap(publish->internal, inside, publish->last - publish->first + 1u,
                    wish->ports.last - wish->ports.first + 1u))
            return TRUE;
    }
    return FALSE;
}

/* What the operator has switched off is not opened by another door to the same service. */
static gboolean
check_held(const AditModel *model, const Place *place, const AditPublishWish *wish,
           GError **error)
{
    const guint inside = wish->internal ? wish->internal : wish->ports.first;
    gboolean held = is_held_in(model, place, wish) || (wish->redirect != ADIT_REDIRECT_NONE &&
                                                       is_held(place, IPPROTO_TCP, 80, 0));

    for (guint i = 0; !held && wish->ports.first + i <= wish->ports.last; i++) {
        const guint16 from = (guint16)(wish->ports.first + i), to = (guint16)(inside + i);

        held = (wish->ports.proto & ADIT_PROTO_TCP && is_held(place, IPPROTO_TCP, from, to)) ||
               (wish->ports.proto & ADIT_PROTO_UDP && is_held(place, IPPROTO_UDP, from, to));
    }
    return !held || deny(error, "ports", "switched off by the operator");
}

/* A redirect that another device has there stays as well. */
static gboolean
check_redirect(const Place *place, GError **error)
{
    const AditSockAddr at = { place->host->external, 80 };
    const AditLease *other = adit_lease_find_redirect(place->desk->leases, &at);

    if (is_taken(place, IPPROTO_TCP, &at) || (other && other->device != place->host->device))
        return deny(error, "redirect from port 80", "port 80/tcp is taken");
    return TRUE;
}

static gboolean
check_ports(const Place *place, const AditPublishWish *wish, GError **error)
{
    for (guint port = wish->ports.first; port <= wish->ports.last; port++)
        if ((wish->ports.proto & ADIT_PROTO_TCP &&
             !check_port(place, IPPROTO_TCP, (guint16)port, error)) ||
            (wish->ports.proto & ADIT_PROTO_UDP &&
             !check_port(place, IPPROTO_UDP, (guint16)port, error)))
            return FALSE;
    return wish->redirect == ADIT_REDIRECT_NONE || check_redirect(place, error);
}

static guint
n_protos(AditProto proto)
{
    return proto == (ADIT_PROTO_TCP | ADIT_PROTO_UDP) ? 2 : 1;
}

/* What it has by PCP and what it has made here share one quota. */
static gboolean
check_quota(const AditOwnDesk *desk, const AditPcpHost *host, guchar family,
            const AditPublishWish *wish, GError **error)
{
    const guint n = wish->ports.last - wish->ports.first + 1u;
    const guint low =
        wish->ports.first < LOW ? MIN(wish->ports.last + 1u, LOW) - wish->ports.first : 0;
    const guint each = n_protos(wish->ports.proto);
    const guint have = adit_lease_table_count(desk->leases, host->device) + host->own;
    const guint have_low =
        adit_lease_table_count_low(desk->leases, host->device) + host->own_low;

    if (have + n * each * (family ? 1 : 2) <= desk->rules->quota &&
        (family == 6 || low == 0 || have_low + low * each <= desk->rules->low_quota))
        return TRUE;
    return deny(error, "ports", "this device has as many as the server allows");
}

static gboolean
publish_one(AditModel *model, const Place *place, AditPublishWish *wish, GError **error)
{
    if (!check_ports(place, wish, error) || !check_held(model, place, wish, error) ||
        !adit_edit_add_publish(model, wish, error))
        return FALSE;
    ((AditPublish *)g_ptr_array_index(model->publishes, model->publishes->len - 1))->owner =
        ADIT_OWNER_DEVICE;
    return TRUE;
}

gboolean
adit_own_publish(AditModel *model, const AditOwnDesk *desk, guchar family,
                 AditPublishWish *wish, GError **error)
{
    Place place = { desk, adit_own_host(desk, error), 0 };
    const AditDeviceEntry *device;

    if (!place.host)
        return FALSE;
    if (!place.host->may_publish || !find_device(model, place.host, &place.device))
        return deny(error, place.host->name,
                    "the server does not let this device publish: adit-server device "
                    "set-publish");
    if (!check_quota(desk, place.host, family, wish, error))
        return FALSE;
    device = adit_model_device(model, place.device);
    wish->device = device->name;
    wish->family = AF_INET;
    place.host = adit_pcp_site_host(desk->site, &device->addr4);
    if (family != 6 && !publish_one(model, &place, wish, error))
        return FALSE;
    wish->family = AF_INET6;
    place.host = adit_pcp_site_host(desk->site, &device->addr6);
    if (family != 4 && !place.host)
        return deny(error, device->name, "it has no public IPv6 address");
    return family == 4 || publish_one(model, &place, wish, error);
}

gboolean
adit_own_find(const AditModel *model, const AditOwnDesk *desk, guint8 family, const char *key,
              guint *ret, GError **error)
{
    const AditPcpHost *host = adit_own_host(desk, error);
    g_autofree char *quoted = adit_error_quote(key);
    const AditPublish *publish;
    guint at;

    if (!host)
        return FALSE;
    if (!adit_edit_find_publish(model, family, key, &at, NULL) ||
        adit_model_device(model, adit_model_publish(model, at)->device)->id != host->device) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such mapping", quoted);
        return FALSE;
    }
    publish = adit_model_publish(model, at);
    switch (publish->owner) {
    case ADIT_OWNER_OPERATOR: return deny(error, quoted, "the operator's, not this device's");
    case ADIT_OWNER_HELD: return deny(error, quoted, "switched off by the operator");
    case ADIT_OWNER_DEVICE: *ret = at; return TRUE;
    }
    g_assert_not_reached();
}
