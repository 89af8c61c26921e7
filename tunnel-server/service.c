/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"
#include "tunnel-server/neighbours.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <grp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ADMIN_GROUP "adit-admin"
#define BUS_MS 1000 /* for one question to the bus itself, which answers at once */
#define MAX_CALLERS 256

typedef struct {
    guint uid;
    gboolean allowed;
} Caller;

/* -- who may -- */

static gboolean
is_admin_group(GVariant *credentials)
{
    g_autoptr(GVariant) groups =
        g_variant_lookup_value(credentials, "UnixGroupIDs", G_VARIANT_TYPE("au"));
    const struct group *admins = getgrnam(ADMIN_GROUP);
    const guint32 *ids;
    gsize n = 0;

    if (!groups || !admins)
        return FALSE;
    ids = g_variant_get_fixed_array(groups, &n, sizeof(guint32));
    for (gsize i = 0; i < n; i++)
        if (ids[i] == admins->gr_gid)
            return TRUE;
    return FALSE;
}

/* Root, the daemon's own user, and members of the group. */
static Caller *
ask_bus(GDBusConnection *bus, const char *name)
{
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "GetConnectionCredentials", g_variant_new("(s)", name), G_VARIANT_TYPE("(a{sv})"),
        G_DBUS_CALL_FLAGS_NONE, BUS_MS, NULL, NULL);
    g_autoptr(GVariant) credentials = NULL;
    Caller *caller = g_new0(Caller, 1);

    caller->uid = G_MAXUINT;
    if (!answer)
        return caller;
    credentials = g_variant_get_child_value(answer, 0);
    if (!g_variant_lookup(credentials, "UnixUserID", "u", &caller->uid))
        return caller;
    caller->allowed =
        caller->uid == 0 || caller->uid == geteuid() || is_admin_group(credentials);
    return caller;
}

/* A unique name is never given twice, and its credentials never change: asked once. */
static const Caller *
caller_of(AditServerService *self, GDBusMethodInvocation *call)
{
    const char *name = g_dbus_method_invocation_get_sender(call);
    Caller *caller = g_hash_table_lookup(self->callers, name);

    if (caller)
        return caller;
    if (g_hash_table_size(self->callers) >= MAX_CALLERS)
        g_hash_table_remove_all(self->callers);
    caller = ask_bus(g_dbus_method_invocation_get_connection(call), name);
    g_hash_table_insert(self->callers, g_strdup(name), caller);
    return caller;
}

static gboolean
on_authorize(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *call,
             AditServerService *self)
{
    if (caller_of(self, call)->allowed)
        return TRUE;
    g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_DENIED,
                                          "not allowed: be root or a member of the group %s",
                                          ADMIN_GROUP);
    return FALSE;
}

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

guint
adit_service_uid(AditServerService *self, GDBusMethodInvocation *call)
{
    return caller_of(self, call)->uid;
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
    const AditAudit audit = { caller_of(self, call)->uid, verb, object };
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

static void
on_name_gone(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
             const char *signal, GVariant *parameters, gpointer data)
{
    AditServerService *self = data;
    const char *name, *owner;

    g_variant_get(parameters, "(&s&s&s)", &name, NULL, &owner);
    if (*owner == '\0')
        g_hash_table_remove(self->callers, name);
}

AditServerService *
adit_server_service_new(AditAdmin *admin, GDBusConnection *bus, GError **error)
{
    AditServerService *self = g_new0(AditServerService, 1);

    self->admin = admin;
    self->callers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->manager = adit_srv_manager_skeleton_new();
    self->watch = g_dbus_connection_signal_subscribe(
        bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
        "/org/freedesktop/DBus", NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_name_gone, self, NULL);
    adit_srv_manager_set_version(self->manager, ADIT_VERSION);
    g_signal_connect(self->manager, "g-authorize-method", G_CALLBACK(on_authorize), self);
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
    GDBusConnection *bus;

    if (!self)
        return;
    adit_service_end_probe(self);
    bus = g_dbus_interface_skeleton_get_connection(G_DBUS_INTERFACE_SKELETON(self->manager));
    if (bus) {
        g_dbus_connection_signal_unsubscribe(bus, self->watch);
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(self->manager));
    }
    g_signal_handlers_disconnect_by_data(self->manager, self);
    g_ptr_array_unref(self->checks);
    g_object_unref(self->manager);
    g_hash_table_unref(self->callers);
    adit_admin_watch_leases(self->admin, NULL, NULL);
    g_clear_handle_id(&self->news, g_source_remove);
    adit_traffic_table_free(self->traffic);
    adit_wg_dump_free(self->peers);
    g_free(self);
}
