/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/profile.h"

#include "libadit/core/error.h"
#include "libadit/core/marker.h"

#include <string.h>

/* Everything, so that visitors' true addresses pass cryptokey routing; but no /0, which
 * importers would turn into a default route. */
static const char *const wide4[] = { "0.0.0.0/1", "128.0.0.0/1" };
static const char *const wide6[] = { "2000::/3" };

#define KEEPALIVE 25 /* seconds: shorter than any NAT forgets */

static void
allow_text(GArray *allowed, const char *const *list, guint n)
{
    for (guint i = 0; i < n; i++) {
        AditPrefix prefix;
        gboolean ok = adit_prefix_parse(list[i], &prefix, NULL);

        g_assert(ok);
        g_array_append_val(allowed, prefix);
    }
}

static void
allow_host(GArray *allowed, const AditAddr *addr)
{
    AditPrefix host = adit_prefix_host(addr);

    if (adit_addr_is_set(addr))
        g_array_append_val(allowed, host);
}

static void
fill_allowed(AditProfilePeer *peer, const AditSubnet *subnet, const AditDeviceEntry *device)
{
    GArray *allowed = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    gboolean ipv6 = adit_addr_is_set(&device->addr6);

    if (device->kind == ADIT_DEVICE_SERVER) {
        allow_host(allowed, &subnet->server4);
        allow_host(allowed, &subnet->server6);
    }
    g_array_append_val(allowed, subnet->net4);
    if (ipv6)
        g_array_append_val(allowed, subnet->net6);
    if (device->kind == ADIT_DEVICE_SERVER) {
        allow_text(allowed, wide4, G_N_ELEMENTS(wide4));
        if (ipv6)
            allow_text(allowed, wide6, G_N_ELEMENTS(wide6));
    }
    peer->n_allowed = allowed->len;
    peer->allowed = (AditPrefix *)g_array_free(allowed, FALSE);
}

static void
fill_addresses(AditProfile *profile, const AditSubnet *subnet, const AditDeviceEntry *device)
{
    profile->addresses = g_new0(AditPrefix, 2);
    profile->addresses[profile->n_addresses++] =
        adit_prefix_make(&device->addr4, subnet->net4.len);
    if (adit_addr_is_set(&device->addr6))
        profile->addresses[profile->n_addresses++] = adit_prefix_host(&device->addr6);
}

AditProfile *
adit_server_profile(const AditModel *model, guint index, const AditKey *private_key,
                    const char *endpoint)
{
    const AditDeviceEntry *device = adit_model_device(model, index);
    const AditSubnet *subnet = adit_model_subnet(model, device->subnet);
    AditProfile *profile = g_new0(AditProfile, 1);

    profile->private_key = *private_key;
    profile->mtu = model->mtu;
    profile->search = g_new0(char *, 1);
    profile->n_dns = subnet->n_dns;
    profile->dns = g_memdup2(subnet->dns, subnet->n_dns * sizeof(AditAddr));
    if (device->kind == ADIT_DEVICE_SERVER) {
        profile->table_mode = ADIT_TABLE_NUMBER;
        profile->table = ADIT_TABLE_BASE + 1; /* the client moves it to a slot of its own */
        profile->fwmark = ADIT_MARK_OUTER;
    }
    fill_addresses(profile, subnet, device);
    profile->peers = g_new0(AditProfilePeer, 1);
    profile->n_peers = 1;
    adit_key_public(&model->private_key, &profile->peers[0].public_key);
    profile->peers[0].preshared_key = device->preshared_key;
    profile->peers[0].keepalive = KEEPALIVE;
    if (!adit_endpoint_parse(endpoint, &profile->peers[0].endpoint, NULL))
        g_assert_not_reached(); /* checked when it was set */
    fill_allowed(&profile->peers[0], subnet, device);
    return profile;
}

gboolean
adit_server_profile_widen(AditProfile *profile, gboolean full, const char *const *networks,
                          GError **error)
{
    static const char *const all[] = { "0.0.0.0/0", "::/0", NULL };
    const char *const *list = full ? all : networks;
    AditProfilePeer *peer = &profile->peers[0];
    g_autoptr(GArray) allowed = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    if (!list || !list[0])
        return TRUE;
    if (profile->table_mode == ADIT_TABLE_NUMBER) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "a device of kind server chooses by `adit default`, not by its profile: "
                    "--full and --split are for --kind client");
        return FALSE;
    }
    g_array_append_vals(allowed, peer->allowed, peer->n_allowed);
    for (guint i = 0; list[i]; i++) {
        AditPrefix net;

        if (!adit_prefix_parse(list[i], &net, error)) {
            g_prefix_error(error, "%s: ", list[i]);
            return FALSE;
        }
        net = adit_prefix_network(&net);
        g_array_append_val(allowed, net);
    }
    g_free(peer->allowed);
    peer->n_allowed = allowed->len;
    peer->allowed = (AditPrefix *)g_array_free(g_steal_pointer(&allowed), FALSE);
    return TRUE;
}
