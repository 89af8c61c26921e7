/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/exported.h"

#include "client-dbus-generated.h"
#include "client/names.h"
#include "policy-routing/gateway.h"

char *
adit_exported_path(const char *name)
{
    GString *path = g_string_new(ADIT_CLIENT_PATH "/gateways/");

    /* Object paths take letters, digits and '_' only. */
    for (const char *c = name; *c; c++) {
        if (g_ascii_isalnum(*c))
            g_string_append_c(path, *c);
        else
            g_string_append_printf(path, "_%02x", (guchar)*c);
    }
    return g_string_free(path, FALSE);
}

static void
fill_servers(AditBusGateway *object, const AditEntry *entry)
{
    g_autoptr(AditGateway) gateway =
        adit_gateway_from_profile(entry->name, entry->slot, entry->name, entry->profile);
    g_autoptr(GStrvBuilder) servers = g_strv_builder_new();
    g_auto(GStrv) list = NULL;

    for (guint f = 0; f < 2; f++) {
        g_autofree char *text = adit_addr_is_set(&gateway->servers[f])
                                    ? adit_addr_to_string(&gateway->servers[f])
                                    : NULL;

        if (text)
            g_strv_builder_add(servers, text);
    }
    list = g_strv_builder_end(servers);
    adit_bus_gateway_set_servers(object, (const char *const *)list);
}

static void
fill_gateway(AditBusGateway *object, const AditEntry *entry, AditDaemon *daemon,
             const AditVigil *vigil)
{
    g_auto(AditGatewayStatus) status = { 0 };
    g_autoptr(GStrvBuilder) addresses = g_strv_builder_new();
    g_auto(GStrv) list = NULL;

    for (guint i = 0; i < entry->profile->n_addresses; i++) {
        g_autofree char *text = adit_addr_to_string(&entry->profile->addresses[i].addr);

        g_strv_builder_add(addresses, text);
    }
    list = g_strv_builder_end(addresses);
    adit_daemon_status(daemon, entry->name, &status, NULL);
    if (!status.problem && status.health == ADIT_HEALTH_UP && vigil)
        status.problem = g_strdup(adit_vigil_problem(vigil, entry->name));
    fill_servers(object, entry);
    adit_bus_gateway_set_name(object, entry->name);
    adit_bus_gateway_set_backend(object, adit_backend_to_string(entry->backend));
    adit_bus_gateway_set_slot(object, entry->slot);
    adit_bus_gateway_set_link(object, entry->name);
    adit_bus_gateway_set_up(object, entry->up);
    adit_bus_gateway_set_addresses(object, (const char *const *)list);
    adit_bus_gateway_set_state(object, adit_health_to_string(status.health));
    adit_bus_gateway_set_last_handshake(object, (guint64)status.last_handshake);
    adit_bus_gateway_set_default4(object, entry->selected[0]);
    adit_bus_gateway_set_default6(object, entry->selected[1]);
    adit_bus_gateway_set_problem(object, status.problem ? status.problem : "");
}

static void
export_entry(GDBusObjectManagerServer *objects, const AditEntry *entry, AditDaemon *daemon,
             const AditVigil *vigil)
{
    g_autofree char *path = adit_exported_path(entry->name);
    g_autoptr(GDBusObject) known =
        g_dbus_object_manager_get_object(G_DBUS_OBJECT_MANAGER(objects), path);
    g_autoptr(AditBusGateway) gateway = NULL;

    if (known) {
        gateway =
            ADIT_BUS_GATEWAY(g_dbus_object_get_interface(known, "org.adit.Client1.Gateway"));
        fill_gateway(gateway, entry, daemon, vigil);
        return;
    }
    g_autoptr(GDBusObjectSkeleton) object = g_dbus_object_skeleton_new(path);

    gateway = adit_bus_gateway_skeleton_new();
    fill_gateway(gateway, entry, daemon, vigil);
    g_dbus_object_skeleton_add_interface(object, G_DBUS_INTERFACE_SKELETON(gateway));
    g_dbus_object_manager_server_export(objects, object);
}

static void
unexport_strangers(GDBusObjectManagerServer *objects, AditDaemon *daemon)
{
    g_autolist(GDBusObject) known =
        g_dbus_object_manager_get_objects(G_DBUS_OBJECT_MANAGER(objects));

    for (GList *l = known; l; l = l->next) {
        g_autoptr(AditBusGateway) gateway =
            ADIT_BUS_GATEWAY(g_dbus_object_get_interface(l->data, "org.adit.Client1.Gateway"));

        if (gateway &&
            !adit_catalog_find(adit_daemon_entries(daemon), adit_bus_gateway_get_name(gateway)))
            g_dbus_object_manager_server_unexport(objects,
                                                  g_dbus_object_get_object_path(l->data));
    }
}

void
adit_exported_refresh(GDBusObjectManagerServer *objects, AditDaemon *daemon,
                      const AditVigil *vigil)
{
    const GPtrArray *entries = adit_daemon_entries(daemon);

    unexport_strangers(objects, daemon);
    for (guint i = 0; i < entries->len; i++)
        export_entry(objects, g_ptr_array_index(entries, i), daemon, vigil);
}
