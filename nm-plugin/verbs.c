/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/connection.h"
#include "nm-plugin/enrol.h"
#include "nm-plugin/original.h"
#include "nm-plugin/task.h"
#include "policy-routing/numbers.h"

#define DOWN_MS 10000

static void
on_added(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;
    g_autoptr(NMRemoteConnection) remote =
        nm_client_add_connection2_finish(NM_CLIENT(source), result, NULL, &error);

    if (adit_nm_task_is_over(task, error))
        return;
    if (remote)
        g_hash_table_remove(task->nm->busy, nm_connection_get_uuid(NM_CONNECTION(remote)));
    adit_nm_task_end(task, remote ? nm_connection_get_uuid(NM_CONNECTION(remote)) : NULL,
                     error);
}

/* Up for all users, at boot. It does not come up by itself this time: activate is asked for. */
void
adit_nm_create(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
               gpointer data)
{
    AditNmTask *task = adit_nm_task_new(backend, gateway, done, data);
    GError *error = NULL;
    NMClient *client = adit_nm_client(task->nm, &error);
    g_autoptr(NMConnection) connection =
        client ? adit_nm_connection_new(gateway->profile, gateway->title, gateway->name,
                                        ADIT_TABLE_BASE + gateway->slot, &error)
               : NULL;

    if (!connection || !adit_nm_enrol(connection, gateway, &error)) {
        adit_nm_task_end(task, NULL, error);
        return;
    }
    g_hash_table_add(task->nm->busy, g_strdup(nm_connection_get_uuid(connection)));
    nm_client_add_connection2(client,
                              nm_connection_to_dbus(connection, NM_CONNECTION_SERIALIZE_ALL),
                              NM_SETTINGS_ADD_CONNECTION2_FLAG_TO_DISK |
                                  NM_SETTINGS_ADD_CONNECTION2_FLAG_BLOCK_AUTOCONNECT,
                              NULL, TRUE, task->nm->cancel, on_added, task);
}

static void
on_activated(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;
    g_autoptr(NMActiveConnection) active =
        nm_client_activate_connection_finish(NM_CLIENT(source), result, &error);

    if (!adit_nm_task_is_over(task, error))
        adit_nm_task_end(task, NULL, active ? NULL : error);
}

void
adit_nm_activate(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
                 gpointer data)
{
    AditNmTask *task = adit_nm_task_new(backend, gateway, done, data);
    GError *error = NULL;
    NMRemoteConnection *remote = adit_nm_find(task->nm, gateway->id, &error);

    if (!remote || adit_nm_find_active(task->nm, gateway->id))
        adit_nm_task_end(task, NULL, error);
    else
        nm_client_activate_connection_async(task->nm->client, NM_CONNECTION(remote), NULL, NULL,
                                            task->nm->cancel, on_activated, task);
}

static void
on_down(NMActiveConnection *active, guint state, guint reason, AditNmTask *task)
{
    if (state != NM_ACTIVE_CONNECTION_STATE_DEACTIVATED)
        return;
    g_signal_handler_disconnect(task->active, task->signal);
    task->signal = 0;
    g_source_remove(task->timer);
    task->timer = 0;
    task->then(task);
}

/* What NetworkManager does not get done in this time it will not do. */
static gboolean
on_patience(gpointer data)
{
    AditNmTask *task = data;

    task->timer = 0;
    g_signal_handler_disconnect(task->active, task->signal);
    task->signal = 0;
    task->then(task);
    return G_SOURCE_REMOVE;
}

static void
on_deactivated(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;

    if (nm_client_deactivate_connection_finish(NM_CLIENT(source), result, &error)) {
        if (nm_active_connection_get_state(task->active) >=
            NM_ACTIVE_CONNECTION_STATE_DEACTIVATED) {
            task->then(task);
            return;
        }
        task->signal =
            g_signal_connect(task->active, "state-changed", G_CALLBACK(on_down), task);
        task->timer = g_timeout_add(DOWN_MS, on_patience, task);
    } else if (!adit_nm_task_is_over(task, error)) {
        adit_nm_task_end(task, NULL, error);
    }
}

/* @then comes when the link is down, at once if it is. */
static void
bring_down(AditNmTask *task, void (*then)(gpointer task))
{
    NMActiveConnection *active = adit_nm_find_active(task->nm, task->gateway->id);

    if (!active) {
        then(task);
        return;
    }
    task->then = then;
    task->active = g_object_ref(active);
    adit_nm_own(active);
    nm_client_deactivate_connection_async(task->nm->client, active, task->nm->cancel,
                                          on_deactivated, task);
}

static void
end_down(gpointer data)
{
    adit_nm_task_end(data, NULL, NULL);
}

void
adit_nm_deactivate(AditBackend *backend, const AditBackendGateway *gateway,
                   AditBackendDone done, gpointer data)
{
    AditNmTask *task = adit_nm_task_new(backend, gateway, done, data);
    GError *error = NULL;

    if (adit_nm_find(task->nm, gateway->id, &error))
        bring_down(task, end_down);
    else
        adit_nm_task_end(task, NULL, error);
}

static void
end_remove(AditNmTask *task)
{
    GError *error = NULL;

    if (task->gateway->id)
        adit_nm_original_remove(task->nm->state_dir, task->gateway->id, &error);
    adit_nm_task_end(task, NULL, error);
}

static void
on_deleted(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;

    nm_remote_connection_delete_finish(NM_REMOTE_CONNECTION(source), result, &error);
    if (adit_nm_task_is_over(task, error))
        return;
    if (error)
        adit_nm_task_end(task, NULL, error);
    else
        end_remove(task);
}

static void
delete_it(gpointer data)
{
    AditNmTask *task = data;
    NMRemoteConnection *remote = adit_nm_find(task->nm, task->gateway->id, NULL);

    if (remote)
        nm_remote_connection_delete_async(remote, task->nm->cancel, on_deleted, task);
    else
        end_remove(task);
}

/* Down first: NetworkManager answers a deletion before the link is gone. */
void
adit_nm_remove(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
               gpointer data)
{
    AditNmTask *task = adit_nm_task_new(backend, gateway, done, data);
    GError *error = NULL;

    if (!adit_nm_client(task->nm, &error))
        adit_nm_task_end(task, NULL, error);
    else if (!adit_nm_find(task->nm, gateway->id, NULL))
        end_remove(task);
    else
        bring_down(task, delete_it);
}
