/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"
#include "tunnel-server/plan.h"
#include "tunnel-server/span.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Networks of a subnet may talk: its own in both families, and what its devices route. */
static void
add_networks(AditState *want, const AditModel *model, guint subnet)
{
    g_autoptr(GArray) networks = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    const AditSubnet *own = adit_model_subnet(model, subnet);

    g_array_append_val(networks, own->net4);
    if (own->net6.len > 0)
        g_array_append_val(networks, own->net6);
    if (own->old6.len > 0)
        g_array_append_val(networks, own->old6);
    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *device = adit_model_device(model, i);

        if (device->subnet == subnet)
            g_array_append_vals(networks, device->routes, device->n_routes);
    }
    adit_dataplane_add_networks(want, (AditPrefix *)(gpointer)networks->data, networks->len);
}

AditSockAddr
adit_server_responder(const AditSubnet *subnet, guint8 family)
{
    const AditSockAddr at = { .addr = family == AF_INET6 ? subnet->server6 : subnet->server4,
                              .port = ADIT_DATAPLANE_RESPONDER_PORT };

    return at;
}

static AditAddr
outside_of(const AditSubnet *subnet, const AditServerFacts *facts)
{
    return adit_addr_is_set(&subnet->wan4) ? subnet->wan4 : adit_server_facts_wan4(facts);
}

AditAddr
adit_server_outside(const AditModel *model, const AditDeviceEntry *device,
                    const AditServerFacts *facts)
{
    return adit_addr_is_set(&device->wan4)
               ? device->wan4
               : outside_of(adit_model_subnet(model, device->subnet), facts);
}

static void
add_subnet(AditState *want, const AditModel *model, guint i, const AditServerFacts *facts)
{
    const AditSubnet *subnet = adit_model_subnet(model, i);
    AditAddr outside = outside_of(subnet, facts);

    add_networks(want, model, i);
    if (adit_addr_is_set(&outside))
        adit_dataplane_add_snat(want, ADIT_SERVER_LINK, &subnet->net4, &outside);
}

static void
add_mapping(AditState *want, const AditPublish *publish, const AditDataplaneMapping *mapping)
{
    adit_dataplane_add_mapping(want, mapping);
    if (publish->n_allow_from > 0)
        adit_dataplane_add_allow(want, mapping->proto, &mapping->external, publish->allow_from,
                                 publish->n_allow_from);
}

/* @of is the publication's 443. */
static void
add_redirect(AditState *want, const AditModel *model, const AditPublish *publish,
             const AditDataplaneMapping *of)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    const AditSockAddr responder =
        adit_server_responder(adit_model_subnet(model, device->subnet), publish->family);
    const AditDataplaneMapping redirect = adit_dataplane_redirect(
        of, 80, publish->redirect == ADIT_REDIRECT_HTTPS ? &responder : NULL);

    if (!publish->yields)
        add_mapping(want, publish, &redirect);
}

static void
add_port(AditState *want, const AditModel *model, const AditPublish *publish,
         const AditDataplaneMapping *mapping)
{
    if (!(publish->proto & (mapping->proto == IPPROTO_TCP ? ADIT_PROTO_TCP : ADIT_PROTO_UDP)))
        return;
    add_mapping(want, publish, mapping);
    if (publish->redirect != ADIT_REDIRECT_NONE && mapping->proto == IPPROTO_TCP &&
        mapping->external.port == 443)
        add_redirect(want, model, publish, mapping);
}

/* Ranges are expanded: interval concatenations cost 44 s for 50,000 (docs/benchmarks.md). */
static void
add_ports(AditState *want, const AditModel *model, const AditPublish *publish,
          const AditAddr *external, const AditAddr *internal)
{
    AditDataplaneMapping mapping = { .external.addr = *external,
                                     .internal.addr = *internal,
                                     .connections = model->per_mapping };

    if (!publish->enabled || !adit_addr_is_set(external))
        return;
    for (guint n = 0; n <= (guint)(publish->last - publish->first); n++) {
        mapping.external.port = (guint16)(publish->first + n);
        mapping.internal.port = (guint16)(publish->internal + n);
        mapping.proto = IPPROTO_TCP;
        add_port(want, model, publish, &mapping);
        mapping.proto = IPPROTO_UDP;
        add_port(want, model, publish, &mapping);
    }
}

