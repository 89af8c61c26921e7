/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/task.h"

#include "libadit/core/error.h"
#include "libadit/core/key.h"

#include <gio/gio.h>

AditNmTask *
adit_nm_task_new(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
                 gpointer data)
{
    AditNmTask *task = g_new0(AditNmTask, 1);

    task->nm = (AditNm *)backend;
    task->gateway = adit_backend_gateway_copy(gateway);
    task->done = done;
    task->data = data;
    if (gateway->id)
        g_hash_table_add(task->nm->busy, g_strdup(gateway->id));
    return task;
}

static void
task_free(AditNmTask *task)
{
    if (task->timer)
        g_source_remove(task->timer);
    if (task->signal)
        g_signal_handler_disconnect(task->active, task->signal);
    g_clear_object(&task->active);
    g_clear_object(&task->wanted);
    if (task->bytes)
        adit_key_string_free(task->bytes);
    adit_backend_gateway_free(task->gateway);
    g_free(task);
}

static GError *
as_ours(GError *error, const char *name)
{
    g_autoptr(GError) theirs = error;

    if (theirs->domain == ADIT_ERROR)
        return g_steal_pointer(&theirs);
    g_dbus_error_strip_remote_error(theirs);
    return g_error_new(ADIT_ERROR, ADIT_ERROR_PROTOCOL, "NetworkManager: %s: %s", name,
                       theirs->message);
}

void
adit_nm_task_end(AditNmTask *task, const char *id, GError *error)
{
    g_autoptr(GError) reason = error ? as_ours(error, task->gateway->name) : NULL;

    if (task->gateway->id)
        g_hash_table_remove(task->nm->busy, task->gateway->id);
    task->done(id, reason, task->data);
    task_free(task);
}

gboolean
adit_nm_task_is_over(AditNmTask *task, GError *error)
{
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return FALSE;
    g_error_free(error);
    task_free(task);
    return TRUE;
}
