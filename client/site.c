/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/site.h"

#include "libadit/core/error.h"
#include "policy-routing/gateway.h"

#include <sys/socket.h>

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "what the server is said to say: %s",
                why);
    return FALSE;
}

static gboolean
has_address(const AditProfile *profile, const AditAddr *addr)
{
    for (guint i = 0; i < profile->n_addresses; i++)
        if (adit_addr_cmp(&profile->addresses[i].addr, addr) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
is_twin(const AditPrefix *net, const AditAddr *addr4, const AditAddr *addr6)
{
    const AditAddr twin = adit_prefix_embed(net, addr4);

    return adit_addr_cmp(&twin, addr6) == 0;
}

static gboolean
check_net6(const AditAskSite *site, GError **error)
{
    if (!adit_addr_is_global(&site->addr6) || !adit_addr_is_global(&site->net6.addr))
        return refuse(error, "IPv6: not a public address");
    if (site->net6.len < ADIT_SITE_NET6_MIN || site->net6.len > 124)
        return refuse(error, "IPv6: a prefix of /48 to /124 is wanted");
    if (!is_twin(&site->net6, &site->addr4, &site->addr6) ||
        !is_twin(&site->net6, &site->server4, &site->server6))
        return refuse(error, "IPv6: an address that is not made of the one in IPv4");
    return TRUE;
}

static gboolean
check(const AditProfile *profile, const AditAskSite *site, GError **error)
{
    g_autoptr(AditGateway) gateway = adit_gateway_from_profile("", 1, "", profile);

    if (profile->n_peers != 1)
        return refuse(error, "the profile has several peers");
    if (!has_address(profile, &site->addr4) ||
        adit_addr_cmp(&gateway->servers[0], &site->server4) != 0)
        return refuse(error, "IPv4: another address than in the profile");
    return site->net6.len == 0 || check_net6(site, error);
}

/* A network of which this device has an address by our servers' rule: it came from one. */
static gboolean
is_servers(const AditProfile *profile, const AditAskSite *site, const AditPrefix *net)
{
    AditAddr twin;

    if (net->addr.family != AF_INET6 || net->len < 16 || net->len > 124)
        return FALSE;
    twin = adit_prefix_embed(net, &site->addr4);
    return has_address(profile, &twin);
}

/* The networks of a profile as told, in order: the present one, then that of before as long as
 * it is served and only if it is here already. */
static GArray *
wanted_networks(const AditProfile *profile, const AditAskSite *site)
{
    GArray *nets = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    const AditProfilePeer *peer = &profile->peers[0];
    gboolean known = FALSE;

    if (site->net6.len > 0)
        g_array_append_val(nets, site->net6);
    for (guint i = 0; i < peer->n_allowed; i++)
        known |= adit_prefix_cmp(&peer->allowed[i], &site->old6) == 0;
    if (site->net6.len > 0 && site->old6.len > 0 && site->old_left > 0 && known &&
        is_servers(profile, site, &site->old6))
        g_array_append_val(nets, site->old6);
    return nets;
}

static void
add_twins(GArray *list, const GArray *nets, const AditAddr *addr4)
{
    for (guint i = 0; i < nets->len; i++) {
        const AditAddr twin = adit_prefix_embed(&g_array_index(nets, AditPrefix, i), addr4);
        const AditPrefix host = adit_prefix_host(&twin);

        g_array_append_val(list, host);
    }
}

/* An address or an entry of AllowedIPs that the server's rule made of one of its networks. */
static gboolean
is_of_servers(const AditProfile *profile, const AditAskSite *site, const AditAddr *addr4,
              const AditPrefix *entry)
{
    const AditProfilePeer *peer = &profile->peers[0];

    for (guint i = 0; i < peer->n_allowed; i++) {
        const AditPrefix *net = &peer->allowed[i];

        if (is_servers(profile, site, net) &&
            (adit_prefix_cmp(entry, net) == 0 ||
             (entry->len == 128 && is_twin(net, addr4, &entry->addr))))
            return TRUE;
    }
    return FALSE;
}

static void
take(GArray *list, AditPrefix **field, guint *n)
{
    g_free(*field);
    *n = list->len;
    *field = (AditPrefix *)g_array_free(list, FALSE);
}

/* Behind the addresses of IPv4, in front of what the user has added. */
static void
set_addresses(AditProfile *next, const AditProfile *profile, const AditAskSite *site,
              const GArray *nets)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint i = 0; i < profile->n_addresses; i++)
        if (profile->addresses[i].addr.family == AF_INET)
            g_array_append_val(list, profile->addresses[i]);
    add_twins(list, nets, &site->addr4);
    for (guint i = 0; i < profile->n_addresses; i++)
        if (profile->addresses[i].addr.family != AF_INET &&
            !is_of_servers(profile, site, &site->addr4, &profile->addresses[i]))
            g_array_append_val(list, profile->addresses[i]);
    take(list, &next->addresses, &next->n_addresses);
}