/* Where it is reached from outside, and in IPv6 of old. */
static AditAddr
external_of(const AditModel *model, const AditPublish *publish, const AditServerFacts *facts)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);

    if (publish->family == AF_INET6)
        return device->addr6;
    return adit_addr_is_set(&publish->external) ? publish->external
                                                : adit_server_outside(model, device, facts);
}

static void
add_publish(AditState *want, const AditModel *model, const AditPublish *publish,
            const AditServerFacts *facts)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    const AditAddr external = external_of(model, publish, facts);

    add_ports(want, model, publish, &external,
              publish->family == AF_INET6 ? &device->addr6 : &device->addr4);
    if (publish->family == AF_INET6)
        add_ports(want, model, publish, &device->old6, &device->old6);
}

static void
add_device(AditState *want, const AditModel *model, const AditDeviceEntry *device)
{
    if (adit_addr_is_set(&device->wan4))
        adit_dataplane_add_snat_host(want, ADIT_SERVER_LINK, &device->addr4, &device->wan4);
    if (model->per_device == 0)
        return;
    adit_dataplane_add_device_limit(want, &device->addr4, model->per_device);
    if (adit_addr_is_set(&device->addr6))
        adit_dataplane_add_device_limit(want, &device->addr6, model->per_device);
    if (adit_addr_is_set(&device->old6))
        adit_dataplane_add_device_limit(want, &device->old6, model->per_device);
}

/* Devices and publications of these rows; of subnets, all. */
static void
add_some(AditState *want, const AditModel *model, const AditServerFacts *facts,
         const guint devices[2], const guint publishes[2])
{
    adit_dataplane_add_tunnel(want, ADIT_SERVER_LINK);
    adit_dataplane_add_responder(want, IPPROTO_TCP, ADIT_DATAPLANE_RESPONDER_PORT);
    for (guint i = 0; i < model->subnets->len; i++)
        add_subnet(want, model, i, facts);
    for (guint i = devices[0]; i < devices[1]; i++)
        add_device(want, model, adit_model_device(model, i));
    for (guint i = publishes[0]; i < publishes[1]; i++)
        add_publish(want, model, adit_model_publish(model, i), facts);
}

void
adit_server_add_ports(AditState *want, const AditModel *model, const AditServerFacts *facts)
{
    const guint devices[] = { 0, model->devices->len };
    const guint publishes[] = { 0, model->publishes->len };

    add_some(want, model, facts, devices, publishes);
}

AditState *
adit_server_plan_ports(const AditModel *model, const AditServerFacts *facts)
{
    g_autoptr(AditState) want = adit_state_new();

    adit_server_add_ports(want, model, facts);
    return adit_state_seal(g_steal_pointer(&want));
}

/* -- from one model to the next -- */

typedef struct {
    const AditModel *had, *want;
    const AditServerFacts *facts;
    guint kept; /* so many devices, from the first, are alike, and so is all they depend on */
} Pair;

/* In all that add_device() looks at. */
static gboolean
is_same_device(guint i, guint j, gconstpointer data)
{
    const Pair *pair = data;
    const AditDeviceEntry *a = adit_model_device(pair->had, i);
    const AditDeviceEntry *b = adit_model_device(pair->want, j);

    return a->subnet == b->subnet && adit_addr_cmp(&a->addr4, &b->addr4) == 0 &&
           adit_addr_cmp(&a->addr6, &b->addr6) == 0 && adit_addr_cmp(&a->old6, &b->old6) == 0 &&
           adit_addr_cmp(&a->wan4, &b->wan4) == 0;
}

/* In all that a publication can look at. */
static gboolean
are_same_subnets(const AditModel *had, const AditModel *want)
{
    for (guint i = 0; had->subnets->len == want->subnets->len && i < had->subnets->len; i++) {
        const AditSubnet *a = adit_model_subnet(had, i), *b = adit_model_subnet(want, i);

        if (adit_addr_cmp(&a->wan4, &b->wan4) != 0 ||
            adit_addr_cmp(&a->server4, &b->server4) != 0 ||
            adit_addr_cmp(&a->server6, &b->server6) != 0)
            return FALSE;
    }
    return had->subnets->len == want->subnets->len;
}

