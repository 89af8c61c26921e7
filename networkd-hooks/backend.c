/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/backend-private.h"

#include "networkd-hooks/render.h"

#include <net/if.h>
#include <string.h>

/* networkd tells nobody that a file went: the folder is watched. */

#define STATES "/run/systemd/netif/links" /* one file a link, what sd-network reads */

/* Where networkd looks, in its order; the first is the one we write to. */
static const char *const folders[] = { NULL, "/run/systemd/network",
                                       "/usr/local/lib/systemd/network",
                                       "/usr/lib/systemd/network", NULL };

G_STATIC_ASSERT(G_N_ELEMENTS(folders) == ADIT_NETWORKD_N_FOLDERS);

static char *
link_of(const char *file)
{
    const gsize first = strlen(ADIT_NETWORKD_PREFIX), last = strlen(ADIT_NETWORKD_SUFFIX);

    if (!g_str_has_prefix(file, ADIT_NETWORKD_PREFIX) ||
        !g_str_has_suffix(file, ADIT_NETWORKD_SUFFIX))
        return NULL;
    return g_strndup(file + first, strlen(file) - first - last);
}

/* A gateway that is down has no file, and is there all the same: only its owner knows. */
static GStrv
list(AditBackend *backend)
{
    return NULL;
}

/* "ADMIN_STATE=configured" in the file of a link's number. */
gboolean
adit_networkd_is(const char *link, const char *state)
{
    g_autofree char *path = g_strdup_printf(STATES "/%u", if_nametoindex(link));
    g_autofree char *line = g_strdup_printf("ADMIN_STATE=%s\n", state);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, line) != NULL;
}

static gboolean
manages(AditBackend *backend, const char *link)
{
    return adit_networkd_is(link, "configured") || adit_networkd_is(link, "configuring");
}

/* One of an admin's: whoever has adopted it knows it by its path. */
static void
on_hand(AditNetworkd *self, const char *path, GFileMonitorEvent event)
{
    if (event == G_FILE_MONITOR_EVENT_DELETED && !g_file_test(path, G_FILE_TEST_EXISTS))
        self->watch.gone(path, self->watch.data);
    else if (event == G_FILE_MONITOR_EVENT_CHANGES_DONE_HINT)
        self->watch.edited(path, self->watch.data);
}

static void
on_file(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
        gpointer data)
{
    AditNetworkd *self = data;
    g_autofree char *name = g_file_get_basename(file);
    g_autofree char *path = g_file_get_path(file);
    g_autofree char *link = link_of(name);

    if (!self->watch.data || self->writing > 0 || !g_str_has_suffix(name, ADIT_NETWORKD_SUFFIX))
        return;
    if (!link)
        on_hand(self, path, event);
    /* heard late: it may be ours, and back */
    else if (event == G_FILE_MONITOR_EVENT_DELETED && !g_file_test(path, G_FILE_TEST_EXISTS))
        self->watch.gone(link, self->watch.data);
}

static void
on_heard(gpointer data)
{
    AditNetworkd *self = data;

    if (self->watch.data)
        self->watch.ready(self->watch.data);
}

static void
watch(AditBackend *backend, const AditBackendWatch *hears)
{
    AditNetworkd *self = (AditNetworkd *)backend;
    g_autoptr(GFile) folder = g_file_new_for_path(self->folder);

    self->watch = *hears;
    self->monitor = g_file_monitor_directory(folder, G_FILE_MONITOR_NONE, NULL, NULL);
    if (self->monitor)
        g_signal_connect(self->monitor, "changed", G_CALLBACK(on_file), self);
    if (adit_networkd_connect(self, NULL))
        adit_network1_watch(self->network1, on_heard, self, NULL);
}

static void
guard(AditBackend *backend, const AditState *want)
{
    AditNetworkd *self = (AditNetworkd *)backend;

    adit_networkd_connect(self, NULL);
    adit_networkd_keeper_set(self->keeper, self->network1, want);
}

static void
networkd_free(AditBackend *backend)
{
    AditNetworkd *self = (AditNetworkd *)backend;

    g_clear_object(&self->monitor);
    adit_networkd_lost_end(self);
    adit_network1_close(self->network1);
    adit_networkd_keeper_free(self->keeper);
    g_free(self->folder);
    g_free(self);
}

AditBackend *
adit_networkd_backend_new(AditKernel *kernel, const char *folder)
{
    static const AditBackendOps ops = {
        .create = adit_networkd_create,
        .update = adit_networkd_update,
        .adopt = adit_networkd_adopt,
        .release = adit_networkd_release,
        .remove = adit_networkd_delete,
        .activate = adit_networkd_activate,
        .deactivate = adit_networkd_deactivate,
        .read = adit_networkd_read,
        .list = list,
        .manages = manages,
        .mend = adit_networkd_mend,
        .guard = guard,
        .watch = watch,
        .free = networkd_free,
    };
    AditNetworkd *self = g_new0(AditNetworkd, 1);

    self->parent.ops = &ops;
    self->kernel = kernel;
    self->folder = g_strdup(folder ? folder : ADIT_NETWORKD_FOLDER);
    memcpy(self->folders, folders, sizeof(folders));
    self->folders[0] = self->folder;
    self->keeper = adit_networkd_keeper_new(self->folders);
    adit_networkd_lost_begin(self);
    return &self->parent;
}