static gboolean
has_entry(const GArray *list, const AditPrefix *entry)
{
    for (guint i = 0; i < list->len; i++)
        if (adit_prefix_cmp(&g_array_index(list, AditPrefix, i), entry) == 0)
            return TRUE;
    return FALSE;
}

/* The server itself comes first in each family, then its networks. Where visitors may have all
 * addresses of IPv4, they may have those of IPv6 as soon as we have one. */
static void
set_allowed(AditProfile *next, const AditProfile *profile, const AditAskSite *site,
            const GArray *nets)
{
    const AditProfilePeer *peer = &profile->peers[0];
    GArray *list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    const AditPrefix server4 = adit_prefix_host(&site->server4);
    AditPrefix world, half;

    if (peer->n_allowed > 0 && adit_prefix_cmp(&peer->allowed[0], &server4) == 0)
        g_array_append_val(list, server4);
    add_twins(list, nets, &site->server4);
    g_array_append_vals(list, nets->data, nets->len);
    for (guint i = 0; i < peer->n_allowed; i++)
        if (!has_entry(list, &peer->allowed[i]) &&
            !is_of_servers(profile, site, &site->server4, &peer->allowed[i]))
            g_array_append_val(list, peer->allowed[i]);
    g_assert_true(adit_prefix_parse("2000::/3", &world, NULL) &&
                  adit_prefix_parse("0.0.0.0/1", &half, NULL));
    if (nets->len > 0 && has_entry(list, &half) && !has_entry(list, &world))
        g_array_append_val(list, world);
    take(list, &next->peers[0].allowed, &next->peers[0].n_allowed);
}

/* The order is the file's business, not ours. */
static gboolean
same_set(const AditPrefix *a, guint n_a, const AditPrefix *b, guint n_b)
{
    guint same = 0;

    for (guint i = 0; i < n_a; i++)
        for (guint k = 0; k < n_b; k++)
            if (adit_prefix_cmp(&a[i], &b[k]) == 0) {
                same++;
                break;
            }
    return n_a == n_b && same == n_a;
}

gboolean
adit_site_judge(const AditProfile *profile, const AditAskSite *site, AditProfile **ret,
                GError **error)
{
    g_autoptr(AditProfile) next = NULL;
    g_autoptr(GArray) nets = NULL;

    if (!check(profile, site, error))
        return FALSE;
    next = adit_profile_copy(profile);
    nets = wanted_networks(profile, site);
    set_addresses(next, profile, site, nets);
    set_allowed(next, profile, site, nets);
    if (same_set(next->addresses, next->n_addresses, profile->addresses,
                 profile->n_addresses) &&
        same_set(next->peers[0].allowed, next->peers[0].n_allowed, profile->peers[0].allowed,
                 profile->peers[0].n_allowed))
        *ret = NULL;
    else
        *ret = g_steal_pointer(&next);
    return TRUE;
}
