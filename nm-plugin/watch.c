/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/backend-private.h"
#include "nm-plugin/reading.h"
#include "policy-routing/loss.h"

/* What NetworkManager says by itself: connections that come, change and go, links that are
 * switched. */

#define BELIEVE_MS 500
#define SETTLE_MS 100
#define OWED_S 2
#define FRESH_S 60 /* so long one that was added counts as just added */

static gboolean
is_watched(const AditNm *nm, NMConnection *connection)
{
    return nm->watch.data && adit_nm_is_wireguard(connection) &&
           !g_hash_table_contains(nm->busy, nm_connection_get_uuid(connection));
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

    if (adit_nm_client(nm, NULL) && !nm->settling)
        g_hash_table_replace(nm->fresh, g_strdup(nm_connection_get_uuid(NM_CONNECTION(remote))),
                             GINT_TO_POINTER((gint)now));
    take_connection(nm, NM_CONNECTION(remote));
}

/* What a moment later will show. */
typedef struct {
    AditNm *nm;
    char *uuid;
    gboolean up; /* of one that was switched: what it was told to be */
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

static Later *
look_later(AditNm *nm, GHashTable *timers, const char *uuid, guint ms, GSourceFunc func)
{
    Later *later = g_new0(Later, 1);

    later->nm = nm;
    later->uuid = g_strdup(uuid);
    g_hash_table_replace(
        timers, g_strdup(uuid),
        GUINT_TO_POINTER(g_timeout_add_full(G_PRIORITY_DEFAULT, ms, func, later, later_free)));
    return later;
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

/* Believed only if NetworkManager still runs a moment later: one that stops removes all. */
static void
on_connection_removed(NMClient *client, NMRemoteConnection *remote, AditNm *nm)
{
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
    if (remote && is_watched(nm, NM_CONNECTION(remote)))
        nm->watch.edited(uuid, nm->watch.data);
    return G_SOURCE_REMOVE;
}

void
adit_nm_note_loss(AditNm *nm, const char *uuid)
{
    AditLoss *loss = g_hash_table_lookup(nm->losses, uuid);
    guint ms;

    if (g_hash_table_contains(nm->updates, uuid) || g_hash_table_contains(nm->busy, uuid))
        return; /* it is looked at anyway */
    if (!loss) {
        loss = g_new0(AditLoss, 1);
        g_hash_table_insert(nm->losses, g_strdup(uuid), loss);
    }
    ms = adit_loss_note(loss, g_get_monotonic_time());
    g_info("%s: a link of NetworkManager is down or has lost an address; looked at in %u ms",
           uuid, ms);
    look_later(nm, nm->updates, uuid, ms, on_settled);
}

/* NetworkManager tells that a connection was updated whenever somebody asks for its secrets:
 * once for each question. Those of ours are counted, or an answer would lead to the next
 * question. */
typedef struct {
    guint count;
    gint64 until; /* in monotonic time; none comes after that */
} Owed;

void
adit_nm_get_secrets(AditNm *nm, NMRemoteConnection *remote, GAsyncReadyCallback done,
                    gpointer data)
{
    const char *uuid = nm_connection_get_uuid(NM_CONNECTION(remote));
    const gint64 now = g_get_monotonic_time();
    Owed *owed = g_hash_table_lookup(nm->owed, uuid);

    if (!owed) {
        owed = g_new0(Owed, 1);
        g_hash_table_insert(nm->owed, g_strdup(uuid), owed);
    }
    if (now > owed->until)
        owed->count = 0;
    owed->count++;
    owed->until = now + OWED_S * (gint64)G_USEC_PER_SEC;
    nm_remote_connection_get_secrets_async(remote, NM_SETTING_WIREGUARD_SETTING_NAME,
                                           nm->cancel, done, data);
}

static gboolean
is_our_own(AditNm *nm, const char *uuid)
{
    Owed *owed = g_hash_table_lookup(nm->owed, uuid);

    if (!owed || owed->count == 0 || g_get_monotonic_time() > owed->until)
        return FALSE;
    owed->count--;
    return TRUE;
}

/* Told before the cache has read the connection anew, so it is not looked at at once. The
 * cache's own signal will not do: it tells two updates as one. */
static void
on_updated(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
           const char *signal, GVariant *parameters, gpointer data)
{
    AditNm *nm = data;
    NMObject *object = nm_client_get_object_by_path(nm->client, path);
    const char *uuid = object && NM_IS_REMOTE_CONNECTION(object)
                           ? nm_connection_get_uuid(NM_CONNECTION(object))
                           : NULL;

    if (uuid && !is_our_own(nm, uuid) && is_watched(nm, NM_CONNECTION(object)))
        look_later(nm, nm->updates, uuid, SETTLE_MS, on_settled);
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

#define OWN "adit-own"

void
adit_nm_own(NMActiveConnection *active)
{
    g_object_set_data(G_OBJECT(active), OWN, (gpointer)OWN);
}

/* What it is by now counts; while it changes, the end of that will be told. */
static gboolean
on_switch(gpointer data)
{
    Later *later = data;
    AditNm *nm = later->nm;
    NMActiveConnection *active =
        adit_nm_client(nm, NULL) ? adit_nm_find_active(nm, later->uuid) : NULL;
    const gboolean up = adit_nm_is_up(nm, later->uuid);

    if (g_hash_table_contains(nm->busy, later->uuid) ||
        ((later->up ? up : !active) && nm->watch.data &&
         !nm->watch.switched(later->uuid, up, nm->watch.data)))
        return G_SOURCE_CONTINUE;
    forget_later(nm->switches, later->uuid);
    return G_SOURCE_REMOVE;
}

/* A user does not know that we are reading or mending it just now: that is over soon. */
static void
tell_switched(AditNm *nm, const char *uuid, gboolean up)
{
    g_hash_table_remove(nm->switches, uuid);
    if (g_hash_table_contains(nm->busy, uuid) || !nm->watch.switched(uuid, up, nm->watch.data))
        look_later(nm, nm->switches, uuid, SETTLE_MS, on_switch)->up = up;
}

/* What a user switches by NetworkManager's own means is as good as `adit up` and `adit down`.
 */
static void
on_active_state(NMActiveConnection *active, guint state, guint reason, AditNm *nm)
{
    const char *uuid = nm_active_connection_get_uuid(active);

    if (!uuid || !nm->watch.data)
        return;
    if (state == NM_ACTIVE_CONNECTION_STATE_ACTIVATED) {
        tell_switched(nm, uuid, TRUE);
        tell_up(nm, active);
    } else if (state == NM_ACTIVE_CONNECTION_STATE_DEACTIVATED &&
               reason == NM_ACTIVE_CONNECTION_STATE_REASON_USER_DISCONNECTED &&
               !g_object_get_data(G_OBJECT(active), OWN))
        tell_switched(nm, uuid, FALSE);
}

static void
watch_active(AditNm *nm, NMActiveConnection *active)
{
    g_signal_handlers_disconnect_by_func(active, on_active_state, nm);
    g_signal_connect(active, "state-changed", G_CALLBACK(on_active_state), nm);
    if (nm_active_connection_get_state(active) == NM_ACTIVE_CONNECTION_STATE_ACTIVATED)
        tell_up(nm, active);
}

/* It is told of when all of it was read, and can be up by then. */
static void
on_active_added(NMClient *client, NMActiveConnection *active, AditNm *nm)
{
    const char *uuid = nm_active_connection_get_uuid(active);

    watch_active(nm, active);
    if (uuid && nm->watch.data &&
        nm_active_connection_get_state(active) == NM_ACTIVE_CONNECTION_STATE_ACTIVATED)
        tell_switched(nm, uuid, TRUE);
}

static void
look_around(AditNm *nm)
{
    const GPtrArray *all = nm_client_get_connections(nm->client);
    const GPtrArray *active = nm_client_get_active_connections(nm->client);

    for (guint i = 0; i < active->len; i++)
        watch_active(nm, g_ptr_array_index(active, i));
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
    if (!nm_client_get_nm_running(client))
        nm->settling = TRUE;
    else if (!nm_client_get_startup(client))
        nm->settling = FALSE;
    if (nm_client_get_nm_running(client))
        look_around(nm);
}

void
adit_nm_watch_begin(AditNm *nm)
{
    NMClient *client = nm->client;

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

void
adit_nm_watch(AditBackend *backend, const AditBackendWatch *hears)
{
    AditNm *nm = (AditNm *)backend;

    nm->watch = *hears;
    if (adit_nm_client(nm, NULL))
        look_around(nm);
}

void
adit_nm_watch_end(AditNm *nm)
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
