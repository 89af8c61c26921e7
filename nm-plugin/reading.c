/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/reading.h"

#include "libadit/core/error.h"
#include "libadit/core/number.h"
#include "policy-routing/numbers.h"

#include <string.h>
#include <sys/socket.h>

#define GNOME_PORT 51820

static NMSettingWireGuard *
wireguard_of(NMConnection *connection)
{
    return (NMSettingWireGuard *)nm_connection_get_setting(connection,
                                                           NM_TYPE_SETTING_WIREGUARD);
}

gboolean
adit_nm_is_wireguard(NMConnection *connection)
{
    return nm_connection_is_type(connection, NM_SETTING_WIREGUARD_SETTING_NAME) &&
           wireguard_of(connection) != NULL;
}

static guint32
table_of(NMConnection *connection)
{
    NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config(connection);
    NMSettingIPConfig *ip6 = nm_connection_get_setting_ip6_config(connection);
    const guint32 table = ip4 ? nm_setting_ip_config_get_route_table(ip4) : 0;

    return table != 0 || !ip6 ? table : nm_setting_ip_config_get_route_table(ip6);
}

gboolean
adit_nm_has_marker(NMConnection *connection)
{
    const guint32 table = table_of(connection);

    return adit_nm_is_wireguard(connection) &&
           nm_setting_wireguard_get_fwmark(wireguard_of(connection)) == ADIT_MARK_OUTER &&
           table > ADIT_TABLE_BASE && table <= ADIT_TABLE_BASE + ADIT_SLOT_MAX + 1;
}

static const char *
user_data(NMConnection *connection, const char *key)
{
    NMSetting *user = nm_connection_get_setting(connection, NM_TYPE_SETTING_USER);

    return user ? nm_setting_user_get_data(NM_SETTING_USER(user), key) : NULL;
}

const char *
adit_nm_owner(NMConnection *connection)
{
    NMSettingConnection *setting = nm_connection_get_setting_connection(connection);
    const char *type, *owner = NULL;

    if (nm_setting_connection_get_num_permissions(setting) > 0 &&
        nm_setting_connection_get_permission(setting, 0, &type, &owner, NULL))
        return owner;
    return NULL;
}

guint
adit_nm_slot(NMConnection *connection)
{
    const char *text = user_data(connection, ADIT_NM_USER_SLOT);
    guint64 slot = 0;

    if (!text || !adit_number_parse(text, 10, ADIT_SLOT_MIN, ADIT_SLOT_MAX, &slot))
        return 0;
    return (guint)slot;
}

static gboolean
read_key(const char *text, const char *what, AditKey *ret, GError **error)
{
    if (!text || !*text) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: none is stored", what);
        return FALSE;
    }
    if (adit_key_parse(text, ret, error))
        return TRUE;
    g_prefix_error(error, "%s: ", what);
    return FALSE;
}

static gboolean
read_peer(const NMWireGuardPeer *from, AditProfilePeer *ret, GError **error)
{
    const char *psk = nm_wireguard_peer_get_preshared_key(from);
    const char *endpoint = nm_wireguard_peer_get_endpoint(from);
    const guint n_allowed = nm_wireguard_peer_get_allowed_ips_len(from);

    if (!read_key(nm_wireguard_peer_get_public_key(from), "public key", &ret->public_key,
                  error) ||
        (psk && !read_key(psk, "preshared key", &ret->preshared_key, error)) ||
        (endpoint && !adit_endpoint_parse(endpoint, &ret->endpoint, error)))
        return FALSE;
    ret->keepalive = nm_wireguard_peer_get_persistent_keepalive(from);
    ret->allowed = g_new0(AditPrefix, n_allowed);
    for (; ret->n_allowed < n_allowed; ret->n_allowed++)
        if (!adit_prefix_parse(nm_wireguard_peer_get_allowed_ip(from, ret->n_allowed, NULL),
                               &ret->allowed[ret->n_allowed], error))
            return FALSE;
    return TRUE;
}

