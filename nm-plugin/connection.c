/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/connection.h"

#include "libadit/core/error.h"
#include "policy-routing/numbers.h"

#include <sys/socket.h>

static void
add_identity(NMConnection *connection, const char *id, const char *ifname)
{
    NMSetting *setting = nm_setting_connection_new();
    g_autofree char *uuid = nm_utils_uuid_generate();

    g_object_set(setting, NM_SETTING_CONNECTION_ID, id, NM_SETTING_CONNECTION_UUID, uuid,
                 NM_SETTING_CONNECTION_TYPE, NM_SETTING_WIREGUARD_SETTING_NAME,
                 NM_SETTING_CONNECTION_INTERFACE_NAME, ifname, NULL);
    nm_connection_add_setting(connection, setting);
}

/* Flags 0: no desktop agent can be asked for a WireGuard secret, and with flags 4
 * NetworkManager neither stores a preshared key nor gives it to the kernel. */
static gboolean
add_peer(NMSettingWireGuard *wireguard, const AditProfilePeer *from, GError **error)
{
    NMWireGuardPeer *peer = nm_wireguard_peer_new();
    g_autofree char *public_key = adit_key_to_string(&from->public_key);

    nm_wireguard_peer_set_public_key(peer, public_key, FALSE);
    if (!adit_key_is_zero(&from->preshared_key)) {
        char *psk = adit_key_to_string(&from->preshared_key);

        nm_wireguard_peer_set_preshared_key(peer, psk, FALSE);
        nm_wireguard_peer_set_preshared_key_flags(peer, NM_SETTING_SECRET_FLAG_NONE);
        adit_key_string_free(psk);
    }
    if (from->endpoint.host) {
        g_autofree char *endpoint = adit_endpoint_to_string(&from->endpoint);

        nm_wireguard_peer_set_endpoint(peer, endpoint, FALSE);
    }
    nm_wireguard_peer_set_persistent_keepalive(peer, from->keepalive);
    for (guint i = 0; i < from->n_allowed; i++) {
        g_autofree char *allowed = adit_prefix_to_string(&from->allowed[i]);

        nm_wireguard_peer_append_allowed_ip(peer, allowed, FALSE);
    }
    if (!nm_wireguard_peer_is_valid(peer, TRUE, TRUE, error)) {
        nm_wireguard_peer_unref(peer);
        return FALSE;
    }
    nm_setting_wireguard_append_peer(wireguard, peer);
    nm_wireguard_peer_unref(peer);
    return TRUE;
}

static gboolean
fill_wireguard(NMConnection *connection, const AditProfile *profile, guint32 table,
               GError **error)
{
    NMSetting *setting = nm_connection_get_setting(connection, NM_TYPE_SETTING_WIREGUARD);
    char *key = adit_key_to_string(&profile->private_key);

    if (!setting) {
        setting = nm_setting_wireguard_new();
        nm_connection_add_setting(connection, setting);
    }
    g_object_set(setting, NM_SETTING_WIREGUARD_PRIVATE_KEY, key,
                 NM_SETTING_WIREGUARD_PRIVATE_KEY_FLAGS, NM_SETTING_SECRET_FLAG_NONE,
                 NM_SETTING_WIREGUARD_LISTEN_PORT, (guint)profile->listen_port,
                 NM_SETTING_WIREGUARD_FWMARK, (guint)ADIT_MARK_OUTER, NM_SETTING_WIREGUARD_MTU,
                 (guint)profile->mtu, NM_SETTING_WIREGUARD_PEER_ROUTES, table != 0,
                 NM_SETTING_WIREGUARD_IP4_AUTO_DEFAULT_ROUTE, NM_TERNARY_FALSE,
                 NM_SETTING_WIREGUARD_IP6_AUTO_DEFAULT_ROUTE, NM_TERNARY_FALSE, NULL);
    adit_key_string_free(key);
    nm_setting_wireguard_clear_peers(NM_SETTING_WIREGUARD(setting));
    for (guint i = 0; i < profile->n_peers; i++)
        if (!add_peer(NM_SETTING_WIREGUARD(setting), &profile->peers[i], error))
            return FALSE;
    return TRUE;
}

