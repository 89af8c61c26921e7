/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "nm-plugin/connection.h"
#include "nm-plugin/enrol.h"
#include "nm-plugin/reading.h"

#include <string.h>
#include <sys/socket.h>

/* A connection as an importer made it: read as a profile, and made a gateway's in place. */

#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PSK "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define PROFILE                                                                                \
    "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.59.0.2/24, 2a11:1:2::a3b:2/128\n"     \
    "DNS = 10.59.0.1, 192.0.2.53, example.org\nMTU = 1420\nTable = 20101\n"                    \
    "FwMark = 0x3f000000\n"                                                                    \
    "[Peer]\nPublicKey = " PUBLIC "\nPresharedKey = " PSK "\n"                                 \
    "AllowedIPs = 10.59.0.1/32, 2a11:1:2::a3b:1/128, 2a11:1:2::/64, 0.0.0.0/1, 128.0.0.0/1, "  \
    "2000::/3\n"                                                                               \
    "Endpoint = vps.example:51820\nPersistentKeepalive = 25\n"

static AditProfile *
parse(void)
{
    g_autoptr(GError) error = NULL;
    AditProfile *profile = adit_profile_parse("x.conf", PROFILE, strlen(PROFILE), &error);

    g_assert_no_error(error);
    return profile;
}

/* What GNOME and nmcli make of it, more or less. */
static NMConnection *
imported(const AditProfile *profile)
{
    g_autoptr(GError) error = NULL;
    NMConnection *connection = adit_nm_connection_new(profile, "home", "home", 0, &error);
    NMSetting *wireguard = nm_connection_get_setting(connection, NM_TYPE_SETTING_WIREGUARD);
    NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config(connection);

    g_assert_no_error(error);
    g_object_set(wireguard, NM_SETTING_WIREGUARD_LISTEN_PORT, 51820,
                 NM_SETTING_WIREGUARD_IP4_AUTO_DEFAULT_ROUTE, NM_TERNARY_DEFAULT, NULL);
    g_object_set(ip4, NM_SETTING_IP_CONFIG_NEVER_DEFAULT, FALSE, NULL);
    nm_setting_ip_config_add_dns_search(ip4, "~");
    return connection;
}

static void
enrol(NMConnection *connection, const AditProfile *profile, guint slot, gboolean selected)
{
    const AditBackendGateway gateway = { .name = "home",
                                         .title = "home",
                                         .slot = slot,
                                         .up = TRUE,
                                         .selected = { selected, selected },
                                         .profile = profile };
    g_autoptr(GError) error = NULL;

    adit_nm_enrol(connection, &gateway, &error);
    g_assert_no_error(error);
}

/* As GNOME imports it: for its user, and not by itself. */
static void
test_everyone(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSettingConnection *setting = nm_connection_get_setting_connection(connection);
    AditBackendGateway gateway = {
        .name = "home", .title = "home", .slot = 1, .up = TRUE, .profile = profile
    };
    g_autoptr(GError) error = NULL;

    g_assert_null(adit_nm_owner(connection));
    nm_setting_connection_add_permission(setting, "user", "anna", NULL);
    g_object_set(setting, NM_SETTING_CONNECTION_AUTOCONNECT, FALSE, NULL);
    g_assert_cmpstr(adit_nm_owner(connection), ==, "anna");
    adit_nm_enrol(connection, &gateway, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(adit_nm_owner(connection), ==, "anna"); /* nobody has said otherwise */
    g_assert_false(nm_setting_connection_get_autoconnect(setting));
    gateway.everyone = TRUE;
    adit_nm_enrol(connection, &gateway, &error);
    g_assert_no_error(error);
    g_assert_null(adit_nm_owner(connection));
    g_assert_true(nm_setting_connection_get_autoconnect(setting));
}

static void
test_read(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) read = adit_nm_read(connection, &error);

    g_assert_no_error(error);
    g_assert_true(adit_profile_equal(read, profile));
    g_assert_true(adit_nm_has_marker(connection));
    g_assert_cmpuint(adit_nm_slot(connection), ==, 0);
}

static void
test_no_marker(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSetting *wireguard = nm_connection_get_setting(connection, NM_TYPE_SETTING_WIREGUARD);

    g_object_set(wireguard, NM_SETTING_WIREGUARD_FWMARK, 0u, NULL);
    g_assert_false(adit_nm_has_marker(connection));
}