static gboolean
read_wireguard(NMSettingWireGuard *from, AditProfile *ret, GError **error)
{
    const guint16 port = nm_setting_wireguard_get_listen_port(from);
    const guint n_peers = nm_setting_wireguard_get_peers_len(from);

    if (!read_key(nm_setting_wireguard_get_private_key(from), "private key", &ret->private_key,
                  error))
        return FALSE;
    ret->listen_port = port == GNOME_PORT ? 0 : port;
    ret->fwmark = nm_setting_wireguard_get_fwmark(from);
    ret->mtu = nm_setting_wireguard_get_mtu(from);
    ret->peers = g_new0(AditProfilePeer, n_peers);
    for (guint i = 0; i < n_peers; i++) {
        ret->n_peers = i + 1; /* a half-read one is freed with the rest */
        if (!read_peer(nm_setting_wireguard_get_peer(from, i), &ret->peers[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_addresses(NMSettingIPConfig *ip, GArray *ret, GError **error)
{
    for (guint i = 0; ip && i < nm_setting_ip_config_get_num_addresses(ip); i++) {
        NMIPAddress *address = nm_setting_ip_config_get_address(ip, (int)i);
        g_autofree char *text = g_strdup_printf("%s/%u", nm_ip_address_get_address(address),
                                                nm_ip_address_get_prefix(address));
        AditPrefix prefix;

        if (!adit_prefix_parse(text, &prefix, error))
            return FALSE;
        g_array_append_val(ret, prefix);
    }
    return TRUE;
}

/* Newer NetworkManagers also take URIs, which no profile can say. */
static void
read_dns(NMSettingIPConfig *ip, GArray *ret)
{
    for (guint i = 0; ip && i < nm_setting_ip_config_get_num_dns(ip); i++) {
        AditAddr addr;

        if (adit_addr_parse(nm_setting_ip_config_get_dns(ip, (int)i), &addr, NULL))
            g_array_append_val(ret, addr);
    }
}

static gboolean
has_addr(const GArray *list, const AditAddr *addr)
{
    for (guint i = 0; i < list->len; i++)
        if (adit_addr_cmp(&g_array_index(list, AditAddr, i), addr) == 0)
            return TRUE;
    return FALSE;
}

/* An enrolled connection names only those servers that are to be asked now. All of the
 * profile's are kept beside, and count unless a user has added one. */
static void
read_kept_dns(const char *text, GArray *dns)
{
    g_auto(GStrv) words = g_strsplit(text ? text : "", ",", -1);
    g_autoptr(GArray) kept = g_array_new(FALSE, TRUE, sizeof(AditAddr));

    for (guint i = 0; words[i]; i++) {
        AditAddr addr;

        if (adit_addr_parse(words[i], &addr, NULL))
            g_array_append_val(kept, addr);
    }
    for (guint i = 0; i < dns->len; i++)
        if (!has_addr(kept, &g_array_index(dns, AditAddr, i)))
            return;
    if (kept->len > 0) {
        g_array_set_size(dns, 0);
        g_array_append_vals(dns, kept->data, kept->len);
    }
}

/* "~" is of NetworkManager's importer or ours: who is asked for all names, the selection says.
 */
static void
read_search(NMSettingIPConfig *ip, GPtrArray *ret)
{
    for (guint i = 0; ip && i < nm_setting_ip_config_get_num_dns_searches(ip); i++) {
        const char *word = nm_setting_ip_config_get_dns_search(ip, (int)i);

        if (!g_str_equal(word, "~") && !g_str_equal(word, "~.") &&
            !g_ptr_array_find_with_equal_func(ret, word, g_str_equal, NULL))
            g_ptr_array_add(ret, g_strdup(word));
    }
}

static gboolean
read_ip(NMConnection *connection, AditProfile *ret, GError **error)
{
    NMSettingIPConfig *const ips[] = { nm_connection_get_setting_ip4_config(connection),
                                       nm_connection_get_setting_ip6_config(connection) };
    g_autoptr(GArray) addresses = g_array_new(FALSE, TRUE, sizeof(AditPrefix));
    g_autoptr(GArray) dns = g_array_new(FALSE, TRUE, sizeof(AditAddr));
    GPtrArray *search;

    for (guint i = 0; i < G_N_ELEMENTS(ips); i++)
        if (!read_addresses(ips[i], addresses, error))
            return FALSE;
    search = g_ptr_array_new();
    for (guint i = 0; i < G_N_ELEMENTS(ips); i++) {
        read_dns(ips[i], dns);
        read_search(ips[i], search);
    }
    read_kept_dns(user_data(connection, ADIT_NM_USER_DNS), dns);
    g_ptr_array_add(search, NULL);
    g_strfreev(ret->search);
    ret->search = (char **)g_ptr_array_free(search, FALSE);
    ret->n_addresses = addresses->len;
    ret->addresses = (AditPrefix *)g_array_free(g_steal_pointer(&addresses), FALSE);
    ret->n_dns = dns->len;
    ret->dns = (AditAddr *)g_array_free(g_steal_pointer(&dns), FALSE);
    return TRUE;
}

AditProfile *
adit_nm_read(NMConnection *connection, GError **error)
{
    g_autoptr(AditProfile) profile = adit_profile_new();

    if (!adit_nm_is_wireguard(connection)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not a WireGuard connection",
                    nm_connection_get_id(connection));
        return NULL;
    }
    if (!read_wireguard(wireguard_of(connection), profile, error) ||
        !read_ip(connection, profile, error)) {
        g_prefix_error(error, "%s: ", nm_connection_get_id(connection));
        return NULL;
    }
    profile->table = table_of(connection);
    profile->table_mode = profile->table ? ADIT_TABLE_NUMBER : ADIT_TABLE_AUTO;
    return g_steal_pointer(&profile);
}
