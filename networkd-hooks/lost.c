/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/backend-private.h"
#include "networkd-hooks/write.h"
#include "policy-routing/loss.h"
#include "policy-routing/mend.h"

#include <net/if.h>

/* networkd does not make a link anew that somebody deleted, until its file has gone and come
 * back. Nor does it put an address back that somebody took away, perhaps by switching IPv6 off
 * and on again: to have it do so would be to have it configure the whole link anew, and both
 * families would go through that. Nor does it put a link up that somebody has set down. So what
 * is missing is put there by ourselves, once networkd is through with the link; the routes
 * follow, for the router keeps its own. */

typedef struct {
    AditNetworkd *networkd;
    AditLoss loss;
    AditBackendGateway *gateway; /* as it was at the last look */
    guint timer;
} Missing;

static void
stop_waiting(Missing *missing)
{
    g_clear_handle_id(&missing->timer, g_source_remove);
    g_clear_pointer(&missing->gateway, adit_backend_gateway_free);
}

static void
missing_free(gpointer data)
{
    stop_waiting(data);
    g_free(data);
}

void
adit_networkd_lost_begin(AditNetworkd *self)
{
    self->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->bringing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->missing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, missing_free);
}

void
adit_networkd_lost_end(AditNetworkd *self)
{
    g_hash_table_unref(self->seen);
    g_hash_table_unref(self->bringing);
    g_hash_table_unref(self->missing);
}

void
adit_networkd_wait_no_more(AditNetworkd *self, const char *link)
{
    Missing *missing = g_hash_table_lookup(self->missing, link);

    if (missing)
        stop_waiting(missing);
}

/* One of which networkd has seen to everything, or given up. */
static gboolean
is_settled(const char *link)
{
    return adit_networkd_is(link, "configured") || adit_networkd_is(link, "failed");
}

static gboolean on_settled(gpointer data);

static void
wait_for(Missing *missing)
{
    const guint ms = adit_loss_note(&missing->loss, g_get_monotonic_time());

    g_info("%s: its link is down or has lost an address; looked at in %u ms",
           missing->gateway->name, ms);
    missing->timer = g_timeout_add(ms, on_settled, missing);
}

static gboolean
on_settled(gpointer data)
{
    Missing *missing = data;
    AditKernel *kernel = missing->networkd->kernel;
    g_autoptr(GError) error = NULL;

    missing->timer = 0;
    if (is_settled(missing->gateway->name) &&
        !adit_mend_whole(kernel, missing->gateway, &error))
        g_warning("%s", error->message);
    if (adit_mend_is_lost(kernel, missing->gateway))
        wait_for(missing);
    else
        stop_waiting(missing);
    return G_SOURCE_REMOVE;
}

static void
note_missing(AditNetworkd *self, const AditBackendGateway *gateway)
{
    Missing *missing = g_hash_table_lookup(self->missing, gateway->name);

    if (!missing) {
        missing = g_new0(Missing, 1);
        missing->networkd = self;
        g_hash_table_insert(self->missing, g_strdup(gateway->name), missing);
    }
    g_clear_pointer(&missing->gateway, adit_backend_gateway_free);
    missing->gateway = adit_backend_gateway_copy(gateway);
    if (missing->timer == 0)
        wait_for(missing);
}

void
adit_networkd_let_go(AditNetworkd *self, const char *link)
{
    g_hash_table_remove(self->seen, link);
    g_hash_table_remove(self->bringing, link);
    g_hash_table_remove(self->missing, link);
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
        g_hash_table_remove(self->missing, gateway->name);
        return TRUE;
    }
    if (is_lost(self, gateway)) {
        bring_back(self, gateway);
        return TRUE;
    }
    if (is_settled(gateway->name) && adit_mend_is_lost(self->kernel, gateway))
        note_missing(self, gateway);
    return adit_mend(self->kernel, gateway, error);
}
