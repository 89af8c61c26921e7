/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/claims.h"
#include "tunnel-server/model.h"

#include <string.h>
#include <sys/socket.h>

#define EACH_DEVICE 4 /* things: its name, key, and an address of each family */

static gboolean
claim_name(AditClaims *claims, AditThingKind kind, const char *name, GError **error)
{
    const AditThing thing = adit_thing_name(kind, name);

    return adit_claims_take(claims, &thing, name, error);
}

static gboolean
claim_key(AditClaims *claims, const AditKey *key, const char *who, GError **error)
{
    const AditThing thing = adit_thing_key(key);

    return adit_claims_take(claims, &thing, who, error);
}

static gboolean
claim_addr(AditClaims *claims, const AditAddr *addr, const char *who, GError **error)
{
    const AditThing thing = adit_thing_addr(addr);

    return adit_claims_take(claims, &thing, who, error);
}

static gboolean
settle_subnet(AditSubnet *subnet, AditClaims *claims, GError **error)
{
    if (!claim_name(claims, ADIT_THING_SUBNET, subnet->name, error))
        return FALSE;
    if (!adit_prefix_nth(&subnet->net4, 1, &subnet->server4)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: network too small",
                    subnet->name);
        return FALSE;
    }
    memset(&subnet->server6, 0, sizeof(subnet->server6));
    if (subnet->net6.len > 0)
        subnet->server6 = adit_prefix_embed(&subnet->net6, &subnet->server4);
    if (!claim_addr(claims, &subnet->server4, subnet->name, error))
        return FALSE;
    return !adit_addr_is_set(&subnet->server6) ||
           claim_addr(claims, &subnet->server6, subnet->name, error);
}

/* The network itself, and its broadcast address. */
static gboolean
is_edge(const AditPrefix *net, const AditAddr *addr)
{
    AditAddr last;

    if (adit_addr_cmp(&net->addr, addr) == 0)
        return TRUE;
    return adit_prefix_nth(net, (G_GUINT64_CONSTANT(1) << (32 - net->len)) - 1, &last) &&
           adit_addr_cmp(&last, addr) == 0;
}

static gboolean
settle_device(AditDeviceEntry *device, const AditSubnet *subnet, AditClaims *claims,
              GError **error)
{
    if (!claim_name(claims, ADIT_THING_DEVICE, device->name, error) ||
        !claim_key(claims, &device->public_key, device->name, error) ||
        (!adit_key_is_zero(&device->next_key) &&
         !claim_key(claims, &device->next_key, device->name, error)) ||
        !claim_addr(claims, &device->addr4, device->name, error))
        return FALSE;
    if (!adit_prefix_contains(&subnet->net4, &device->addr4)) {
        g_autofree char *addr = adit_addr_to_string(&device->addr4);
        g_autofree char *net = adit_prefix_to_string(&subnet->net4);

        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: address %s: outside %s of %s",
                    device->name, addr, net, subnet->name);
        return FALSE;
    }
    if (is_edge(&subnet->net4, &device->addr4)) {
        g_autofree char *addr = adit_addr_to_string(&device->addr4);

        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: address %s: the first and the last of a network are nobody's",
                    device->name, addr);
        return FALSE;
    }
    memset(&device->addr6, 0, sizeof(device->addr6));
    if (subnet->net6.len == 0)
        return TRUE;
    device->addr6 = adit_prefix_embed(&subnet->net6, &device->addr4);
    return claim_addr(claims, &device->addr6, device->name, error);
}

/* What a renumbering leaves behind is served as long as nobody else wants it. */
static void
settle_old(AditClaims *claims, const AditPrefix *net, const AditAddr *addr4, const char *who,
           AditAddr *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (net->len == 0)
        return;
    *ret = adit_prefix_embed(net, addr4);
    if (!claim_addr(claims, ret, who, NULL))
        memset(ret, 0, sizeof(*ret));
}

static void
settle_all_old(AditModel *model, AditClaims *claims)
{
    for (guint i = 0; i < model->subnets->len; i++) {
        AditSubnet *subnet = g_ptr_array_index(model->subnets, i);

        settle_old(claims, &subnet->old6, &subnet->server4, subnet->name, &subnet->old_server6);
    }
    for (guint i = 0; i < model->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(model->devices, i);
        const AditSubnet *subnet = adit_model_subnet(model, device->subnet);
        static const AditPrefix none = { 0 };

        settle_old(claims, adit_addr_is_set(&subnet->old_server6) ? &subnet->old6 : &none,
                   &device->addr4, device->name, &device->old6);
    }
}

