/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli/cli-reach.h"

#include "client/names.h"
#include "libadit/core/json.h"
#include "libadit/sys/bus.h"

#include <string.h>

#define REACH ADIT_PUBLISHER_BUS ".Reach"

static GType
proxy_type(GDBusObjectManagerClient *manager, const char *path, const char *interface,
           gpointer data)
{
    if (!interface)
        return G_TYPE_DBUS_OBJECT_PROXY;
    return g_str_equal(interface, REACH) ? ADIT_PUB_TYPE_REACH_PROXY : G_TYPE_DBUS_PROXY;
}

static int
port_of(const char *ports)
{
    return (int)g_ascii_strtoull(ports, NULL, 10);
}

static gint
by_ports(gconstpointer a, gconstpointer b)
{
    AditPubReach *x = *(AditPubReach *const *)a, *y = *(AditPubReach *const *)b;
    const int ports =
        port_of(adit_pub_reach_get_ports(x)) - port_of(adit_pub_reach_get_ports(y));
    const int text = strcmp(adit_pub_reach_get_ports(x), adit_pub_reach_get_ports(y));
    const int gateway = strcmp(adit_pub_reach_get_gateway(x), adit_pub_reach_get_gateway(y));

    return ports     ? ports
           : text    ? text
           : gateway ? gateway
                     : adit_pub_reach_get_family(x) - adit_pub_reach_get_family(y);
}

static gboolean
refresh(GDBusConnection *bus, GError **error)
{
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_sync(bus, ADIT_PUBLISHER_BUS, ADIT_PUBLISHER_PATH "/publisher",
                                    ADIT_PUBLISHER_BUS ".Publisher", "Refresh", NULL, NULL,
                                    G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);

    return answer != NULL;
}

GPtrArray *
adit_reaches_read(gboolean fresh, GError **error)
{
    g_autoptr(GPtrArray) reaches = g_ptr_array_new_with_free_func(g_object_unref);
    g_autolist(GDBusObject) objects = NULL;
    GError *reason = NULL;
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &reason);
    g_autoptr(GDBusObjectManager) manager = NULL;

    if (bus && (!fresh || refresh(bus, &reason)))
        manager = g_dbus_object_manager_client_new_sync(
            bus, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE, ADIT_PUBLISHER_BUS,
            ADIT_PUBLISHER_PATH, proxy_type, NULL, NULL, NULL, &reason);
    if (!manager) {
        g_propagate_error(error, adit_bus_take_error(reason, "adit-publisher"));
        return NULL;
    }
    objects = g_dbus_object_manager_get_objects(manager);
    for (GList *l = objects; l; l = l->next) {
        GDBusInterface *reach = g_dbus_object_get_interface(l->data, REACH);

        if (reach && adit_pub_reach_get_ports(ADIT_PUB_REACH(reach)))
            g_ptr_array_add(reaches, reach);
        else
            g_clear_object(&reach);
    }
    g_ptr_array_sort(reaches, by_ports);
    return g_steal_pointer(&reaches);
}

AditTable *
adit_reaches_table_new(void)
{
    static const char *const headers[] = { "PORT",    "GATEWAY", "INSIDE", "OUTSIDE",
                                           "STATE",   "SINCE",   "LEASE",  "BY",
                                           "PORT 80", "NOTE",    NULL };

    return adit_table_new(headers, 0);
}

AditPaint
adit_reaches_paint(AditPubReach *reach)
{
    const char *state = adit_pub_reach_get_state(reach);

    if (g_str_equal(state, "published") || g_str_equal(state, "renewing"))
        return ADIT_PAINT_GOOD;
    if (g_str_equal(state, "refused") || g_str_equal(state, "lost"))
        return ADIT_PAINT_BAD;
    return ADIT_PAINT_WARN;
}

static void
add_span(AditTable *table, gint64 at, gint64 seconds)
{
    if (at == 0)
        adit_table_add(table, ADIT_PAINT_PLAIN, "");
    else if (seconds < 120)
        adit_table_addf(table, ADIT_PAINT_PLAIN, "%d s", (int)MAX(seconds, 0));
    else if (seconds < 2 * 60 * 60)
        adit_table_addf(table, ADIT_PAINT_PLAIN, "%d min", (int)(seconds / 60));
    else
        adit_table_addf(table, ADIT_PAINT_PLAIN, "%d h", (int)(seconds / 3600));
}

void
adit_reaches_add_row(AditTable *table, AditPubReach *reach)
{
    const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    const gint64 since = adit_pub_reach_get_since(reach);
    const gint64 until = adit_pub_reach_get_lease_until(reach);
    const char *state = adit_pub_reach_get_state(reach);
    const char *problem = adit_pub_reach_get_problem(reach);
    const char *reason = adit_pub_reach_get_reason(reach);

    adit_table_add(table, ADIT_PAINT_BOLD, adit_pub_reach_get_ports(reach));
    adit_table_add(table, ADIT_PAINT_PLAIN, adit_pub_reach_get_gateway(reach));
    adit_table_add(table, ADIT_PAINT_PLAIN, adit_pub_reach_get_inside(reach));
    adit_table_add(table, ADIT_PAINT_PLAIN, adit_pub_reach_get_outside(reach));
    adit_table_add(table, adit_reaches_paint(reach), state);
    add_span(table, since, now - since);
    add_span(table, until, until - now);
    adit_table_add(table, ADIT_PAINT_PLAIN, adit_pub_reach_get_protocol(reach));
    adit_table_add(table, ADIT_PAINT_PLAIN, adit_pub_reach_get_redirect(reach));
    adit_table_add(table, ADIT_PAINT_WARN, *problem ? problem : reason);
}

void
adit_reaches_add_json(JsonBuilder *json, AditPubReach *reach)
{
    json_builder_begin_object(json);
    adit_json_string(json, "ports", adit_pub_reach_get_ports(reach));
    adit_json_string(json, "gateway", adit_pub_reach_get_gateway(reach));
    adit_json_int(json, "family", adit_pub_reach_get_family(reach));
    adit_json_string(json, "label", adit_pub_reach_get_label(reach));
    adit_json_string(json, "source", adit_pub_reach_get_source(reach));
    adit_json_string(json, "inside", adit_pub_reach_get_inside(reach));
    adit_json_string(json, "outside", adit_pub_reach_get_outside(reach));
    adit_json_string(json, "state", adit_pub_reach_get_state(reach));
    adit_json_string(json, "reason", adit_pub_reach_get_reason(reach));
    adit_json_int(json, "since", adit_pub_reach_get_since(reach));
    adit_json_int(json, "lease_until", adit_pub_reach_get_lease_until(reach));
    adit_json_string(json, "protocol", adit_pub_reach_get_protocol(reach));
    adit_json_string(json, "redirect", adit_pub_reach_get_redirect(reach));
    adit_json_string(json, "problem", adit_pub_reach_get_problem(reach));
    json_builder_end_object(json);
}
