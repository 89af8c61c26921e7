/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/backend-private.h"

#include "libadit/core/error.h"
#include "nm-plugin/reading.h"
#include "policy-routing/mend.h"

#include <stdio.h>

/* NetworkManager as libnm shows it: everything is cached, and every change is a signal. When
 * NetworkManager stops, all its objects vanish from the cache; that is no removal. */

#define NEEDED 42 /* of 1.x: peers and their routes are as we need them */
#define BELIEVE_MS 500
#define SETTLE_MS 100
#define FRESH_S 60 /* so long one that was added counts as just added */

static gboolean
is_new_enough(const char *version)
{
    guint major = 0, minor = 0;

    return !version || sscanf(version, "%u.%u", &major, &minor) != 2 || major > 1 ||
           minor >= NEEDED;
}

NMClient *
adit_nm_client(const AditNm *nm, GError **error)
{
    const char *version = nm->client ? nm_client_get_version(nm->client) : NULL;

    if (version && !is_new_enough(version)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "NetworkManager %s: too old: 1.%u is needed; --backend direct needs none",
                    version, NEEDED);
        return NULL;
    }
    if (nm->client && nm_client_get_nm_running(nm->client))
        return nm->client;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                "NetworkManager: not running: systemctl start NetworkManager");
    return NULL;
}

NMRemoteConnection *
adit_nm_find(const AditNm *nm, const char *uuid, GError **error)
{
    NMClient *client = adit_nm_client(nm, error);
    NMRemoteConnection *remote =
        client && uuid ? nm_client_get_connection_by_uuid(client, uuid) : NULL;

    if (client && !remote)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "NetworkManager: %s: no such connection", uuid ? uuid : "(none)");
    return remote;
}

NMActiveConnection *
adit_nm_find_active(const AditNm *nm, const char *uuid)
{
    const GPtrArray *all = nm_client_get_active_connections(nm->client);

    for (guint i = 0; uuid && i < all->len; i++) {
        NMActiveConnection *active = g_ptr_array_index(all, i);

        if (g_strcmp0(nm_active_connection_get_uuid(active), uuid) == 0)
            return active;
    }
    return NULL;
}

static GStrv
list(AditBackend *backend)
{
    AditNm *nm = (AditNm *)backend;
    NMClient *client = adit_nm_client(nm, NULL);
    const GPtrArray *all = client ? nm_client_get_connections(client) : NULL;
    g_autoptr(GStrvBuilder) ids = g_strv_builder_new();

    /* while it starts it may not have read them all */
    if (!all || nm_client_get_startup(client))
        return NULL;
    for (guint i = 0; i < all->len; i++)
        g_strv_builder_add(ids, nm_connection_get_uuid(g_ptr_array_index(all, i)));
    return g_strv_builder_end(ids);
}

static gboolean
manages(AditBackend *backend, const char *link)
{
    NMClient *client = adit_nm_client((AditNm *)backend, NULL);
    NMDevice *device = client ? nm_client_get_device_by_iface(client, link) : NULL;

    return device && nm_device_get_managed(device);
}

static gboolean
mend(AditBackend *backend, const AditBackendGateway *gateway, GError **error)
{
    return !gateway->up || adit_mend(((AditNm *)backend)->kernel, gateway, error);
}

/* By id, or by what people call it: UUID, name, or link. */
static NMRemoteConnection *
look_up(NMClient *client, const char *word)
{
    const GPtrArray *all = nm_client_get_connections(client);

    for (guint i = 0; i < all->len; i++) {
        NMConnection *connection = g_ptr_array_index(all, i);

        if (adit_nm_is_wireguard(connection) &&
            (g_strcmp0(nm_connection_get_uuid(connection), word) == 0 ||
             g_strcmp0(nm_connection_get_id(connection), word) == 0 ||
             g_strcmp0(nm_connection_get_interface_name(connection), word) == 0))
            return NM_REMOTE_CONNECTION(connection);
    }
    return NULL;
}

typedef struct {
    AditBackendRead done;
    gpointer data;
} Reading;

static void
tell_read(const Reading *reading, NMConnection *connection, GError **error)
{
    g_autoptr(AditProfile) profile = *error ? NULL : adit_nm_read(connection, error);
    const AditBackendFound found = {
        .id = nm_connection_get_uuid(connection),
        .link = nm_connection_get_interface_name(connection),
        .title = nm_connection_get_id(connection),
        .owner = adit_nm_owner(connection),
        .profile = profile,
    };

    reading->done(profile ? &found : NULL, *error, reading->data);
}

