/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/backend-private.h"

#include "libadit/core/error.h"
#include "libadit/core/number.h"
#include "nm-plugin/reading.h"
#include "policy-routing/mend.h"

/* NetworkManager as libnm shows it: everything is cached, and every change is a signal. When
 * NetworkManager stops, all its objects vanish from the cache; that is no removal. */

#define NEEDED 42 /* of 1.x: peers and their routes are as we need them */

static gboolean
is_new_enough(const char *version)
{
    g_auto(GStrv) parts = g_strsplit(version ? version : "", ".", 3);
    guint64 major, minor;

    return g_strv_length(parts) < 2 ||
           !adit_number_parse(parts[0], 10, 0, G_MAXUINT32, &major) ||
           !adit_number_parse(parts[1], 10, 0, G_MAXUINT32, &minor) || major > 1 ||
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
    g_set_error_literal(
        error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
        nm->client   ? "NetworkManager: not running: systemctl start NetworkManager"
        : nm->failed ? "NetworkManager: cannot be asked: systemctl restart aditd"
                     : "NetworkManager: was not asked yet: try again in a moment");
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

gboolean
adit_nm_is_up(const AditNm *nm, const char *uuid)
{
    NMActiveConnection *active =
        adit_nm_client(nm, NULL) ? adit_nm_find_active(nm, uuid) : NULL;

    return active &&
           nm_active_connection_get_state(active) == NM_ACTIVE_CONNECTION_STATE_ACTIVATED;
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
is_ready(AditBackend *backend, const char *id, GError **error)
{
    NMClient *client = adit_nm_client((AditNm *)backend, error);

    if (!client)
        return FALSE;
    if (!nm_client_get_startup(client) || (id && nm_client_get_connection_by_uuid(client, id)))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                "NetworkManager: still starting: try again in a moment");
    return FALSE;
}

/* So right after our start, and right after its own. */
static gboolean
is_coming(AditBackend *backend, const char *id)
{
    const AditNm *nm = (const AditNm *)backend;
    NMClient *client = adit_nm_client(nm, NULL);

    if (!client)
        return !nm->client && !nm->failed;
    return nm_client_get_startup(client) && id && !nm_client_get_connection_by_uuid(client, id);
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
    AditNm *nm = (AditNm *)backend;

    if (!gateway->up)
        return TRUE;
    if (adit_nm_is_up(nm, gateway->id) && adit_mend_is_lost(nm->kernel, gateway))
        adit_nm_note_loss(nm, gateway->id);
    return adit_mend(nm->kernel, gateway, error);
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
    adit_nm_get_secrets(nm, remote, on_secrets, reading);
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
        nm->failed = TRUE;
        return;
    }
    nm->client = client;
    adit_nm_watch_begin(nm);
}

static void
remove_source(gpointer id)
{
    g_source_remove(GPOINTER_TO_UINT(id));
}

static void
nm_free(AditBackend *backend)
{
    AditNm *nm = (AditNm *)backend;

    g_cancellable_cancel(nm->cancel);
    if (nm->client)
        adit_nm_watch_end(nm);
    g_clear_object(&nm->client);
    g_object_unref(nm->cancel);
    g_hash_table_unref(nm->removals);
    g_hash_table_unref(nm->updates);
    g_hash_table_unref(nm->losses);
    g_hash_table_unref(nm->switches);
    g_hash_table_unref(nm->owed);
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
        .is_ready = is_ready,
        .is_coming = is_coming,
        .mend = mend,
        .watch = adit_nm_watch,
        .free = nm_free,
    };
    AditNm *nm = g_new0(AditNm, 1);

    nm->parent.ops = &ops;
    nm->kernel = kernel;
    nm->state_dir = g_strdup(state_dir);
    nm->cancel = g_cancellable_new();
    nm->removals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, remove_source);
    nm->owed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    nm->losses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    nm->updates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, remove_source);
    nm->switches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, remove_source);
    nm->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    nm->fresh = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_async_initable_new_async(NM_TYPE_CLIENT, G_PRIORITY_DEFAULT, nm->cancel, on_client, nm,
                               NM_CLIENT_INSTANCE_FLAGS,
                               (guint)NM_CLIENT_INSTANCE_FLAGS_NO_AUTO_FETCH_PERMISSIONS, NULL);
    return &nm->parent;
}
