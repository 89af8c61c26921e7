/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/room.h"

#include "libadit/core/error.h"
#include "tunnel-server/edit.h"

static gboolean
had_address(const AditModel *had, const AditAddr *addr)
{
    for (guint i = 0; i < had->subnets->len; i++)
        if (adit_addr_cmp(&adit_model_subnet(had, i)->server6, addr) == 0)
            return TRUE;
    for (guint i = 0; i < had->devices->len; i++)
        if (adit_addr_cmp(&adit_model_device(had, i)->addr6, addr) == 0)
            return TRUE;
    return FALSE;
}

/* What else to do than to have @subnet in @net6. */
static char *
remedy(const AditModel *had, const AditServerFacts *facts, const AditSubnet *subnet)
{
    const AditNetworkWish wish = { facts, subnet->net6, subnet->net4.addr.bytes[2] };
    g_autofree char *net6 = adit_prefix_to_string(&subnet->net6);
    g_autofree char *net4 = NULL;
    AditPrefix net;

    if (!adit_edit_suggest_network(had, &wish, &net))
        return g_strdup("ask the provider for a prefix that is routed to this machine");
    net4 = adit_prefix_to_string(&net);
    if (had->subnets->len == 0)
        return g_strdup_printf("take another network for the tunnel: --subnet %s", net4);
    return g_strdup_printf("take another network for that: adit-server subnet add %s, then "
                           "adit-server subnet set-ipv6 %s --prefix %s",
                           net4, net4, net6);
}

static gboolean
check_subnet(const AditModel *had, const AditSubnet *subnet, const AditServerFacts *facts,
             GError **error)
{
    AditAddr server4, server6;
    const char *holder;
    g_autofree char *text = NULL;
    g_autofree char *what_else = NULL;

    if (subnet->net6.len == 0 || !adit_prefix_nth(&subnet->net4, 1, &server4))
        return TRUE;
    server6 = adit_prefix_embed(&subnet->net6, &server4);
    holder = adit_server_facts_holder(facts, &server6);
    if (!holder || had_address(had, &server6))
        return TRUE;
    text = adit_addr_to_string(&server6);
    what_else = remedy(had, facts, subnet);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                "%s: this server's IPv6 address would be %s, which %s has: %s", subnet->name,
                text, holder, what_else);
    return FALSE;
}

static gboolean
check_device(const AditModel *had, const AditModel *next, guint at, const AditAddr *router,
             GError **error)
{
    const AditDeviceEntry *device = adit_model_device(next, at);
    const AditAddr addr6 =
        adit_prefix_embed(&adit_model_subnet(next, device->subnet)->net6, &device->addr4);
    g_autofree char *four = NULL;
    g_autofree char *six = NULL;

    if (adit_addr_cmp(&addr6, router) != 0 || had_address(had, router))
        return TRUE;
    four = adit_addr_to_string(&device->addr4);
    six = adit_addr_to_string(&addr6);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                "%s: with %s its IPv6 address would be %s, which the provider's router has: "
                "give it another by --ip",
                device->name, four, six);
    return FALSE;
}

gboolean
adit_room_check(const AditModel *had, const AditModel *next, const AditServerFacts *facts,
                GError **error)
{
    for (guint i = 0; i < next->subnets->len; i++)
        if (!check_subnet(had, adit_model_subnet(next, i), facts, error))
            return FALSE;
    for (guint i = 0; i < next->devices->len; i++) {
        const AditPrefix *net6 =
            &adit_model_subnet(next, adit_model_device(next, i)->subnet)->net6;

        if (net6->len > 0 && adit_prefix_contains(net6, &facts->router6) &&
            !check_device(had, next, i, &facts->router6, error))
            return FALSE;
    }
    return TRUE;
}