static void
on_secrets(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Reading *reading = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) secrets =
        nm_remote_connection_get_secrets_finish(NM_REMOTE_CONNECTION(source), result, &error);
    g_autoptr(NMConnection) clone = NULL;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    clone = nm_simple_connection_new_clone(NM_CONNECTION(source));
    if (secrets)
        nm_connection_update_secrets(clone, NM_SETTING_WIREGUARD_SETTING_NAME, secrets, &error);
    tell_read(reading, clone, &error);
}

static void
read_one(AditBackend *backend, const char *word, AditBackendRead done, gpointer data)
{
    AditNm *nm = (AditNm *)backend;
    g_autoptr(GError) error = NULL;
    NMClient *client = adit_nm_client(nm, &error);
    NMRemoteConnection *remote = client ? look_up(client, word) : NULL;
    Reading *reading;

    if (!remote) {
        if (client)
            g_set_error(&error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                        "%s: NetworkManager has no WireGuard connection of that name", word);
        done(NULL, error, data);
        return;
    }
    reading = g_new0(Reading, 1);
    reading->done = done;
    reading->data = data;
    nm_remote_connection_get_secrets_async(remote, NM_SETTING_WIREGUARD_SETTING_NAME,
                                           nm->cancel, on_secrets, reading);
}

static gboolean
is_watched(const AditNm *nm, NMConnection *connection)
{
    return nm->watch.data && adit_nm_is_wireguard(connection) &&
           !g_hash_table_contains(nm->busy, nm_connection_get_uuid(connection));
}

static void
on_edited(NMConnection *connection, AditNm *nm)
{
    if (is_watched(nm, connection))
        nm->watch.edited(nm_connection_get_uuid(connection), nm->watch.data);
}

static gboolean
is_fresh(const AditNm *nm, const char *uuid)
{
    const gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;
    gpointer when = g_hash_table_lookup(nm->fresh, uuid);

    return when && now - GPOINTER_TO_INT(when) < FRESH_S;
}

/* A copy of an enrolled connection has our slot, and is no import. */
static void
take_connection(AditNm *nm, NMConnection *connection)
{
    const char *uuid = nm_connection_get_uuid(connection);
    const AditBackendSight sight = { .marked = adit_nm_has_marker(connection),
                                     .fresh = is_fresh(nm, uuid) };
    const gboolean enrolled = adit_nm_slot(connection) != 0;

    g_signal_handlers_disconnect_by_func(connection, on_edited, nm);
    g_signal_connect(connection, NM_CONNECTION_CHANGED, G_CALLBACK(on_edited), nm);
    g_hash_table_remove(nm->removals, uuid);
    if (!is_watched(nm, connection))
        return;
    if (sight.marked && sight.fresh && !enrolled)
        nm->watch.seen(uuid, &sight, nm->watch.data);
    else if (sight.marked || enrolled)
        nm->watch.found(uuid, nm->watch.data);
}

static void
on_connection_added(NMClient *client, NMRemoteConnection *remote, AditNm *nm)
{
    const gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;

    if (adit_nm_client(nm, NULL) && !nm_client_get_startup(client))
        g_hash_table_replace(nm->fresh, g_strdup(nm_connection_get_uuid(NM_CONNECTION(remote))),
                             GINT_TO_POINTER((gint)now));
    take_connection(nm, NM_CONNECTION(remote));
}

/* What a moment later will show. */
typedef struct {
    AditNm *nm;
    char *uuid;
} Later;

static void
later_free(gpointer data)
{
    Later *later = data;

    g_free(later->uuid);
    g_free(later);
}

/* Its timer has run out; whose key it is forgotten. */
static void
forget_later(GHashTable *timers, const char *uuid)
{
    gpointer key = NULL;

    g_hash_table_steal_extended(timers, uuid, &key, NULL);
    g_free(key);
}

static void
look_later(AditNm *nm, GHashTable *timers, const char *uuid, guint ms, GSourceFunc func)
{
    Later *later = g_new0(Later, 1);

    later->nm = nm;
    later->uuid = g_strdup(uuid);
    g_hash_table_replace(
        timers, g_strdup(uuid),
        GUINT_TO_POINTER(g_timeout_add_full(G_PRIORITY_DEFAULT, ms, func, later, later_free)));
}

