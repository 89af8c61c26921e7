/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/gateway.h"

#include <sys/socket.h>

/* "Everything", in any of the spellings profiles use: such an entry lets visitors' addresses
 * pass cryptokey routing, it is no network behind the tunnel. */
static gboolean
is_wide(const AditPrefix *prefix)
{
    return prefix->len <= (prefix->addr.family == AF_INET ? 1 : 3);
}

static void
add_subnet(GArray *subnets, const AditPrefix *prefix)
{
    AditPrefix network = adit_prefix_network(prefix);

    for (guint i = 0; i < subnets->len; i++)
        if (adit_prefix_covers(&g_array_index(subnets, AditPrefix, i), &network))
            return;
    for (guint i = subnets->len; i-- > 0;)
        if (adit_prefix_covers(&network, &g_array_index(subnets, AditPrefix, i)))
            g_array_remove_index(subnets, i);
    g_array_append_val(subnets, network);
}

/* Networks of our own addresses, and what the peers carry besides "everything". */
static void
fill_subnets(AditGateway *gateway, const AditProfile *profile)
{
    GArray *subnets = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint i = 0; i < profile->n_addresses; i++)
        if (profile->addresses[i].len < adit_family_bits(profile->addresses[i].addr.family))
            add_subnet(subnets, &profile->addresses[i]);
    for (guint p = 0; p < profile->n_peers; p++)
        for (guint i = 0; i < profile->peers[p].n_allowed; i++)
            if (!is_wide(&profile->peers[p].allowed[i]))
                add_subnet(subnets, &profile->peers[p].allowed[i]);

    gateway->n_subnets = subnets->len;
    gateway->subnets = (AditPrefix *)g_array_free(subnets, FALSE);
}

/* Only of families that have an address here: a route without one would carry a foreign source.
 */
static void
fill_routes(AditGateway *gateway, const AditProfile *profile)
{
    GArray *routes = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint p = 0; p < profile->n_peers; p++)
        for (guint i = 0; i < profile->peers[p].n_allowed; i++) {
            AditPrefix network = adit_prefix_network(&profile->peers[p].allowed[i]);

            if (adit_profile_carries(profile, network.addr.family))
                g_array_append_val(routes, network);
        }

    gateway->n_routes = routes->len;
    gateway->routes = (AditPrefix *)g_array_free(routes, FALSE);
}

static gboolean
is_host(const AditPrefix *prefix)
{
    return prefix->len == adit_family_bits(prefix->addr.family);
}

/* A machine whose IPv6 address is its prefix with its IPv4 address in it: the server's is, too.
 */
static gboolean
find_twin(const AditProfile *profile, const AditPrefix *own6, const AditAddr *server4,
          AditAddr *ret)
{
    for (guint i = 0; i < profile->n_addresses; i++) {
        const AditAddr *own4 = &profile->addresses[i].addr;
        AditAddr twin;

        if (own4->family != AF_INET)
            continue;
        twin = adit_prefix_embed(own6, own4);
        if (adit_addr_cmp(&twin, &own6->addr) != 0)
            continue;
        *ret = adit_prefix_embed(own6, server4);
        return TRUE;
    }
    return FALSE;
}

static gboolean
is_of_subnet(const AditPrefix *address, guint8 family)
{
    return address->addr.family == family && !is_host(address);
}

/* Our profiles name the server first, as a host, in each family; in foreign ones it is taken to
 * be the first host of the subnet, or the IPv6 twin of @server4 (unset: none). */
static AditAddr
find_server(const AditProfile *profile, guint8 family, const AditAddr *server4)
{
    AditAddr none = { 0 };

    for (guint p = 0; p < profile->n_peers; p++)
        for (guint i = 0; i < profile->peers[p].n_allowed; i++) {
            const AditPrefix *allowed = &profile->peers[p].allowed[i];

            if (allowed->addr.family == family && is_host(allowed))
                return allowed->addr;
        }
    for (guint i = 0; i < profile->n_addresses; i++) {
        const AditPrefix *own = &profile->addresses[i];
        AditAddr server;

        if (!is_of_subnet(own, family))
            continue;
        if ((adit_addr_is_set(server4) && find_twin(profile, own, server4, &server)) ||
            adit_prefix_nth(own, 1, &server))
            return server;
    }
    return none;
}

AditGateway *
adit_gateway_from_profile(const char *name, guint slot, const char *link,
                          const AditProfile *profile)
{
    AditGateway *gateway = g_new0(AditGateway, 1);
    const AditAddr none = { 0 };

    gateway->name = g_strdup(name);
    gateway->slot = slot;
    g_strlcpy(gateway->link, link, sizeof(gateway->link));
    gateway->n_addresses = profile->n_addresses;
    gateway->addresses = g_new0(AditAddr, profile->n_addresses);
    for (guint i = 0; i < profile->n_addresses; i++)
        gateway->addresses[i] = profile->addresses[i].addr;
    fill_subnets(gateway, profile);
    fill_routes(gateway, profile);
    gateway->n_dns = profile->n_dns;
    gateway->dns = g_memdup2(profile->dns, profile->n_dns * sizeof(AditAddr));
    gateway->search = g_strdupv(profile->search);
    gateway->servers[0] = find_server(profile, AF_INET, &none);
    gateway->servers[1] = find_server(profile, AF_INET6, &gateway->servers[0]);
    return gateway;
}
