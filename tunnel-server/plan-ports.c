/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"
#include "tunnel-server/plan.h"

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

static void
add_publish(AditState *want, const AditModel *model, const AditPublish *publish,
            const AditServerFacts *facts)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    AditAddr external = publish->external;

    if (publish->family == AF_INET6) {
        add_ports(want, model, publish, &device->addr6, &device->addr6);
        add_ports(want, model, publish, &device->old6, &device->old6);
        return;
    }
    if (!adit_addr_is_set(&external))
        external = adit_server_outside(model, device, facts);
    add_ports(want, model, publish, &external, &device->addr4);
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

void
adit_server_add_ports(AditState *want, const AditModel *model, const AditServerFacts *facts)
{
    adit_dataplane_add_tunnel(want, ADIT_SERVER_LINK);
    adit_dataplane_add_responder(want, IPPROTO_TCP, ADIT_DATAPLANE_RESPONDER_PORT);
    for (guint i = 0; i < model->subnets->len; i++)
        add_subnet(want, model, i, facts);
    for (guint i = 0; i < model->devices->len; i++)
        add_device(want, model, adit_model_device(model, i));
    for (guint i = 0; i < model->publishes->len; i++)
        add_publish(want, model, adit_model_publish(model, i), facts);
}

AditState *
adit_server_plan_ports(const AditModel *model, const AditServerFacts *facts)
{
    g_autoptr(AditState) want = adit_state_new();

    adit_server_add_ports(want, model, facts);
    return adit_state_seal(g_steal_pointer(&want));
}