/* A DNS server of a family without address would be dropped by NetworkManager: keep it where it
 * can be reached. A gateway's DNS serves only its own domains until somebody selects it. */
static void
add_dns(NMSettingIPConfig *ip, const AditProfile *profile, guint8 family)
{
    for (guint i = 0; i < profile->n_dns; i++) {
        g_autofree char *dns = adit_addr_to_string(&profile->dns[i]);

        if (profile->dns[i].family == family)
            nm_setting_ip_config_add_dns(ip, dns);
    }
    for (guint i = 0; profile->search[i]; i++)
        nm_setting_ip_config_add_dns_search(ip, profile->search[i]);
}

static gboolean
add_addresses(NMSettingIPConfig *ip, const AditProfile *profile, guint8 family, GError **error)
{
    for (guint i = 0; i < profile->n_addresses; i++) {
        g_autofree char *text = adit_addr_to_string(&profile->addresses[i].addr);
        NMIPAddress *address;

        if (profile->addresses[i].addr.family != family)
            continue;
        address = nm_ip_address_new(family, text, profile->addresses[i].len, error);
        if (!address)
            return FALSE;
        nm_setting_ip_config_add_address(ip, address);
        nm_ip_address_unref(address);
    }
    return TRUE;
}

static NMSettingIPConfig *
ip_setting(NMConnection *connection, guint8 family)
{
    const GType type =
        family == AF_INET ? NM_TYPE_SETTING_IP4_CONFIG : NM_TYPE_SETTING_IP6_CONFIG;
    NMSetting *setting = nm_connection_get_setting(connection, type);

    if (!setting) {
        setting = family == AF_INET ? nm_setting_ip4_config_new() : nm_setting_ip6_config_new();
        nm_connection_add_setting(connection, setting);
    }
    return NM_SETTING_IP_CONFIG(setting);
}

static gboolean
fill_ip(NMConnection *connection, const AditProfile *profile, guint8 family, guint32 table,
        GError **error)
{
    const gboolean carried = adit_profile_carries(profile, family);
    NMSettingIPConfig *ip = ip_setting(connection, family);

    nm_setting_ip_config_clear_addresses(ip);
    nm_setting_ip_config_clear_dns(ip);
    nm_setting_ip_config_clear_dns_searches(ip);
    g_object_set(ip, NM_SETTING_IP_CONFIG_METHOD, carried ? "manual" : "disabled",
                 NM_SETTING_IP_CONFIG_NEVER_DEFAULT, TRUE, NM_SETTING_IP_CONFIG_ROUTE_TABLE,
                 carried ? table : 0, NULL);
    if (!carried)
        return TRUE;
    add_dns(ip, profile, family);
    return add_addresses(ip, profile, family, error);
}

gboolean
adit_nm_connection_fill(NMConnection *connection, const AditProfile *profile, guint32 table,
                        GError **error)
{
    if (fill_wireguard(connection, profile, table, error) &&
        fill_ip(connection, profile, AF_INET, table, error) &&
        fill_ip(connection, profile, AF_INET6, table, error) &&
        nm_connection_normalize(connection, NULL, NULL, error))
        return TRUE;
    g_prefix_error(error, "%s: ", nm_connection_get_id(connection));
    return FALSE;
}

NMConnection *
adit_nm_connection_new(const AditProfile *profile, const char *id, const char *ifname,
                       guint32 table, GError **error)
{
    g_autoptr(NMConnection) connection = nm_simple_connection_new();

    if (table == 0 && profile->table_mode == ADIT_TABLE_NUMBER)
        table = profile->table;
    add_identity(connection, id, ifname);
    if (!adit_nm_connection_fill(connection, profile, table, error))
        return NULL;
    return g_steal_pointer(&connection);
}
