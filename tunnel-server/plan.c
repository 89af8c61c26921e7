/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/plan.h"

#include "tunnel-server/span.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

void
adit_server_facts_clear(AditServerFacts *facts)
{
    g_clear_pointer(&facts->wan_prefixes, g_free);
    facts->n_wan_prefixes = facts->n_deprecated = 0;
}

gboolean
adit_server_facts_equal(const AditServerFacts *a, const AditServerFacts *b)
{
    if (!g_str_equal(a->wan, b->wan) || a->n_wan_prefixes != b->n_wan_prefixes ||
        a->n_deprecated != b->n_deprecated)
        return FALSE;
    for (guint i = 0; i < a->n_wan_prefixes; i++)
        if (adit_prefix_cmp(&a->wan_prefixes[i], &b->wan_prefixes[i]) != 0)
            return FALSE;
    return TRUE;
}

const char *
adit_server_facts_holder(const AditServerFacts *facts, const AditAddr *addr)
{
    for (guint i = 0; i < facts->n_wan_prefixes; i++)
        if (adit_addr_cmp(&facts->wan_prefixes[i].addr, addr) == 0)
            return "this machine";
    return adit_addr_cmp(&facts->router6, addr) == 0 ? "the provider's router" : NULL;
}

AditAddr
adit_server_facts_wan4(const AditServerFacts *facts)
{
    const AditAddr none = { 0 };

    for (guint i = 0; i < facts->n_wan_prefixes; i++)
        if (facts->wan_prefixes[i].addr.family == AF_INET)
            return facts->wan_prefixes[i].addr;
    return none;
}

gboolean
adit_server_facts_is_on_link(const AditServerFacts *facts, const AditAddr *addr)
{
    for (guint i = 0; i < facts->n_wan_prefixes; i++)
        if (adit_prefix_contains(&facts->wan_prefixes[i], addr))
            return TRUE;
    return FALSE;
}

static void
add_link(AditState *want, const AditModel *model)
{
    const AditLink link = { .name = ADIT_SERVER_LINK, .mtu = model->mtu, .up = TRUE };
    AditDevice device = { .link = ADIT_SERVER_LINK, .listen_port = model->listen_port };

    device.private_key = model->private_key;
    adit_state_add_link(want, &link);
    adit_state_add_device(want, &device);
    adit_key_clear(&device.private_key);
}

/* 10.59.0.1/24 carries the route to the subnet; in IPv6 every device has a route of its own,
 * since a WAN that holds a prefix of the same length would win the tie otherwise. */
static void
add_subnet(AditState *want, const AditSubnet *subnet)
{
    AditAddress address = { .link = ADIT_SERVER_LINK };

    address.prefix = adit_prefix_make(&subnet->server4, subnet->net4.len);
    adit_state_add_address(want, &address);
    if (adit_addr_is_set(&subnet->server6)) {
        address.prefix = adit_prefix_host(&subnet->server6);
        adit_state_add_address(want, &address);
    }
    if (adit_addr_is_set(&subnet->old_server6)) {
        address.prefix = adit_prefix_host(&subnet->old_server6);
        adit_state_add_address(want, &address);
    }
    if (adit_addr_is_set(&subnet->vacant6)) {
        address.prefix = adit_prefix_host(&subnet->vacant6);
        adit_state_add_address(want, &address);
    }
}

static void
add_route(AditState *want, const AditPrefix *dst)
{
    const AditRoute route = { .dst = *dst,
                              .table = RT_TABLE_MAIN,
                              .metric = 1024, /* what the kernel makes of 0 in IPv6 */
                              .link = ADIT_SERVER_LINK };

    adit_state_add_route(want, &route);
}

/* Only what is the device's own: cryptokey routing makes its source address its identity. */
static void
add_peer(AditState *want, const AditDeviceEntry *device)
{
    g_autofree AditPrefix *allowed = g_new0(AditPrefix, device->n_routes + 3);
    AditPeer peer = { .link = ADIT_SERVER_LINK,
                      .public_key = device->public_key,
                      .preshared_key = device->preshared_key,
                      .endpoint = device->endpoint,
                      .allowed = allowed };

    allowed[peer.n_allowed++] = adit_prefix_host(&device->addr4);
    if (adit_addr_is_set(&device->addr6))
        allowed[peer.n_allowed++] = adit_prefix_host(&device->addr6);
    if (adit_addr_is_set(&device->old6))
        allowed[peer.n_allowed++] = adit_prefix_host(&device->old6);
    for (guint i = 0; i < device->n_routes; i++)
        allowed[peer.n_allowed++] = device->routes[i];
    adit_peer_normalise(&peer);
    adit_state_add_peer(want, &peer);
    adit_key_clear(&peer.preshared_key);
}

/* A key that its device has offered may shake hands, and no more: what is the device's goes
 * over to it once it has (rotation.c). */
static void
add_owner_of_nothing(AditState *want, const AditKey *public_key, const AditKey *preshared_key)
{
    AditPeer peer = { .link = ADIT_SERVER_LINK,
                      .public_key = *public_key,
                      .preshared_key = *preshared_key };

    if (adit_key_is_zero(public_key))
        return;
    adit_peer_normalise(&peer);
    adit_state_add_peer(want, &peer);
    adit_key_clear(&peer.preshared_key);
}

/* A GUA inside a network of the WAN: the upstream router asks for it by neighbour discovery,
 * and somebody has to answer. */