static gboolean
on_believe(gpointer data)
{
    Later *later = data;
    AditNm *nm = later->nm;
    g_autofree char *uuid = g_strdup(later->uuid);

    forget_later(nm->removals, uuid);
    if (adit_nm_client(nm, NULL) && !nm_client_get_connection_by_uuid(nm->client, uuid) &&
        nm->watch.data)
        nm->watch.gone(uuid, nm->watch.data);
    return G_SOURCE_REMOVE;
}

static void
remove_source(gpointer id)
{
    g_source_remove(GPOINTER_TO_UINT(id));
}

/* Believed only if NetworkManager still runs a moment later: one that stops removes all. */
static void
on_connection_removed(NMClient *client, NMRemoteConnection *remote, AditNm *nm)
{
    g_signal_handlers_disconnect_by_func(remote, on_edited, nm);
    if (adit_nm_client(nm, NULL))
        look_later(nm, nm->removals, nm_connection_get_uuid(NM_CONNECTION(remote)), BELIEVE_MS,
                   on_believe);
}

static gboolean
on_settled(gpointer data)
{
    Later *later = data;
    AditNm *nm = later->nm;
    g_autofree char *uuid = g_strdup(later->uuid);
    NMClient *client = adit_nm_client(nm, NULL);
    NMRemoteConnection *remote = client ? nm_client_get_connection_by_uuid(client, uuid) : NULL;

    forget_later(nm->updates, uuid);
    if (remote)
        on_edited(NM_CONNECTION(remote), nm);
    return G_SOURCE_REMOVE;
}

/* A change of secrets alone is none to the cache. It is told before the cache has read the rest
 * anew, so not looked at at once. */
static void
on_updated(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
           const char *signal, GVariant *parameters, gpointer data)
{
    AditNm *nm = data;
    NMObject *object = nm_client_get_object_by_path(nm->client, path);

    if (object && NM_IS_REMOTE_CONNECTION(object) && is_watched(nm, NM_CONNECTION(object)))
        look_later(nm, nm->updates, nm_connection_get_uuid(NM_CONNECTION(object)), SETTLE_MS,
                   on_settled);
}

/* One without our marker can be known by its server only, so only once it is up. */
static void
tell_up(AditNm *nm, NMActiveConnection *active)
{
    NMConnection *connection = NM_CONNECTION(nm_active_connection_get_connection(active));
    AditBackendSight sight = { .marked = FALSE };

    if (!connection || !is_watched(nm, connection) || adit_nm_has_marker(connection) ||
        adit_nm_slot(connection) != 0)
        return;
    sight.fresh = is_fresh(nm, nm_connection_get_uuid(connection));
    nm->watch.seen(nm_connection_get_uuid(connection), &sight, nm->watch.data);
}

/* What a user switches by NetworkManager's own means is as good as `adit up` and `adit down`.
 */
static void
on_active_state(NMActiveConnection *active, guint state, guint reason, AditNm *nm)
{
    const char *uuid = nm_active_connection_get_uuid(active);

    if (!uuid || !nm->watch.data || g_hash_table_contains(nm->busy, uuid))
        return;
    if (state == NM_ACTIVE_CONNECTION_STATE_ACTIVATED) {
        nm->watch.switched(uuid, TRUE, nm->watch.data);
        tell_up(nm, active);
    } else if (state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATED &&
               reason == NM_ACTIVE_CONNECTION_STATE_REASON_USER_DISCONNECTED)
        nm->watch.switched(uuid, FALSE, nm->watch.data);
}

static void
on_active_added(NMClient *client, NMActiveConnection *active, AditNm *nm)
{
    g_signal_handlers_disconnect_by_func(active, on_active_state, nm);
    g_signal_connect(active, "state-changed", G_CALLBACK(on_active_state), nm);
    if (nm_active_connection_get_state(active) == NM_ACTIVE_CONNECTION_STATE_ACTIVATED)
        tell_up(nm, active);
}

static void
look_around(AditNm *nm)
{
    const GPtrArray *all = nm_client_get_connections(nm->client);
    const GPtrArray *active = nm_client_get_active_connections(nm->client);

    for (guint i = 0; i < active->len; i++)
        on_active_added(nm->client, g_ptr_array_index(active, i), nm);
    for (guint i = 0; i < all->len; i++)
        take_connection(nm, g_ptr_array_index(all, i));
    if (nm->watch.data && !nm_client_get_startup(nm->client))
        nm->watch.ready(nm->watch.data);
}

