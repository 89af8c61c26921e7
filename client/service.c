/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/service.h"

#include "client-dbus-generated.h"
#include "client/adopt.h"
#include "client/authority.h"
#include "client/change.h"
#include "client/doctor/doctor-service.h"
#include "client/exported.h"
#include "client/follow.h"
#include "client/names.h"
#include "client/publish-service.h"
#include "client/queue.h"
#include "client/update.h"
#include "client/vigil.h"
#include "libadit/core/error.h"

#define DRAIN_MS 2000  /* the patience of who removes a gateway */
#define QUEUE_MS 20000 /* more than an update waits for its handshake */

struct _AditService {
    AditDaemon *daemon;
    GDBusObjectManagerServer *objects;
    AditBusManager *manager;
    AditQueue *queue; /* for the gateways */
    AditPublishService *publications;
    AditInband *inband;
    AditRotor *rotor;
    AditFollow *follow;
    AditDoctorService *doctor;
    AditVigil *vigil; /* NULL: not yet */
};

static void
refresh(AditService *self)
{
    g_auto(GStrv) offered = adit_daemon_offered(self->daemon);

    adit_exported_refresh(self->objects, self->daemon, self->vigil);
    adit_bus_manager_set_offered(self->manager, (const char *const *)offered);
    adit_publish_service_refresh(self->publications);
}

static void
on_changed(AditDaemon *daemon, gpointer data)
{
    AditService *self = data;

    refresh(self);
    adit_queue_look(self->queue);
}

static gboolean
is_busy(const char *name, gpointer data)
{
    const AditService *self = data;
    const AditEntry *entry = adit_catalog_find(adit_daemon_entries(self->daemon), name);

    return entry && entry->busy;
}

/* A call on the bus that waits for a change. */
typedef struct {
    AditService *service;
    GDBusMethodInvocation *call;
    void (*complete)(AditBusManager *manager, GDBusMethodInvocation *call);
    void (*complete_path)(AditBusManager *manager, GDBusMethodInvocation *call,
                          const char *path); /* or this one */
} Waiting;

static Waiting *
wait_for(AditService *self, GDBusMethodInvocation *call,
         void (*complete)(AditBusManager *manager, GDBusMethodInvocation *call))
{
    Waiting *waiting = g_new0(Waiting, 1);

    waiting->service = self;
    waiting->call = call;
    waiting->complete = complete;
    return waiting;
}

static void
on_done(const char *name, const GError *error, gpointer data)
{
    Waiting *waiting = data;

    if (error) {
        g_dbus_method_invocation_return_gerror(waiting->call, error);
    } else if (waiting->complete_path) {
        g_autofree char *path = adit_exported_path(name);

        waiting->complete_path(waiting->service->manager, waiting->call, path);
    } else {
        waiting->complete(waiting->service->manager, waiting->call);
    }
    g_free(waiting);
}

static void
drop(gpointer data)
{
    g_autofree Waiting *waiting = data;

    g_dbus_method_invocation_return_error(waiting->call, ADIT_ERROR, ADIT_ERROR_BUSY,
                                          "aditd ends");
}

static GVariant *
arguments_of(const Waiting *waiting)
{
    return g_dbus_method_invocation_get_parameters(waiting->call);
}

/* FALSE: answered that there is no such. */
static gboolean
read_backend(GVariant *options, GDBusMethodInvocation *call, AditBackendKind *ret)
{
    const char *word = NULL;

    if (!g_variant_lookup(options, "backend", "&s", &word) || adit_backend_parse(word, ret))
        return TRUE;
    g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_CONFIG,
                                          "backend: %s: no such", word);
    return FALSE;
}

static void
import(gpointer data)
{
    Waiting *waiting = data;
    g_autoptr(GVariant) options = NULL;
    AditBackendKind backend = ADIT_BACKEND_AUTO;
    const char *name, *profile;

    g_variant_get(arguments_of(waiting), "(&s&s@a{sv})", &name, &profile, &options);
    if (read_backend(options, waiting->call, &backend))
        adit_change_import(waiting->service->daemon, backend, name, profile, on_done, waiting);
    else
        g_free(waiting);
}

static gboolean
on_import(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          const char *profile, GVariant *options, AditService *self)
{
    Waiting *waiting = wait_for(self, call, NULL);

    waiting->complete_path = adit_bus_manager_complete_import;
    adit_queue_join(self->queue, adit_change_whose_import(self->daemon, profile), import, drop,
                    waiting);
    return TRUE;
}

