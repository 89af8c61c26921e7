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
#include "client/update.h"
#include "client/vigil.h"
#include "libadit/core/error.h"

#define DRAIN_MS 2000                   /* the patience of who removes a gateway */
#define CHOICE_US (20 * G_USEC_PER_SEC) /* and of who selects one that something is at */

struct _AditService {
    AditDaemon *daemon;
    GDBusObjectManagerServer *objects;
    AditBusManager *manager;
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
    refresh(data);
}

/* A call on the bus that waits for its turn, and then for a change. */
typedef struct {
    AditService *service;
    GDBusMethodInvocation *call;
    void (*complete)(AditBusManager *manager, GDBusMethodInvocation *call);
    void (*complete_path)(AditBusManager *manager, GDBusMethodInvocation *call,
                          const char *path); /* or this one */
    AditQueueFunc begin;
    guint watch; /* of who has called, while he waits for his turn */
    gboolean left;
    AditBackendKind backend; /* of an import, or an adoption */
    gboolean everyone;       /* likewise */
    gint64 until;            /* of a choice: in monotonic time */
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
refuse(Waiting *waiting, const char *why)
{
    g_dbus_method_invocation_return_error_literal(waiting->call, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                                                  why);
    g_clear_handle_id(&waiting->watch, g_bus_unwatch_name);
    g_free(waiting);
}

static void
drop(gpointer data)
{
    refuse(data, "aditd: stops: not done");
}

static void
on_left(GDBusConnection *bus, const char *name, gpointer data)
{
    ((Waiting *)data)->left = TRUE;
}

/* What nobody waits for any more is not done. */
static void
on_turn(gpointer data)
{
    Waiting *waiting = data;

    g_clear_handle_id(&waiting->watch, g_bus_unwatch_name);
    if (waiting->left)
        refuse(waiting, "aditd: nobody waits for it any more");
    else
        waiting->begin(waiting);
}

static void
take_turn(Waiting *waiting, const char *name, AditQueueFunc begin)
{
    waiting->begin = begin;
    if (adit_daemon_await(waiting->service->daemon, name, on_turn, drop, waiting))
        waiting->watch = g_bus_watch_name_on_connection(
            g_dbus_method_invocation_get_connection(waiting->call),
            g_dbus_method_invocation_get_sender(waiting->call), G_BUS_NAME_WATCHER_FLAGS_NONE,
            NULL, on_left, waiting, NULL);
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

static GVariant *
arguments_of(const Waiting *waiting)
{
    return g_dbus_method_invocation_get_parameters(waiting->call);
}

/* The first argument of every call that waits. */
static const char *
name_in(const Waiting *waiting)
{
    const char *name;

    g_variant_get_child(arguments_of(waiting), 0, "&s", &name);
    return name;
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
    const char *name, *profile;

    g_variant_get(arguments_of(waiting), "(&s&s@a{sv})", &name, &profile, NULL);
    adit_change_import(waiting->service->daemon, waiting->backend, name, profile, on_done,
                       waiting);
}

static gboolean
on_import(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          const char *profile, GVariant *options, AditService *self)
{
    AditBackendKind backend = ADIT_BACKEND_AUTO;
    Waiting *waiting;

    if (!read_backend(options, call, &backend))
        return TRUE;
    waiting = wait_for(self, call, NULL);
    waiting->complete_path = adit_bus_manager_complete_import;
    waiting->backend = backend;
    take_turn(waiting, adit_change_whose_import(self->daemon, profile), import);
    return TRUE;
}

static void
adopt(gpointer data)
{
    Waiting *waiting = data;
    const char *word;

    g_variant_get(arguments_of(waiting), "(&s@a{sv})", &word, NULL);
    if (waiting->everyone)
        adit_adopt_for_everyone(waiting->service->daemon, waiting->backend, word, on_done,
                                waiting);
    else
        adit_adopt(waiting->service->daemon, waiting->backend, word, on_done, waiting);
}

/* Which gateway a word means, by its id or what people call it, too. */
static const char *
name_of(const AditService *self, const char *word)
{
    const GPtrArray *entries = adit_daemon_entries(self->daemon);

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);

        if (g_strcmp0(entry->id, word) == 0 || g_strcmp0(entry->title, word) == 0)
            return entry->name;
    }
    return word;
}