/* A network behind a device is that device's alone, and no part of the tunnel's own. */
static gboolean
settle_routes(const AditModel *model, const AditDeviceEntry *device, AditClaims *claims,
              GError **error)
{
    for (guint i = 0; i < device->n_routes; i++) {
        const AditPrefix *route = &device->routes[i];
        const AditThing thing = adit_thing_route(route);
        g_autofree char *text = adit_prefix_to_string(route);

        if (adit_prefix_is_default(route)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s: route %s: the way to everywhere is not behind a device",
                        device->name, text);
            return FALSE;
        }
        for (guint s = 0; s < model->subnets->len; s++) {
            const AditSubnet *subnet = adit_model_subnet(model, s);

            if (adit_prefix_overlaps(route, &subnet->net4) ||
                (subnet->net6.len > 0 && adit_prefix_overlaps(route, &subnet->net6))) {
                g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "%s: route %s: overlaps the subnet %s", device->name, text,
                            subnet->name);
                return FALSE;
            }
        }
        if (!adit_claims_take(claims, &thing, device->name, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
claim_ports(const AditModel *model, const AditPublish *publish, AditClaims *claims,
            GError **error)
{
    static const AditProto protos[] = { ADIT_PROTO_TCP, ADIT_PROTO_UDP };
    const AditAddr addr = adit_model_place(model, publish);
    const char *who = adit_model_device(model, publish->device)->name;

    for (guint p = 0; p < G_N_ELEMENTS(protos); p++)
        for (guint port = publish->first; publish->proto & protos[p] && port <= publish->last;
             port++) {
            const AditThing thing = adit_thing_port(&addr, (guint16)port, protos[p]);

            if (!adit_claims_take(claims, &thing, who, error))
                return FALSE;
        }
    return TRUE;
}

static gboolean
settle_publish(const AditModel *model, const AditPublish *publish, AditClaims *claims,
               GError **error)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);

    if (publish->family == AF_INET6 && !adit_addr_is_set(&device->addr6)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: pinhole %u: its subnet has no IPv6 prefix", device->name,
                    publish->first);
        return FALSE;
    }
    if (publish->family == AF_INET && publish->proto & ADIT_PROTO_UDP &&
        publish->first <= model->listen_port && model->listen_port <= publish->last) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: port %u/udp: held by WireGuard itself: every tunnel would end",
                    device->name, model->listen_port);
        return FALSE;
    }
    if (publish->redirect != ADIT_REDIRECT_NONE &&
        !adit_publish_has_port(publish, ADIT_PROTO_TCP, 443)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: port %u: only 443/tcp can have a redirect from port 80", device->name,
                    publish->first);
        return FALSE;
    }
    return claim_ports(model, publish, claims, error);
}

/* Who has port 80 of an address (there is one at most) takes it from the redirects there.
 * Pinholes and forwards never share an address. */
static void
settle_redirects(AditModel *model)
{
    g_autoptr(GHashTable) taken =
        g_hash_table_new_full(adit_addr_hash, adit_addr_equal, g_free, NULL);

    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);
        AditAddr place;

        if (!publish->enabled || !adit_publish_has_port(publish, ADIT_PROTO_TCP, 80))
            continue;
        place = adit_model_place(model, publish);
        g_hash_table_add(taken, g_memdup2(&place, sizeof(place)));
    }
    for (guint i = 0; i < model->publishes->len; i++) {
        AditPublish *publish = g_ptr_array_index(model->publishes, i);
        AditAddr place;

        publish->yields = FALSE;
        if (publish->redirect == ADIT_REDIRECT_NONE)
            continue;
        place = adit_model_place(model, publish);
        publish->yields = g_hash_table_contains(taken, &place);
    }
}

/* Whether nothing has changed that a publication looks at, itself included. Who takes a device
 * away makes the list his own, if the device has any in it. */
static gboolean
are_publishes_kept(const AditModel *model, const AditModel *had)
{
    if (!had || model->publishes != had->publishes || model->listen_port != had->listen_port ||
        model->n_taken != had->n_taken || model->subnets->len != had->subnets->len)
        return FALSE;
    for (guint i = 0; i < model->n_taken; i++)
        if (!adit_addr_equal(&model->taken[i], &had->taken[i]))
            return FALSE;
    for (guint i = 0; i < model->subnets->len; i++)
        if (!adit_addr_equal(&adit_model_subnet(model, i)->wan4,
                             &adit_model_subnet(had, i)->wan4))
            return FALSE;
    for (guint i = 0; i < MIN(model->devices->len, had->devices->len); i++) {
        const AditDeviceEntry *a = adit_model_device(model, i);
        const AditDeviceEntry *b = adit_model_device(had, i);

        if (a->subnet != b->subnet || !adit_addr_equal(&a->addr6, &b->addr6) ||
            !adit_addr_equal(&a->wan4, &b->wan4))
            return FALSE;
    }
    return TRUE;
}

static gboolean
settle_publishes(AditModel *model, AditClaims *claims, GError **error)
{
    adit_model_own_publishes(model);
    for (guint i = 0; i < model->publishes->len; i++)
        if (!settle_publish(model, adit_model_publish(model, i), claims, error))
            return FALSE;
    settle_redirects(model);
    return TRUE;
}

gboolean
adit_model_settle_after(AditModel *model, const AditModel *had, GError **error)
{
    g_autoptr(AditClaims) claims =
        adit_claims_new(model->devices->len * EACH_DEVICE + model->publishes->len);

    for (guint i = 0; i < model->n_taken; i++)
        claim_addr(claims, &model->taken[i], "this machine itself", NULL);
    for (guint i = 0; i < model->subnets->len; i++) {
        AditSubnet *subnet = g_ptr_array_index(model->subnets, i);

        for (guint j = 0; j < i; j++)
            if (adit_prefix_overlaps(&subnet->net4, &adit_model_subnet(model, j)->net4)) {
                g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "%s: network overlaps that of %s", subnet->name,
                            adit_model_subnet(model, j)->name);
                return FALSE;
            }
        if (!settle_subnet(subnet, claims, error))
            return FALSE;
    }
    for (guint i = 0; i < model->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(model->devices, i);

        if (!settle_device(device, adit_model_subnet(model, device->subnet), claims, error) ||
            !settle_routes(model, device, claims, error))
            return FALSE;
    }
    settle_all_old(model, claims);
    for (guint i = 0; i < model->spent->len; i++)
        if (!claim_key(claims, &adit_model_spent(model, i)->public_key, "a spent invitation",
                       error))
            return FALSE;
    return are_publishes_kept(model, had) || settle_publishes(model, claims, error);
}

gboolean
adit_model_settle(AditModel *model, GError **error)
{
    return adit_model_settle_after(model, NULL, error);
}