static void
test_no_key(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    g_autoptr(GError) error = NULL;

    nm_connection_clear_secrets(connection);
    g_assert_null(adit_nm_read(connection, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "home: private key: none is stored");
}

static void
test_enrolled(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSettingWireGuard *wg;
    NMSettingIPConfig *ip4;
    g_autofree char *uuid = g_strdup(nm_connection_get_uuid(connection));

    enrol(connection, profile, 7, FALSE);
    wg = NM_SETTING_WIREGUARD(nm_connection_get_setting(connection, NM_TYPE_SETTING_WIREGUARD));
    ip4 = nm_connection_get_setting_ip4_config(connection);
    g_assert_cmpstr(nm_connection_get_uuid(connection), ==, uuid);
    g_assert_cmpuint(nm_setting_wireguard_get_listen_port(wg), ==, 0);
    g_assert_cmpint(nm_setting_wireguard_get_ip4_auto_default_route(wg), ==, NM_TERNARY_FALSE);
    g_assert_cmpuint(nm_setting_ip_config_get_route_table(ip4), ==, 20107);
    g_assert_cmpuint(adit_nm_slot(connection), ==, 7);
    /* of its own domains only, and only the server that the tunnel leads to */
    g_assert_cmpuint(nm_setting_ip_config_get_num_dns(ip4), ==, 1);
    g_assert_cmpuint(nm_setting_ip_config_get_num_dns_searches(ip4), ==, 1);
    g_assert_cmpstr(nm_setting_ip_config_get_dns_search(ip4, 0), ==, "example.org");
}

/* A domain that somebody else has given the connection stays, selected or not. */
static void
test_foreign_search(gconstpointer selected)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSettingIPConfig *ip4 = nm_connection_get_setting_ip4_config(connection);
    gboolean found = FALSE;

    nm_setting_ip_config_add_dns_search(ip4, "corp.example");
    enrol(connection, profile, 7, GPOINTER_TO_INT(selected));
    for (guint i = 0; i < nm_setting_ip_config_get_num_dns_searches(ip4); i++)
        found |= g_str_equal(nm_setting_ip_config_get_dns_search(ip4, (int)i), "corp.example");
    g_assert_true(found);
}

/* Nothing of the profile is lost by it, whatever is asked of DNS; and done twice it is once. */
static void
test_stable(gconstpointer selected)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    g_autoptr(NMConnection) once = NULL;
    g_autoptr(AditProfile) read = NULL;

    enrol(connection, profile, 1, GPOINTER_TO_INT(selected));
    once = nm_simple_connection_new_clone(connection);
    enrol(connection, profile, 1, GPOINTER_TO_INT(selected));
    g_assert_true(nm_connection_compare(once, connection, NM_SETTING_COMPARE_FLAG_EXACT));
    read = adit_nm_read(connection, NULL);
    g_assert_true(adit_profile_equal(read, profile));
}

static void
test_selected(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSettingIPConfig *ip4;

    enrol(connection, profile, 1, TRUE);
    ip4 = nm_connection_get_setting_ip4_config(connection);
    g_assert_cmpuint(nm_setting_ip_config_get_num_dns(ip4), ==, 2);
    g_assert_cmpint(nm_setting_ip_config_get_dns_priority(ip4), <, 0);
    g_assert_cmpstr(nm_setting_ip_config_get_dns_search(ip4, 1), ==, "~.");
}

/* What its user has set and a profile does not say. */
static void
test_edits_stay(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSettingConnection *setting = nm_connection_get_setting_connection(connection);

    g_object_set(setting, NM_SETTING_CONNECTION_ZONE, "home", NM_SETTING_CONNECTION_METERED,
                 NM_METERED_YES, NULL);
    enrol(connection, profile, 1, FALSE);
    g_assert_cmpstr(nm_setting_connection_get_zone(setting), ==, "home");
    g_assert_cmpint((int)nm_setting_connection_get_metered(setting), ==, NM_METERED_YES);
}

/* The tunnel's IPv6 network is asked from the tunnel's address, however often it is enrolled;
 * what somebody else has routed there stays. */
static void
test_own_route(void)
{
    g_autoptr(AditProfile) profile = parse();
    g_autoptr(NMConnection) connection = imported(profile);
    NMSettingIPConfig *ip6 = nm_connection_get_setting_ip6_config(connection);
    NMIPRoute *foreign = nm_ip_route_new(AF_INET6, "2001:db8:9::", 48, NULL, 45, NULL);
    static const char *const to[] = { "2a11:1:2::a3b:1", "2a11:1:2::" };

    nm_setting_ip_config_add_route(ip6, foreign);
    nm_ip_route_unref(foreign);
    enrol(connection, profile, 1, FALSE);
    enrol(connection, profile, 1, TRUE);
    /* as many as there are of AllowedIPs: the longer one would win */
    g_assert_cmpuint(nm_setting_ip_config_get_num_routes(ip6), ==, 1 + G_N_ELEMENTS(to));
    for (guint i = 0; i < G_N_ELEMENTS(to); i++) {
        NMIPRoute *route = nm_setting_ip_config_get_route(ip6, 1 + (int)i);
        GVariant *from = nm_ip_route_get_attribute(route, NM_IP_ROUTE_ATTRIBUTE_SRC);

        g_assert_cmpstr(nm_ip_route_get_dest(route), ==, to[i]);
        g_assert_cmpstr(g_variant_get_string(from, NULL), ==, "2a11:1:2::a3b:2");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nm/enrol/everyone", test_everyone);
    g_test_add_func("/nm/reading/imported", test_read);
    g_test_add_func("/nm/reading/no-marker", test_no_marker);
    g_test_add_func("/nm/reading/no-key", test_no_key);
    g_test_add_func("/nm/enrol/unselected", test_enrolled);
    g_test_add_func("/nm/enrol/selected", test_selected);
    g_test_add_func("/nm/enrol/own-route", test_own_route);
    g_test_add_func("/nm/enrol/edits-stay", test_edits_stay);
    g_test_add_data_func("/nm/enrol/stable", GINT_TO_POINTER(FALSE), test_stable);
    g_test_add_data_func("/nm/enrol/stable-selected", GINT_TO_POINTER(TRUE), test_stable);
    g_test_add_data_func("/nm/enrol/search", GINT_TO_POINTER(FALSE), test_foreign_search);
    g_test_add_data_func("/nm/enrol/search-selected", GINT_TO_POINTER(TRUE),
                         test_foreign_search);
    return g_test_run();
}
