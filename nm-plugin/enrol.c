/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/enrol.h"

#include "nm-plugin/connection.h"
#include "nm-plugin/reading.h"
#include "policy-routing/dns-plan.h"

#include <string.h>
#include <sys/socket.h>

/* The search domains that somebody has given it; what selection put there is not among them. */
static char **
searches_of(NMSettingIPConfig *ip)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (guint i = 0; ip && i < nm_setting_ip_config_get_num_dns_searches(ip); i++) {
        const char *search = nm_setting_ip_config_get_dns_search(ip, (int)i);

        if (!adit_dns_is_everything(search))
            g_strv_builder_add(builder, search);
    }
    return g_strv_builder_end(builder);
}

/* Which servers are asked is the plan's word, in each family that has one. */
static void
set_dns(NMSettingIPConfig *ip, const AditDnsPlan *plan, guint8 family, char **searches)
{
    gboolean any = FALSE;

    if (!ip || g_str_equal(nm_setting_ip_config_get_method(ip), "disabled"))
        return;
    nm_setting_ip_config_clear_dns(ip);
    nm_setting_ip_config_clear_dns_searches(ip);
    for (guint i = 0; i < plan->n_servers; i++) {
        g_autofree char *text = adit_addr_to_string(&plan->servers[i]);

        if (plan->servers[i].family == family)
            any |= nm_setting_ip_config_add_dns(ip, text);
    }
    for (guint i = 0; plan->domains[i]; i++)
        if (any || !g_str_equal(plan->domains[i], ADIT_DNS_EVERYTHING))
            nm_setting_ip_config_add_dns_search(ip, plan->domains[i]);
    for (guint i = 0; searches[i]; i++)
        nm_setting_ip_config_add_dns_search(ip, searches[i]); /* once each */
    g_object_set(ip, NM_SETTING_IP_CONFIG_DNS_PRIORITY, any ? plan->priority : 0,
                 NM_SETTING_IP_CONFIG_IGNORE_AUTO_DNS, FALSE, NULL);
}

static char *
list_dns(const AditProfile *profile)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < profile->n_dns; i++) {
        g_autofree char *dns = adit_addr_to_string(&profile->dns[i]);

        g_string_append_printf(text, "%s%s", i ? "," : "", dns);
    }
    return g_string_free(text, FALSE);
}

#define OWN_METRIC 45 /* before the routes that NetworkManager makes of AllowedIPs, at 50 */

static gboolean
is_own_route(NMIPRoute *route)
{
    return nm_ip_route_get_metric(route) == OWN_METRIC &&
           nm_ip_route_get_attribute(route, NM_IP_ROUTE_ATTRIBUTE_SRC) != NULL;
}

static gboolean
add_route(NMSettingIPConfig *ip, const AditPrefix *prefix, const AditAddr *own, GError **error)
{
    g_autofree char *to = adit_addr_to_string(&prefix->addr);
    g_autofree char *from = adit_addr_to_string(own);
    NMIPRoute *route =
        nm_ip_route_new(prefix->addr.family, to, prefix->len, NULL, OWN_METRIC, error);

    if (!route)
        return FALSE;
    nm_ip_route_set_attribute(route, NM_IP_ROUTE_ATTRIBUTE_SRC, g_variant_new_string(from));
    nm_setting_ip_config_add_route(ip, route);
    nm_ip_route_unref(route);
    return TRUE;
}

static gboolean
is_inside(const AditGateway *plan, const AditPrefix *route)
{
    for (guint i = 0; i < plan->n_subnets; i++)
        if (adit_prefix_covers(&plan->subnets[i], route))
            return TRUE;
    return FALSE;
}

/* The tunnel's own network is asked from the tunnel's address. The routes that NetworkManager
 * makes name none, and while the address is deprecated the kernel would take the uplink's,
 * which the server does not know. */
static gboolean
set_routes(NMSettingIPConfig *ip, const AditGateway *plan, GError **error)
{
    const AditAddr *own = NULL;

    if (!ip)
        return TRUE;
    for (guint i = nm_setting_ip_config_get_num_routes(ip); i-- > 0;)
        if (is_own_route(nm_setting_ip_config_get_route(ip, (int)i)))
            nm_setting_ip_config_remove_route(ip, (int)i);
    for (guint i = 0; i < plan->n_addresses && !own; i++)
        if (plan->addresses[i].family == AF_INET6)
            own = &plan->addresses[i];
    for (guint i = 0; own && i < plan->n_routes; i++)
        if (plan->routes[i].addr.family == AF_INET6 && is_inside(plan, &plan->routes[i]) &&
            !add_route(ip, &plan->routes[i], own, error))
            return FALSE;
    return TRUE;
}

/* For dispatchers, and for an aditd that has lost its memory. */
static void
set_metadata(NMConnection *connection, const AditBackendGateway *gateway)
{
    NMSetting *user = nm_connection_get_setting(connection, NM_TYPE_SETTING_USER);
    g_autofree char *slot = g_strdup_printf("%u", gateway->slot);
    g_autofree char *dns = list_dns(gateway->profile);

    if (!user) {
        user = nm_setting_user_new();
        nm_connection_add_setting(connection, user);
    }
    nm_setting_user_set_data(NM_SETTING_USER(user), ADIT_NM_USER_SLOT, slot, NULL);
    nm_setting_user_set_data(NM_SETTING_USER(user), ADIT_NM_USER_DNS, *dns ? dns : NULL, NULL);
}

/* What a desktop imports is for its user alone, and comes up when he says so. */
static void
open_to_everyone(NMConnection *connection)
{
    NMSettingConnection *setting = nm_connection_get_setting_connection(connection);

    while (nm_setting_connection_get_num_permissions(setting) > 0)
        nm_setting_connection_remove_permission(setting, 0);
    g_object_set(setting, NM_SETTING_CONNECTION_AUTOCONNECT, TRUE, NULL);
}

gboolean
adit_nm_enrol(NMConnection *connection, const AditBackendGateway *gateway, GError **error)
{
    g_autoptr(AditGateway) plan = adit_gateway_from_profile(gateway->name, gateway->slot,
                                                            gateway->name, gateway->profile);
    g_auto(GStrv) search4 = searches_of(nm_connection_get_setting_ip4_config(connection));
    g_auto(GStrv) search6 = searches_of(nm_connection_get_setting_ip6_config(connection));
    g_autoptr(AditDnsPlan) dns = NULL;

    memcpy(plan->selected, gateway->selected, sizeof(plan->selected));
    dns = adit_dns_plan(plan);
    if (!adit_nm_connection_fill(connection, gateway->profile, adit_gateway_table(plan), error))
        return FALSE;
    set_dns(nm_connection_get_setting_ip4_config(connection), dns, AF_INET, search4);
    set_dns(nm_connection_get_setting_ip6_config(connection), dns, AF_INET6, search6);
    if (!set_routes(nm_connection_get_setting_ip6_config(connection), plan, error))
        return FALSE;
    set_metadata(connection, gateway);
    if (gateway->everyone)
        open_to_everyone(connection);
    return nm_connection_normalize(connection, NULL, NULL, error);
}
