/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "nm-plugin/connection.h"

#include <string.h>

#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PSK "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define OURS                                                                                   \
    "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.59.0.2/24, 2a11:1:2::a3b:2/128\n"     \
    "DNS = 10.59.0.1, example.org\nMTU = 1420\nTable = 20101\nFwMark = 0x3f000000\n"           \
    "[Peer]\nPublicKey = " PUBLIC "\nPresharedKey = " PSK "\n"                                 \
    "AllowedIPs = 10.59.0.1/32, 0.0.0.0/1, 128.0.0.0/1, 2000::/3\nEndpoint = "                 \
    "vps.example:51820\n"                                                                      \
    "PersistentKeepalive = 25\n"
#define FULL_TUNNEL                                                                            \
    "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.8.0.2/32\n"                           \
    "[Peer]\nPublicKey = " PUBLIC                                                              \
    "\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.1:51820\n"

static NMConnection *
make(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("x.conf", text, strlen(text), &error);
    NMConnection *connection;

    g_assert_no_error(error);
    connection = adit_nm_connection_new(profile, "My home", "my-home", 0, &error);
    g_assert_no_error(error);
    g_assert_true(nm_connection_verify(connection, NULL));
    g_assert_true(nm_connection_verify_secrets(connection, NULL));
    return connection;
}

static NMSettingWireGuard *
wireguard_of(NMConnection *connection)
{
    return (NMSettingWireGuard *)nm_connection_get_setting(connection,
                                                           NM_TYPE_SETTING_WIREGUARD);
}

static void
test_ours(void)
{
    g_autoptr(NMConnection) connection = make(OURS);
    NMSettingWireGuard *wg = wireguard_of(connection);
    NMWireGuardPeer *peer = nm_setting_wireguard_get_peer(wg, 0);
    NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config(connection);
    NMSettingIPConfig *ip6 = nm_connection_get_setting_ip6_config(connection);

    g_assert_cmpstr(nm_connection_get_connection_type(connection), ==, "wireguard");
    g_assert_cmpstr(nm_connection_get_interface_name(connection), ==, "my-home");
    g_assert_cmpstr(nm_setting_wireguard_get_private_key(wg), ==, PRIVATE);
    g_assert_cmpuint(nm_setting_wireguard_get_fwmark(wg), ==, 0x3f000000);
    g_assert_true(nm_setting_wireguard_get_peer_routes(wg));
    g_assert_cmpstr(nm_wireguard_peer_get_preshared_key(peer), ==, PSK);
    g_assert_cmpint(nm_wireguard_peer_get_preshared_key_flags(peer), ==,
                    NM_SETTING_SECRET_FLAG_NONE);
    g_assert_cmpstr(nm_wireguard_peer_get_endpoint(peer), ==, "vps.example:51820");
    g_assert_cmpuint(nm_wireguard_peer_get_allowed_ips_len(peer), ==, 4);
    g_assert_cmpuint(nm_setting_ip_config_get_route_table(ip4), ==, 20101);
    g_assert_cmpuint(nm_setting_ip_config_get_route_table(ip6), ==, 20101);
    g_assert_cmpstr(nm_setting_ip_config_get_dns(ip4, 0), ==, "10.59.0.1");
    g_assert_cmpstr(nm_setting_ip_config_get_dns_search(ip4, 0), ==, "example.org");
}

/* Someone else's full tunnel: imported, and nothing of the machine goes into it. */
static void
test_captures_nothing(void)
{
    g_autoptr(NMConnection) connection = make(FULL_TUNNEL);
    NMSettingWireGuard *wg = wireguard_of(connection);
    NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config(connection);
    NMSettingIPConfig *ip6 = nm_connection_get_setting_ip6_config(connection);

    g_assert_false(nm_setting_wireguard_get_peer_routes(wg));
    g_assert_cmpint(nm_setting_wireguard_get_ip4_auto_default_route(wg), ==, NM_TERNARY_FALSE);
    g_assert_cmpint(nm_setting_wireguard_get_ip6_auto_default_route(wg), ==, NM_TERNARY_FALSE);
    g_assert_true(nm_setting_ip_config_get_never_default(ip4));
    g_assert_cmpstr(nm_setting_ip_config_get_method(ip6), ==, "disabled");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/connection/ours", test_ours);
    g_test_add_func("/connection/captures-nothing", test_captures_nothing);
    return g_test_run();
}