static gboolean
on_adopt(AditBusManager *manager, GDBusMethodInvocation *call, const char *word,
         GVariant *options, AditService *self)
{
    AditBackendKind backend = ADIT_BACKEND_AUTO;
    Waiting *waiting;

    if (!read_backend(options, call, &backend))
        return TRUE;
    waiting = wait_for(self, call, NULL);
    waiting->complete_path = adit_bus_manager_complete_adopt;
    waiting->backend = backend;
    g_variant_lookup(options, "everyone", "b", &waiting->everyone);
    take_turn(waiting, name_of(self, word), adopt);
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
    take_turn(wait_for(self, call, adit_bus_manager_complete_update), name, update);
    return TRUE;
}

static void
rotate(gpointer data)
{
    Waiting *waiting = data;

    adit_rotor_rotate(waiting->service->rotor, name_in(waiting), on_done, waiting);
}

static gboolean
on_rotate(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          AditService *self)
{
    take_turn(wait_for(self, call, adit_bus_manager_complete_rotate), name, rotate);
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

    adit_unadopt(waiting->service->daemon, name_in(waiting), on_done, waiting);
}

static gboolean
on_unadopt(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
           AditService *self)
{
    take_turn(wait_for(self, call, adit_bus_manager_complete_unadopt), name, unadopt);
    return TRUE;
}

static void
remove_gateway(gpointer data)
{
    Waiting *waiting = data;

    adit_change_remove(waiting->service->daemon, name_in(waiting), on_done, waiting);
}

/* Nobody there, nothing published, or no answer in time: it goes all the same, and leases that
 * could not be given back run out. */
static void
on_drained(GObject *bus, GAsyncResult *result, gpointer data)
{
    Waiting *waiting = data;
    GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, NULL);

    g_clear_pointer(&answer, g_variant_unref);
    take_turn(waiting, name_in(waiting), remove_gateway);
}

/* What is published there is given back first, while the tunnel stands. */
static void
drain(gpointer data)
{
    Waiting *waiting = data;
    const char *name = name_in(waiting);

    if (adit_daemon_is_busy(waiting->service->daemon, name)) {
        remove_gateway(waiting); /* to be refused */
        return;
    }
    g_dbus_connection_call(g_dbus_method_invocation_get_connection(waiting->call),
                           "org.adit.Publisher1", "/org/adit/Publisher1/publisher",
                           "org.adit.Publisher1.Publisher", "Drain", g_variant_new("(s)", name),
                           NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, DRAIN_MS, NULL, on_drained,
                           waiting);
}

static gboolean
on_remove(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          AditService *self)
{
    take_turn(wait_for(self, call, adit_bus_manager_complete_remove), name, drain);
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
    take_turn(wait_for(self, call, adit_bus_manager_complete_set_up), name, set_up);
    return TRUE;
}

/* One that the choice changes, and that something is at. */
static const char *
find_busy(const AditService *self, const char *chosen, const gboolean families[2])
{
    const GPtrArray *entries = adit_daemon_entries(self->daemon);

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);
        const gboolean is_chosen = g_str_equal(entry->name, chosen);

        for (guint f = 0; f < 2; f++)
            if (families[f] && entry->selected[f] != is_chosen &&
                adit_daemon_is_busy(self->daemon, entry->name))
                return entry->name;
    }
    return NULL;
}

static void
set_default(gpointer data)
{
    Waiting *waiting = data;
    AditService *self = waiting->service;
    gboolean families[2];
    const char *name, *busy;

    g_variant_get(arguments_of(waiting), "(&sbb)", &name, &families[0], &families[1]);
    busy = find_busy(self, name, families);
    if (busy && g_get_monotonic_time() < waiting->until)
        take_turn(waiting, busy, set_default);
    else
        adit_change_set_default(self->daemon, *name ? name : NULL, families, on_done, waiting);
}

static gboolean
on_set_default(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
               gboolean ipv4, gboolean ipv6, AditService *self)
{
    Waiting *waiting = wait_for(self, call, adit_bus_manager_complete_set_default);

    waiting->until = g_get_monotonic_time() + CHOICE_US;
    set_default(waiting);
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