static void
add_gua(AditState *want, const AditAddr *addr, const AditServerFacts *facts)
{
    AditNeighbour neighbour = { .addr = *addr };

    memcpy(neighbour.link, facts->wan, sizeof(neighbour.link));
    if (adit_server_facts_is_on_link(facts, addr))
        adit_state_add_neighbour(want, &neighbour);
}

static void
add_address6(AditState *want, const AditAddr *addr, const AditServerFacts *facts)
{
    const AditPrefix host = adit_prefix_host(addr);

    if (!adit_addr_is_set(addr))
        return;
    add_route(want, &host);
    add_gua(want, addr, facts);
}

static void
add_device(AditState *want, const AditDeviceEntry *device, const AditServerFacts *facts)
{
    add_peer(want, device);
    add_owner_of_nothing(want, &device->next_key, &device->preshared_key);
    for (guint i = 0; i < device->n_routes; i++)
        add_route(want, &device->routes[i]);
    add_address6(want, &device->addr6, facts);
    add_address6(want, &device->old6, facts);
}

static gboolean
has_ipv6(const AditModel *model)
{
    for (guint i = 0; i < model->subnets->len; i++)
        if (adit_addr_is_set(&adit_model_subnet(model, i)->server6))
            return TRUE;
    return FALSE;
}

/* Forwarding stops the kernel from taking router advertisements unless accept_ra is 2, and
 * answers for proxied neighbours wait up to proxy_delay, 0.8 s as shipped. */
static void
add_sysctls(AditState *want, const AditModel *model, const AditServerFacts *facts)
{
    adit_state_add_setting(want, "1", "net/ipv4/ip_forward");
    if (!has_ipv6(model))
        return;
    adit_state_add_setting(want, "1", "net/ipv6/conf/all/forwarding");
    adit_state_add_setting(want, "2", "net/ipv6/conf/%s/accept_ra", facts->wan);
    adit_state_add_setting(want, "1", "net/ipv6/conf/%s/proxy_ndp", facts->wan);
    adit_state_add_setting(want, "0", "net/ipv6/neigh/%s/proxy_delay", facts->wan);
}

/* Devices from @first on, @n of them. */
static AditState *
plan_some(const AditModel *model, const AditServerFacts *facts, guint first, guint n)
{
    g_autoptr(AditState) want = adit_state_new();

    add_link(want, model);
    for (guint i = 0; i < model->subnets->len; i++) {
        add_subnet(want, adit_model_subnet(model, i));
        if (adit_addr_is_set(&adit_model_subnet(model, i)->server6))
            add_gua(want, &adit_model_subnet(model, i)->server6, facts);
        if (adit_addr_is_set(&adit_model_subnet(model, i)->old_server6))
            add_gua(want, &adit_model_subnet(model, i)->old_server6, facts);
        if (adit_addr_is_set(&adit_model_subnet(model, i)->vacant6))
            add_gua(want, &adit_model_subnet(model, i)->vacant6, facts);
    }
    for (guint i = first; i < first + n; i++)
        add_device(want, adit_model_device(model, i), facts);
    for (guint i = 0; i < model->spent->len; i++)
        add_owner_of_nothing(want, &adit_model_spent(model, i)->public_key,
                             &adit_model_spent(model, i)->preshared_key);
    add_sysctls(want, model, facts);
    return adit_state_seal(g_steal_pointer(&want));
}

AditState *
adit_server_plan_rest(const AditModel *model, const AditServerFacts *facts)
{
    return plan_some(model, facts, 0, model->devices->len);
}

typedef struct {
    const AditModel *had, *want;
} Pair;

/* In all that add_device() looks at. */
static gboolean
is_same(guint i, guint j, gconstpointer data)
{
    const Pair *pair = data;
    const AditDeviceEntry *a = adit_model_device(pair->had, i);
    const AditDeviceEntry *b = adit_model_device(pair->want, j);

    if (adit_key_cmp(&a->public_key, &b->public_key) != 0 ||
        adit_key_cmp(&a->preshared_key, &b->preshared_key) != 0 ||
        adit_key_cmp(&a->next_key, &b->next_key) != 0 ||
        adit_addr_cmp(&a->addr4, &b->addr4) != 0 || adit_addr_cmp(&a->addr6, &b->addr6) != 0 ||
        adit_addr_cmp(&a->old6, &b->old6) != 0 || a->endpoint.port != b->endpoint.port ||
        adit_addr_cmp(&a->endpoint.addr, &b->endpoint.addr) != 0 || a->n_routes != b->n_routes)
        return FALSE;
    for (guint r = 0; r < a->n_routes; r++)
        if (adit_prefix_cmp(&a->routes[r], &b->routes[r]) != 0)
            return FALSE;
    return TRUE;
}

/* No device has what another has: but an old address may be a network behind somebody else. */
static gboolean
is_moving(const AditModel *model)
{
    for (guint i = 0; i < model->subnets->len; i++)
        if (adit_addr_is_set(&adit_model_subnet(model, i)->old_server6))
            return TRUE;
    return FALSE;
}

/* Nothing of a device is another one's as well (settle.c), so what all others add can be left
 * out on both sides. */
void
adit_server_plan_step(const AditModel *had, const AditModel *want, const AditServerFacts *facts,
                      AditState **ret_had, AditState **ret_want)
{
    const Pair pair = { had, want };
    AditSpan at = { 0, had->devices->len, want->devices->len };

    if (!is_moving(had) && !is_moving(want))
        at = adit_span_find(at.end_had, at.end_want, is_same, &pair);
    *ret_had = plan_some(had, facts, at.first, at.end_had - at.first);
    *ret_want = plan_some(want, facts, at.first, at.end_want - at.first);
}