static void
adopt(gpointer data)
{
    Waiting *waiting = data;
    AditDaemon *daemon = waiting->service->daemon;
    g_autoptr(GVariant) options = NULL;
    AditBackendKind backend = ADIT_BACKEND_AUTO;
    gboolean everyone = FALSE;
    const char *name;

    g_variant_get(arguments_of(waiting), "(&s@a{sv})", &name, &options);
    if (!read_backend(options, waiting->call, &backend)) {
        g_free(waiting);
        return;
    }
    if (g_variant_lookup(options, "everyone", "b", &everyone) && everyone)
        adit_adopt_for_everyone(daemon, backend, name, on_done, waiting);
    else
        adit_adopt(daemon, backend, name, on_done, waiting);
}

static gboolean
on_adopt(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
         GVariant *options, AditService *self)
{
    Waiting *waiting = wait_for(self, call, NULL);

    waiting->complete_path = adit_bus_manager_complete_adopt;
    adit_queue_join(self->queue, name, adopt, drop, waiting);
    return TRUE;
}

static void
update(gpointer data)
{
    Waiting *waiting = data;
    const char *name, *profile;

    g_variant_get(arguments_of(waiting), "(&s&s)", &name, &profile);
    adit_update(waiting->service->daemon, name, profile, on_done, waiting);
}

static gboolean
on_update(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          const char *profile, AditService *self)
{
    adit_queue_join(self->queue, name, update, drop,
                    wait_for(self, call, adit_bus_manager_complete_update));
    return TRUE;
}

static void
rotate(gpointer data)
{
    Waiting *waiting = data;
    const char *name;

    g_variant_get(arguments_of(waiting), "(&s)", &name);
    adit_rotor_rotate(waiting->service->rotor, name, on_done, waiting);
}

static gboolean
on_rotate(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          AditService *self)
{
    adit_queue_join(self->queue, name, rotate, drop,
                    wait_for(self, call, adit_bus_manager_complete_rotate));
    return TRUE;
}

static gboolean
on_export(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          AditService *self)
{
    const AditEntry *entry = adit_catalog_find(adit_daemon_entries(self->daemon), name);
    char *text;

    if (!entry) {
        g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                                              "%s: no such gateway", name);
        return TRUE;
    }
    text = adit_profile_to_string(entry->profile);
    adit_bus_manager_complete_export(manager, call, text);
    adit_key_string_free(text);
    return TRUE;
}

static void
unadopt(gpointer data)
{
    Waiting *waiting = data;
    const char *name;

    g_variant_get(arguments_of(waiting), "(&s)", &name);
    adit_unadopt(waiting->service->daemon, name, on_done, waiting);
}

static gboolean
on_unadopt(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
           AditService *self)
{
    adit_queue_join(self->queue, name, unadopt, drop,
                    wait_for(self, call, adit_bus_manager_complete_unadopt));
    return TRUE;
}

static void
remove_gateway(gpointer data)
{
    Waiting *waiting = data;
    const char *name;

    g_variant_get(arguments_of(waiting), "(&s)", &name);
    adit_change_remove(waiting->service->daemon, name, on_done, waiting);
}

/* Nobody there, nothing published, or no answer in time: it goes all the same, and leases that
 * could not be given back run out. */
static void
on_drained(GObject *bus, GAsyncResult *result, gpointer data)
{
    Waiting *waiting = data;
    GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, NULL);
    const char *name;

    g_clear_pointer(&answer, g_variant_unref);
    g_variant_get(arguments_of(waiting), "(&s)", &name);
    adit_queue_join(waiting->service->queue, name, remove_gateway, drop, waiting);
}

/* What is published there is given back first, while the tunnel stands. */
static gboolean
on_remove(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          AditService *self)
{
    g_dbus_connection_call(g_dbus_method_invocation_get_connection(call), "org.adit.Publisher1",
                           "/org/adit/Publisher1/publisher", "org.adit.Publisher1.Publisher",
                           "Drain", g_variant_new("(s)", name), NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, DRAIN_MS, NULL, on_drained,
                           wait_for(self, call, adit_bus_manager_complete_remove));
    return TRUE;
}

static void
set_up(gpointer data)
{
    Waiting *waiting = data;
    const char *name;
    gboolean up;

    g_variant_get(arguments_of(waiting), "(&sb)", &name, &up);
    adit_change_set_up(waiting->service->daemon, name, up, on_done, waiting);
}

static gboolean
on_set_up(AditBusManager *manager, GDBusMethodInvocation *call, const char *name, gboolean up,
          AditService *self)
{
    adit_queue_join(self->queue, name, set_up, drop,
                    wait_for(self, call, adit_bus_manager_complete_set_up));
    return TRUE;
}

static gboolean
on_set_default(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
               gboolean ipv4, gboolean ipv6, AditService *self)
{
    const gboolean families[2] = { ipv4, ipv6 };

    adit_change_set_default(self->daemon, *name ? name : NULL, families, on_done,
                            wait_for(self, call, adit_bus_manager_complete_set_default));
    return TRUE;
}

