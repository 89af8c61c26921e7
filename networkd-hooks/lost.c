/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/backend-private.h"
#include "networkd-hooks/write.h"
#include "policy-routing/mend.h"

#include <net/if.h>

/* networkd does not make a link anew that somebody deleted, until its file has gone and come
 * back. */

void
adit_networkd_let_go(AditNetworkd *self, const char *link)
{
    g_hash_table_remove(self->seen, link);
    g_hash_table_remove(self->bringing, link);
}

/* Nobody asked: said where it can be read. Without networkd its next start makes the link. */
static void
on_brought_back(const char *id, const GError *error, gpointer data)
{
    if (error)
        g_warning("%s", error->message);
}

static void
on_forgotten_link(const char *answer, const GError *why, gpointer data)
{
    AditNetworkdTask *task = data;
    GError *error = NULL;
    gboolean good;

    if (!g_hash_table_remove(task->networkd->bringing, task->gateway->name)) {
        adit_networkd_task_end(task, NULL, NULL); /* taken down meanwhile */
        return;
    }
    good = adit_networkd_put(task->networkd, task->gateway, &error);
    adit_networkd_task_finish(task, good, error);
}

static void
bring_back(AditNetworkd *self, const AditBackendGateway *gateway)
{
    AditNetworkdTask *task =
        adit_networkd_task_new(&self->parent, gateway, on_brought_back, NULL);
    g_autoptr(GError) error = NULL;

    g_message("%s: its link is gone: networkd is to make it anew", gateway->name);
    g_hash_table_add(self->bringing, g_strdup(gateway->name));
    if (!adit_networkd_remove(self->folder, gateway->name, &error) ||
        !adit_networkd_connect(self, &error))
        on_forgotten_link(NULL, error, task);
    else
        adit_network1_reload(self->network1, on_forgotten_link, task);
}

/* At boot it has not been there yet, and networkd is about to make it; one whose file has gone,
 * too, was removed, and on_file() hears of it. */
static gboolean
is_lost(AditNetworkd *self, const AditBackendGateway *gateway)
{
    g_autofree char *file = g_strconcat(self->folder, "/" ADIT_NETWORKD_PREFIX, gateway->name,
                                        ADIT_NETWORKD_SUFFIX, NULL);

    if (adit_networkd_is_adopted(gateway))
        return FALSE;
    if (if_nametoindex(gateway->name) != 0) {
        g_hash_table_add(self->seen, g_strdup(gateway->name));
        return FALSE;
    }
    return self->writing == 0 && g_file_test(file, G_FILE_TEST_EXISTS) &&
           g_hash_table_remove(self->seen, gateway->name);
}

gboolean
adit_networkd_mend(AditBackend *backend, const AditBackendGateway *gateway, GError **error)
{
    AditNetworkd *self = (AditNetworkd *)backend;

    if (!gateway->up) {
        g_hash_table_remove(self->seen, gateway->name);
        return TRUE;
    }
    if (!is_lost(self, gateway))
        return adit_mend(self->kernel, gateway, error);
    bring_back(self, gateway);
    return TRUE;
}
