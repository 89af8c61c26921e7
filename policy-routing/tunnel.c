/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/tunnel.h"

#include "policy-routing/numbers.h"

#include <string.h>
#include <sys/socket.h>

#define DEFAULT_MTU 1420

static void
add_link(AditState *want, const char *link, const AditProfile *profile)
{
    AditLink object = { .mtu = profile->mtu ? profile->mtu : DEFAULT_MTU, .up = TRUE };
    g_auto(AditKey) key = profile->private_key;
    AditDevice device = { .listen_port = profile->listen_port, .fwmark = ADIT_MARK_OUTER };

    g_strlcpy(object.name, link, sizeof(object.name));
    g_strlcpy(device.link, link, sizeof(device.link));
    device.private_key = key;
    adit_state_add_link(want, &object);
    adit_state_add_device(want, &device);
    adit_key_clear(&device.private_key);
}

/* Host addresses without a route of the kernel's making: all routes of a gateway live in its
 * own table. An IPv6 address stays deprecated until its gateway is selected, or a home with a
 * ULA-only uplink would use it as source out of the wrong link. */
static void
add_addresses(AditState *want, const char *link, const AditProfile *profile,
              const gboolean selected[2])
{
    for (guint i = 0; i < profile->n_addresses; i++) {
        AditAddress address = { .prefix = profile->addresses[i], .no_prefix_route = TRUE };

        g_strlcpy(address.link, link, sizeof(address.link));
        address.deprecated = address.prefix.addr.family == AF_INET6 && !selected[1];
        adit_state_add_address(want, &address);
    }
}

/* Without it the kernel takes along all other addresses of a network when the first one goes:
 * the new one, too, when a profile's address changes within its subnet. */
static void
add_promotion(AditState *want, const char *link)
{
    adit_state_add_setting(want, "1", "net/ipv4/conf/%s/promote_secondaries", link);
}

/* Machines that have IPv6 switched off have it so for every new link; a tunnel has addresses of
 * its own, and network managers take it the same way. */
static void
add_ipv6(AditState *want, const char *link)
{
    adit_state_add_setting(want, "0", ADIT_TUNNEL_NO_IPV6, link);
}

static gboolean
is_awaited(const AditProfilePeer *peer, const AditSockAddr *endpoint)
{
    return peer->endpoint.host != NULL && !adit_addr_is_set(&endpoint->addr);
}

static void
add_peer(AditState *want, const char *link, const AditProfilePeer *from,
         const AditSockAddr *endpoint)
{
    g_autofree AditPrefix *allowed =
        g_memdup2(from->allowed, from->n_allowed * sizeof(AditPrefix));
    AditPeer peer = { .public_key = from->public_key,
                      .preshared_key = from->preshared_key,
                      .endpoint = *endpoint,
                      /* Switched on, it asks for a handshake at once: not before the name of
                       * the server is known, or the next try is five seconds later. */
                      .keepalive = is_awaited(from, endpoint) ? 0 : from->keepalive,
                      .allowed = allowed,
                      .n_allowed = from->n_allowed };

    g_strlcpy(peer.link, link, sizeof(peer.link));
    adit_peer_normalise(&peer);
    adit_state_add_peer(want, &peer);
    adit_key_clear(&peer.preshared_key);
}

void
adit_tunnel_plan(AditState *want, const char *link, const AditProfile *profile,
                 const AditSockAddr *endpoints, const gboolean selected[2])
{
    add_link(want, link, profile);
    add_addresses(want, link, profile, selected);
    if (adit_profile_carries(profile, AF_INET))
        add_promotion(want, link);
    if (adit_profile_carries(profile, AF_INET6))
        add_ipv6(want, link);
    for (guint i = 0; i < profile->n_peers; i++)
        add_peer(want, link, &profile->peers[i], &endpoints[i]);
}
