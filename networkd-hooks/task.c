/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/backend-private.h"

AditNetworkdTask *
adit_networkd_task_new(AditBackend *backend, const AditBackendGateway *gateway,
                       AditBackendDone done, gpointer data)
{
    AditNetworkdTask *task = g_new0(AditNetworkdTask, 1);

    task->networkd = (AditNetworkd *)backend;
    task->gateway = adit_backend_gateway_copy(gateway);
    task->done = done;
    task->data = data;
    task->networkd->writing++;
    adit_networkd_wait_no_more(task->networkd, gateway->name);
    return task;
}

void
adit_networkd_task_end(AditNetworkdTask *task, const char *id, const GError *error)
{
    task->networkd->writing--;
    task->done(id, error, task->data);
    adit_backend_gateway_free(task->gateway);
    g_free(task);
}

gboolean
adit_networkd_connect(AditNetworkd *self, GError **error)
{
    if (!self->network1)
        self->network1 = adit_network1_open(error);
    return self->network1 != NULL;
}

static void
on_reloaded(const char *answer, const GError *error, gpointer data)
{
    adit_networkd_task_end(data, NULL, error);
}

/* networkd is asked last: a crash before it leaves files that the next start of networkd reads.
 */
void
adit_networkd_task_finish(AditNetworkdTask *task, gboolean good, GError *why)
{
    g_autoptr(GError) error = why;

    if (good && adit_networkd_connect(task->networkd, &error))
        adit_network1_reload(task->networkd->network1, on_reloaded, task);
    else
        adit_networkd_task_end(task, NULL, error);
}
