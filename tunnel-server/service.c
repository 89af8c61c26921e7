/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "tunnel-server/caller.h"
#include "tunnel-server/neighbours.h"

/* -- answers -- */

gboolean
adit_service_fail(GDBusMethodInvocation *call, GError *error)
{
    if (!error)
        return FALSE;
    g_dbus_method_invocation_take_error(call, error);
    return TRUE;
}

gboolean
adit_service_no_page(GDBusMethodInvocation *call, const char *after)
{
    g_autofree char *quoted = adit_error_quote(after);

    g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                                          "%s: is not there any more: begin the list anew",
                                          quoted);
    return TRUE;
}

void
adit_server_service_changed(AditServerService *self)
{
    adit_srv_manager_set_generation(self->manager,
                                    adit_srv_manager_get_generation(self->manager) + 1);
    adit_server_service_refresh(self);
    adit_srv_manager_emit_mappings_changed(self->manager);
}

gboolean
adit_service_change(AditServerService *self, GDBusMethodInvocation *call, const char *verb,
                    const char *object, AditEdit edit, gpointer data)
{
    const AditAudit audit = { adit_caller_uid(call), verb, object };
    GError *error = NULL;

    adit_admin_change(self->admin, &audit, edit, data, &error);
    if (adit_service_fail(call, error))
        return FALSE;
    adit_server_service_changed(self);
    return TRUE;
}

/* -- properties -- */

static void
set_problems(AditServerService *self)
{
    g_autoptr(GPtrArray) problems = adit_neighbours_look(self->admin);
    const AditLeases *leases = adit_pcp_server_leases(adit_admin_pcp(self->admin));

    if (adit_admin_note(self->admin))
        g_ptr_array_insert(problems, 0, g_strdup(adit_admin_note(self->admin)));
    if (adit_admin_trouble(self->admin))
        g_ptr_array_insert(problems, 0, g_strdup(adit_admin_trouble(self->admin)));
    if (adit_leases_trouble(leases))
        g_ptr_array_insert(problems, 0, g_strdup(adit_leases_trouble(leases)));
    adit_pcp_server_refusals(adit_admin_pcp(self->admin), problems);
    g_ptr_array_add(problems, NULL);
    adit_srv_manager_set_problems(self->manager, (const char *const *)problems->pdata);
}

static void
set_identity(AditServerService *self, const AditModel *model)
{
    g_autofree char *endpoint = adit_admin_endpoint(self->admin);
    g_autofree char *key = NULL;
    AditKey public_key = { 0 };

    if (!adit_key_is_zero(&model->private_key)) {
        adit_key_public(&model->private_key, &public_key);
        key = adit_key_to_string(&public_key);
    }
    adit_srv_manager_set_public_key(self->manager, key ? key : "");
    adit_srv_manager_set_endpoint(self->manager, endpoint ? endpoint : "");
}

static void
set_invitations(AditServerService *self, const AditModel *model)
{
    GVariantBuilder rows = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sx)"));

    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *device = adit_model_device(model, i);

        if (device->invite_until != 0)
            g_variant_builder_add(&rows, "(sx)", device->name, device->invite_until);
    }
    adit_srv_manager_set_invitations(self->manager, g_variant_builder_end(&rows));
}

void
adit_server_service_refresh(AditServerService *self)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditServerFacts *facts = adit_admin_facts(self->admin);
    AditAddr wan4 = adit_server_facts_wan4(facts);
    g_autofree char *wan = adit_addr_is_set(&wan4) ? adit_addr_to_string(&wan4) : NULL;

    set_identity(self, model);
    adit_srv_manager_set_state(self->manager, adit_admin_state(self->admin));
    adit_srv_manager_set_listen_port(self->manager, model->listen_port);
    adit_srv_manager_set_wan(self->manager, facts->wan);
    adit_srv_manager_set_wan_address(self->manager, wan ? wan : "");
    adit_srv_manager_set_subnets(self->manager, model->subnets->len);
    adit_srv_manager_set_devices(self->manager, model->devices->len);
    adit_server_service_count_mappings(self);
    set_invitations(self, model);
    set_problems(self);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self->manager));
}

AditServerService *
adit_server_service_new(AditAdmin *admin, GDBusConnection *bus, GError **error)
{
    AditServerService *self = g_new0(AditServerService, 1);

    self->admin = admin;
    self->manager = adit_srv_manager_skeleton_new();
    adit_srv_manager_set_version(self->manager, ADIT_VERSION);
    adit_caller_guard(G_DBUS_INTERFACE_SKELETON(self->manager));
    adit_service_connect_check(self);
    adit_service_connect_probe(self);
    adit_service_connect_server(self);
    adit_service_connect_subnets(self);
    adit_service_connect_devices(self);
    adit_service_connect_rotate(self);
    adit_service_connect_mappings(self);
    adit_service_connect_own(self);
    adit_service_connect_list(self);
    adit_service_connect_files(self);
    adit_server_service_refresh(self);
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(self->manager), bus,
                                          ADIT_SERVER_PATH, error)) {
        adit_server_service_free(self);
        return NULL;
    }
    return self;
}

void
adit_server_service_free(AditServerService *self)
{
    if (!self)
        return;
    adit_service_end_probe(self);
    if (g_dbus_interface_skeleton_get_connection(G_DBUS_INTERFACE_SKELETON(self->manager)))
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(self->manager));
    g_signal_handlers_disconnect_by_data(self->manager, self);
    g_ptr_array_unref(self->checks);
    g_object_unref(self->manager);
    adit_admin_watch_leases(self->admin, NULL, NULL);
    g_clear_handle_id(&self->news, g_source_remove);
    adit_traffic_table_free(self->traffic);
    adit_wg_dump_free(self->peers);
    g_free(self);
}
