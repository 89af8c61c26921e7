/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli/cli-bus.h"

#include "client/names.h"
#include "libadit/sys/bus.h"

#include <string.h>

AditBusManager *
adit_cli_manager(GError **error)
{
    GError *reason = NULL;
    AditBusManager *manager = adit_bus_manager_proxy_new_for_bus_sync(
        G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE, ADIT_CLIENT_BUS,
        ADIT_CLIENT_PATH "/manager", NULL, &reason);

    if (!manager)
        g_propagate_error(error, adit_bus_take_error(reason, "aditd"));
    return manager;
}

gboolean
adit_cli_settle(gboolean ok, GError **reason, GError **error)
{
    if (!ok)
        g_propagate_error(error, adit_bus_take_error(g_steal_pointer(reason), "aditd"));
    return ok;
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(adit_bus_gateway_get_name(*(AditBusGateway *const *)a),
                  adit_bus_gateway_get_name(*(AditBusGateway *const *)b));
}

GPtrArray *
adit_cli_gateways(GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    g_autoptr(GDBusObjectManager) objects = NULL;
    g_autolist(GDBusObject) list = NULL;
    GPtrArray *gateways;
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_refresh_sync(
                                         manager, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                                     &reason, error))
        return NULL;
    objects = adit_bus_object_manager_client_new_for_bus_sync(
        G_BUS_TYPE_SYSTEM, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE, ADIT_CLIENT_BUS,
        ADIT_CLIENT_PATH, NULL, &reason);
    if (!adit_cli_settle(objects != NULL, &reason, error))
        return NULL;
    gateways = g_ptr_array_new_with_free_func(g_object_unref);
    list = g_dbus_object_manager_get_objects(objects);
    for (GList *l = list; l; l = l->next) {
        AditBusGateway *gateway = adit_bus_object_get_gateway(ADIT_BUS_OBJECT(l->data));

        if (gateway)
            g_ptr_array_add(gateways, gateway);
    }
    g_ptr_array_sort(gateways, by_name);
    return gateways;
}