static gboolean
on_refresh(AditBusManager *manager, GDBusMethodInvocation *call, AditService *self)
{
    g_autoptr(GError) error = NULL;

    adit_daemon_look(self->daemon, &error); /* what it says is no reason to show nothing */
    adit_bus_manager_set_problem(self->manager, error ? error->message : "");
    refresh(self);
    adit_vigil_stir(self->vigil);
    adit_bus_manager_complete_refresh(manager, call);
    return TRUE;
}

static const AditAuthorityRow actions[] = {
    { "Import", "org.adit.Client1.import" },
    { "Update", "org.adit.Client1.import" },
    { "Rotate", "org.adit.Client1.rotate" },
    { "Adopt", "org.adit.Client1.adopt" },
    { "Unadopt", "org.adit.Client1.adopt" },
    { "SetUp", "org.adit.Client1.set-default" },
    { "SetDefault", "org.adit.Client1.set-default" },
    { "Remove", "org.adit.Client1.manage" },
    { "Export", "org.adit.Client1.manage" },
    { "Examine", "org.adit.Client1.examine" }, /* which names rules that only root reads */
    { 0 },
};

static void
on_told(gpointer data)
{
    AditService *self = data;

    if (self->follow)
        adit_follow_look(self->follow);
}

static void
begin_inband(AditService *self, GDBusConnection *bus)
{
    self->inband = adit_inband_new(bus, on_told, self);
    self->rotor = adit_rotor_new(self->daemon, self->inband);
    self->follow = adit_follow_new(self->daemon, self->inband, self->rotor);
}

static void
on_vigil(gpointer data)
{
    refresh(data);
}

AditService *
adit_service_new(AditDaemon *daemon, GDBusConnection *bus)
{
    AditService *self = g_new0(AditService, 1);
    g_autoptr(GDBusObjectSkeleton) root =
        g_dbus_object_skeleton_new(ADIT_CLIENT_PATH "/manager");

    self->daemon = daemon;
    self->objects = g_dbus_object_manager_server_new(ADIT_CLIENT_PATH);
    self->manager = adit_bus_manager_skeleton_new();
    adit_bus_manager_set_version(self->manager, ADIT_VERSION);
    g_signal_connect(self->manager, "handle-import", G_CALLBACK(on_import), self);
    g_signal_connect(self->manager, "handle-remove", G_CALLBACK(on_remove), self);
    g_signal_connect(self->manager, "handle-adopt", G_CALLBACK(on_adopt), self);
    g_signal_connect(self->manager, "handle-update", G_CALLBACK(on_update), self);
    g_signal_connect(self->manager, "handle-rotate", G_CALLBACK(on_rotate), self);
    g_signal_connect(self->manager, "handle-export", G_CALLBACK(on_export), self);
    g_signal_connect(self->manager, "handle-unadopt", G_CALLBACK(on_unadopt), self);
    g_signal_connect(self->manager, "handle-refresh", G_CALLBACK(on_refresh), self);
    g_signal_connect(self->manager, "handle-set-up", G_CALLBACK(on_set_up), self);
    g_signal_connect(self->manager, "handle-set-default", G_CALLBACK(on_set_default), self);
    self->doctor = adit_doctor_service_new(daemon, self->manager);
    adit_authority_guard(G_DBUS_INTERFACE_SKELETON(self->manager), actions);
    g_dbus_object_skeleton_add_interface(root, G_DBUS_INTERFACE_SKELETON(self->manager));
    self->queue = adit_queue_new(QUEUE_MS, is_busy, self);
    self->publications = adit_publish_service_new(daemon, root);
    g_dbus_object_manager_server_export(self->objects, root);
    adit_daemon_set_changed(daemon, on_changed, self);
    begin_inband(self, bus);
    self->vigil = adit_vigil_new(daemon, bus, on_vigil, self);
    refresh(self);
    g_dbus_object_manager_server_set_connection(self->objects, bus);
    return self;
}

void
adit_service_free(AditService *self)
{
    if (!self)
        return;
    adit_daemon_set_changed(self->daemon, NULL, NULL);
    adit_queue_free(self->queue);
    g_clear_pointer(&self->follow, adit_follow_free);
    g_clear_pointer(&self->inband, adit_inband_free);
    g_clear_pointer(&self->rotor, adit_rotor_free);
    g_dbus_object_manager_server_set_connection(self->objects, NULL);
    g_signal_handlers_disconnect_by_data(self->manager, self);
    g_clear_pointer(&self->vigil, adit_vigil_free);
    adit_doctor_service_free(self->doctor);
    adit_publish_service_free(self->publications);
    g_object_unref(self->manager);
    g_object_unref(self->objects);
    g_free(self);
}