static gboolean
is_same_responder(const Pair *pair, const AditPublish *a, const AditPublish *b)
{
    const guint at_a = adit_model_device(pair->had, a->device)->subnet;
    const guint at_b = adit_model_device(pair->want, b->device)->subnet;
    const AditSockAddr by_a =
        adit_server_responder(adit_model_subnet(pair->had, at_a), a->family);
    const AditSockAddr by_b =
        adit_server_responder(adit_model_subnet(pair->want, at_b), b->family);

    return adit_sockaddr_cmp(&by_a, &by_b) == 0;
}

static gboolean
is_same_way(const Pair *pair, const AditPublish *a, const AditPublish *b)
{
    const AditDeviceEntry *at_a, *at_b;
    AditAddr from_a, from_b;

    if (a->device == b->device && a->device < pair->kept)
        return adit_addr_cmp(&a->external, &b->external) == 0; /* most, and near at hand */
    at_a = adit_model_device(pair->had, a->device);
    at_b = adit_model_device(pair->want, b->device);
    from_a = external_of(pair->had, a, pair->facts);
    from_b = external_of(pair->want, b, pair->facts);
    return adit_addr_cmp(&from_a, &from_b) == 0 &&
           (a->redirect == ADIT_REDIRECT_NONE || is_same_responder(pair, a, b)) &&
           (a->family == AF_INET6 ? adit_addr_cmp(&at_a->old6, &at_b->old6) == 0
                                  : adit_addr_cmp(&at_a->addr4, &at_b->addr4) == 0);
}

/* In all that add_publish() looks at. */
static gboolean
is_same_publish(guint i, guint j, gconstpointer data)
{
    const Pair *pair = data;
    const AditPublish *a = adit_model_publish(pair->had, i);
    const AditPublish *b = adit_model_publish(pair->want, j);

    if (a->family != b->family || a->first != b->first || a->last != b->last ||
        a->proto != b->proto || a->internal != b->internal || a->enabled != b->enabled ||
        a->redirect != b->redirect || a->yields != b->yields ||
        a->n_allow_from != b->n_allow_from || !is_same_way(pair, a, b))
        return FALSE;
    for (guint n = 0; n < a->n_allow_from; n++)
        if (adit_prefix_cmp(&a->allow_from[n], &b->allow_from[n]) != 0)
            return FALSE;
    return TRUE;
}

static AditSpan
find_publishes(const Pair *pair)
{
    const guint n = pair->had->publishes->len;

    /* They share the list, and nobody that is named in it has changed. */
    if (pair->had->publishes == pair->want->publishes && pair->kept >= pair->had->devices->len)
        return (AditSpan){ n, n, n };
    return adit_span_find(n, pair->want->publishes->len, is_same_publish, pair);
}

/* Every element of a device or a publication is keyed by an address or a port that nobody else
 * has (settle.c), so what all others add can be left out on both sides. */
void
adit_server_add_ports_step(AditState *ret_had, AditState *ret_want, const AditModel *had,
                           const AditModel *want, const AditServerFacts *facts)
{
    Pair pair = { had, want, facts, 0 };
    AditSpan devices = { 0, had->devices->len, want->devices->len };
    AditSpan publishes = { 0, had->publishes->len, want->publishes->len };

    if (had->per_mapping == want->per_mapping && had->per_device == want->per_device) {
        devices = adit_span_find(devices.end_had, devices.end_want, is_same_device, &pair);
        pair.kept = are_same_subnets(had, want) ? devices.first : 0;
        publishes = find_publishes(&pair);
    }
    add_some(ret_had, had, facts, (guint[]){ devices.first, devices.end_had },
             (guint[]){ publishes.first, publishes.end_had });
    add_some(ret_want, want, facts, (guint[]){ devices.first, devices.end_want },
             (guint[]){ publishes.first, publishes.end_want });
}