/* NetworkManager came or went, or has finished its start. */
static void
on_running(NMClient *client, GParamSpec *spec, AditNm *nm)
{
    g_hash_table_remove_all(nm->removals);
    if (nm_client_get_nm_running(client))
        look_around(nm);
}

static void
on_client(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    NMClient *client = nm_client_new_finish(result, &error);
    AditNm *nm = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (!client) {
        g_message("NetworkManager: %s", error->message);
        return;
    }
    nm->client = client;
    g_signal_connect(client, NM_CLIENT_CONNECTION_ADDED, G_CALLBACK(on_connection_added), nm);
    g_signal_connect(client, NM_CLIENT_CONNECTION_REMOVED, G_CALLBACK(on_connection_removed),
                     nm);
    g_signal_connect(client, NM_CLIENT_ACTIVE_CONNECTION_ADDED, G_CALLBACK(on_active_added),
                     nm);
    g_signal_connect(client, "notify::" NM_CLIENT_NM_RUNNING, G_CALLBACK(on_running), nm);
    g_signal_connect(client, "notify::" NM_CLIENT_STARTUP, G_CALLBACK(on_running), nm);
    nm->updated = g_dbus_connection_signal_subscribe(
        nm_client_get_dbus_connection(client), NM_DBUS_SERVICE,
        NM_DBUS_INTERFACE_SETTINGS_CONNECTION, "Updated", NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
        on_updated, nm, NULL);
    on_running(client, NULL, nm);
}

static void
watch(AditBackend *backend, const AditBackendWatch *hears)
{
    AditNm *nm = (AditNm *)backend;

    nm->watch = *hears;
    if (adit_nm_client(nm, NULL))
        look_around(nm);
}

static void
forget_signals(AditNm *nm)
{
    const GPtrArray *all = nm_client_get_connections(nm->client);
    const GPtrArray *active = nm_client_get_active_connections(nm->client);

    for (guint i = 0; i < all->len; i++)
        g_signal_handlers_disconnect_by_data(g_ptr_array_index(all, i), nm);
    for (guint i = 0; i < active->len; i++)
        g_signal_handlers_disconnect_by_data(g_ptr_array_index(active, i), nm);
    g_signal_handlers_disconnect_by_data(nm->client, nm);
    g_dbus_connection_signal_unsubscribe(nm_client_get_dbus_connection(nm->client),
                                         nm->updated);
}

static void
nm_free(AditBackend *backend)
{
    AditNm *nm = (AditNm *)backend;

    g_cancellable_cancel(nm->cancel);
    if (nm->client)
        forget_signals(nm);
    g_clear_object(&nm->client);
    g_object_unref(nm->cancel);
    g_hash_table_unref(nm->removals);
    g_hash_table_unref(nm->updates);
    g_hash_table_unref(nm->busy);
    g_hash_table_unref(nm->fresh);
    g_free(nm->state_dir);
    g_free(nm);
}

AditBackend *
adit_nm_backend_new(AditKernel *kernel, const char *state_dir)
{
    static const AditBackendOps ops = {
        .create = adit_nm_create,
        .update = adit_nm_update,
        .adopt = adit_nm_adopt,
        .release = adit_nm_release,
        .remove = adit_nm_remove,
        .activate = adit_nm_activate,
        .deactivate = adit_nm_deactivate,
        .read = read_one,
        .list = list,
        .manages = manages,
        .mend = mend,
        .watch = watch,
        .free = nm_free,
    };
    AditNm *nm = g_new0(AditNm, 1);

    nm->parent.ops = &ops;
    nm->kernel = kernel;
    nm->state_dir = g_strdup(state_dir);
    nm->cancel = g_cancellable_new();
    nm->removals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, remove_source);
    nm->updates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, remove_source);
    nm->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    nm->fresh = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_async_initable_new_async(NM_TYPE_CLIENT, G_PRIORITY_DEFAULT, nm->cancel, on_client, nm,
                               NM_CLIENT_INSTANCE_FLAGS,
                               (guint)NM_CLIENT_INSTANCE_FLAGS_NO_AUTO_FETCH_PERMISSIONS, NULL);
    return &nm->parent;
}
