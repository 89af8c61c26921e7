/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/backend.h"

#include "libadit/core/error.h"
#include "libadit/sys/reconcile.h"
#include "networkd-hooks/adopted.h"
#include "networkd-hooks/keeper.h"
#include "networkd-hooks/network1.h"
#include "networkd-hooks/render.h"
#include "networkd-hooks/write.h"
#include "policy-routing/mend.h"

#include <gio/gio.h>
#include <net/if.h>
#include <string.h>

/* A gateway that is up has its files in the folder, and networkd keeps its link; one that is
 * down has neither. networkd tells nobody that a file went: the folder is watched. Nor does it
 * make a link anew that somebody deleted, until its file has gone and come back. */

#define STATES "/run/systemd/netif/links" /* one file a link, what sd-network reads */
#define PREFIX "60-adit-"
#define SUFFIX ".netdev"

/* Where networkd looks, in its order; the first is the one we write to. */
static const char *const folders[] = { NULL, "/run/systemd/network",
                                       "/usr/local/lib/systemd/network",
                                       "/usr/lib/systemd/network", NULL };

typedef struct {
    AditBackend parent;
    AditKernel *kernel;
    char *folder;
    AditNetwork1 *network1; /* NULL: no bus yet */
    GFileMonitor *monitor;
    AditBackendWatch watch;
    guint writing;        /* operations that change the folder themselves */
    GHashTable *seen;     /* links that were there: networkd has made them */
    GHashTable *bringing; /* links that are being made anew */
    const char *folders[G_N_ELEMENTS(folders)];
    AditNetworkdKeeper *keeper;
} Networkd;

typedef struct {
    Networkd *networkd;
    AditBackendGateway *gateway;
    AditBackendDone done;
    gpointer data;
} Task;

static Task *
task_new(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
         gpointer data)
{
    Task *task = g_new0(Task, 1);

    task->networkd = (Networkd *)backend;
    task->gateway = adit_backend_gateway_copy(gateway);
    task->done = done;
    task->data = data;
    task->networkd->writing++;
    return task;
}

static void
task_end(Task *task, const char *id, const GError *error)
{
    task->networkd->writing--;
    task->done(id, error, task->data);
    adit_backend_gateway_free(task->gateway);
    g_free(task);
}

static gboolean
connect_bus(Networkd *self, GError **error)
{
    if (!self->network1)
        self->network1 = adit_network1_open(error);
    return self->network1 != NULL;
}

/* Of one whose files an admin wrote the id is the path of its .netdev. */
static gboolean
is_adopted(const AditBackendGateway *gateway)
{
    return gateway->id && g_path_is_absolute(gateway->id);
}

static AditNetworkdHand *
find_hand(Networkd *self, const char *word, GError **error)
{
    return adit_networkd_hand_find(self->folders, word, error);
}

/* A drop-in could only add peers: they are the admin's. */
static gboolean
has_its_peers(const AditNetworkdHand *hand, const AditBackendGateway *gateway, GError **error)
{
    const AditProfile *a = hand->profile, *b = gateway->profile;
    gboolean same =
        adit_key_equal(&a->private_key, &b->private_key) && a->n_peers == b->n_peers;

    for (guint i = 0; same && i < a->n_peers; i++)
        same = adit_key_equal(&a->peers[i].public_key, &b->peers[i].public_key) &&
               adit_key_equal(&a->peers[i].preshared_key, &b->peers[i].preshared_key);
    if (!same)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: written by hand, with other keys: change them there", hand->path);
    return same;
}

static gboolean
write_adopted(Networkd *self, const AditBackendGateway *gateway,
              const AditNetworkdGateway *wanted, gid_t group, GError **error)
{
    g_autoptr(AditNetworkdHand) hand = find_hand(self, gateway->id, error);

    return hand && has_its_peers(hand, gateway, error) &&
           adit_networkd_adopted_write(self->folder, hand, wanted, gateway->up, group, error);
}

static gboolean
write_files(Networkd *self, const AditBackendGateway *gateway, GError **error)
{
    const AditNetworkdGateway wanted = { .link = gateway->name,
                                         .slot = gateway->slot,
                                         .selected = { gateway->selected[0],
                                                       gateway->selected[1] },
                                         .profile = gateway->profile };
    g_autoptr(GPtrArray) files = NULL;
    gid_t group;

    if (!adit_networkd_group(&group, error))
        return FALSE;
    if (is_adopted(gateway))
        return write_adopted(self, gateway, &wanted, group, error);
    files = adit_networkd_render(&wanted, error);
    return files && adit_networkd_write(self->folder, gateway->name, files, group, error);
}

/* networkd forgets a link whose files are gone, and leaves it. */
static gboolean
delete_link(Networkd *self, const char *link, GError **error)
{
    const char *const links[] = { link, NULL };
    const AditScope scope = { .kinds = ADIT_KIND_BIT(ADIT_KIND_LINK), .links = links };
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());

    return adit_reconcile(self->kernel, nothing, &scope, NULL, error);
}

/* Taken away by our own hand: it is not missed, and not made anew. */
static void
let_go(Networkd *self, const char *link)
{
    g_hash_table_remove(self->seen, link);
    g_hash_table_remove(self->bringing, link);
}

static void
on_reloaded(const char *answer, const GError *error, gpointer data)
{
    task_end(data, NULL, error);
}

/* networkd is asked last: a crash before it leaves files that the next start of networkd reads.
 */
static void
finish(Task *task, gboolean good, GError *why)
{
    g_autoptr(GError) error = why;

    if (good && connect_bus(task->networkd, &error))
        adit_network1_reload(task->networkd->network1, on_reloaded, task);
    else
        task_end(task, NULL, error);
}

static void
create(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
       gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (connect_bus((Networkd *)backend, &error))
        done(gateway->name, NULL, data);
    else
        done(NULL, error, data);
}

/* Before version 257 networkd takes neither peers nor keys of a changed .netdev to a link that
 * is there: what it left undone is done here. */
static void
on_reconfigured(const char *answer, const GError *why, gpointer data)
{
    Task *task = data;
    g_autoptr(GError) error = why ? g_error_copy(why) : NULL;

    if (!error)
        adit_mend_after(task->networkd->kernel, task->gateway, &error);
    task_end(task, NULL, error);
}

static void
on_update_read(const char *answer, const GError *error, gpointer data)
{
    Task *task = data;

    if (error)
        task_end(task, NULL, error);
    else
        adit_network1_reconfigure(task->networkd->network1, task->gateway->name,
                                  on_reconfigured, task);
}

/* Addresses that are there keep what they were given with, their route in main above all; made
 * anew they are as the file that counts now has them. */
static gboolean
drop_addresses(Networkd *self, const char *link, GError **error)
{
    const char *const links[] = { link, NULL };
    const AditScope scope = { .kinds = ADIT_KIND_BIT(ADIT_KIND_ADDRESS), .links = links };
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());

    return adit_reconcile(self->kernel, nothing, &scope, NULL, error);
}

/* Both are told: what changed in files is read, and a link that is there is configured anew. */
static void
rewrite(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
        gpointer data)
{
    Task *task = task_new(backend, gateway, done, data);
    g_autoptr(GError) error = NULL;

    if (write_files(task->networkd, gateway, &error) && connect_bus(task->networkd, &error))
        adit_network1_reload(task->networkd->network1, on_update_read, task);
    else
        task_end(task, NULL, error);
}

/* Of whom an admin wrote the files. */
static void
adopt(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
      gpointer data)
{
    Networkd *self = (Networkd *)backend;
    g_autoptr(GError) error = NULL;

    if (drop_addresses(self, gateway->name, &error))
        rewrite(backend, gateway, done, data);
    else
        done(NULL, error, data);
}

static void
activate(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
         gpointer data)
{
    Task *task;
    GError *error = NULL;
    gboolean good;

    if (is_adopted(gateway)) {
        rewrite(backend, gateway, done, data);
        return;
    }
    task = task_new(backend, gateway, done, data);
    good = write_files(task->networkd, gateway, &error);
    finish(task, good, error);
}

/* A removal is no more than this, either. */
static void
deactivate(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
           gpointer data)
{
    Task *task;
    GError *error = NULL;
    gboolean good;

    if (is_adopted(gateway)) {
        rewrite(backend, gateway, done, data);
        return;
    }
    task = task_new(backend, gateway, done, data);
    let_go(task->networkd, gateway->name);
    good = adit_networkd_remove(task->networkd->folder, gateway->name, &error) &&
           delete_link(task->networkd, gateway->name, &error);
    finish(task, good, error);
}

/* Without networkd there is nobody to tell. */
static void
on_forgotten(const char *answer, const GError *error, gpointer data)
{
    task_end(data, NULL, NULL);
}

/* As the admin wrote it; one that is down comes up again. */
static void
on_released(const char *answer, const GError *error, gpointer data)
{
    Task *task = data;

    if (error)
        task_end(task, NULL, NULL);
    else
        adit_network1_reconfigure(task->networkd->network1, task->gateway->name, on_forgotten,
                                  task);
}

/* Files that adit did not write are not adit's to delete. */
static void
release(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
        gpointer data)
{
    Task *task = task_new(backend, gateway, done, data);
    g_autoptr(GError) error = NULL;

    if (!is_adopted(gateway))
        error =
            g_error_new(ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s: adit wrote its files itself: nothing to release", gateway->name);
    if (error || !adit_networkd_adopted_remove(task->networkd->folder, gateway->name, &error) ||
        !drop_addresses(task->networkd, gateway->name, &error) ||
        !connect_bus(task->networkd, NULL))
        task_end(task, NULL, error);
    else
        adit_network1_reload(task->networkd->network1, on_released, task);
}

static void
remove_it(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
          gpointer data)
{
    Task *task;
    g_autoptr(GError) error = NULL;

    if (is_adopted(gateway)) {
        release(backend, gateway, done, data);
        return;
    }
    task = task_new(backend, gateway, done, data);
    let_go(task->networkd, gateway->name);
    if (!adit_networkd_remove(task->networkd->folder, gateway->name, &error) ||
        !delete_link(task->networkd, gateway->name, &error))
        task_end(task, NULL, error);
    else if (!connect_bus(task->networkd, NULL))
        task_end(task, NULL, NULL);
    else
        adit_network1_reload(task->networkd->network1, on_forgotten, task);
}

static void
update(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
       gpointer data)
{
    if (gateway->up)
        rewrite(backend, gateway, done, data);
    else
        done(NULL, NULL, data);
}

static void
read_one(AditBackend *backend, const char *word, AditBackendRead done, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetworkdHand) hand = find_hand((Networkd *)backend, word, &error);
    const AditBackendFound found = { .id = hand ? hand->path : NULL,
                                     .link = hand ? hand->link : NULL,
                                     .title = hand ? hand->link : NULL,
                                     .profile = hand ? hand->profile : NULL };

    done(hand ? &found : NULL, error, data);
}

static char *
link_of(const char *file)
{
    if (!g_str_has_prefix(file, PREFIX) || !g_str_has_suffix(file, SUFFIX))
        return NULL;
    return g_strndup(file + strlen(PREFIX), strlen(file) - strlen(PREFIX) - strlen(SUFFIX));
}

/* A gateway that is down has no file, and is there all the same: only its owner knows. */
static GStrv
list(AditBackend *backend)
{
    return NULL;
}

/* "ADMIN_STATE=configured" in the file of a link's number. */
static gboolean
manages(AditBackend *backend, const char *link)
{
    g_autofree char *path = g_strdup_printf(STATES "/%u", if_nametoindex(link));
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) &&
           (strstr(text, "ADMIN_STATE=configured\n") ||
            strstr(text, "ADMIN_STATE=configuring\n"));
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
    Task *task = data;
    GError *error = NULL;
    gboolean good;

    if (!g_hash_table_remove(task->networkd->bringing, task->gateway->name)) {
        task_end(task, NULL, NULL); /* taken down meanwhile */
        return;
    }
    good = write_files(task->networkd, task->gateway, &error);
    finish(task, good, error);
}

static void
bring_back(Networkd *self, const AditBackendGateway *gateway)
{
    Task *task = task_new(&self->parent, gateway, on_brought_back, NULL);
    g_autoptr(GError) error = NULL;

    g_message("%s: its link is gone: networkd is to make it anew", gateway->name);
    g_hash_table_add(self->bringing, g_strdup(gateway->name));
    if (!adit_networkd_remove(self->folder, gateway->name, &error) ||
        !connect_bus(self, &error))
        on_forgotten_link(NULL, error, task);
    else
        adit_network1_reload(self->network1, on_forgotten_link, task);
}

/* At boot it has not been there yet, and networkd is about to make it; one whose file has gone,
 * too, was removed, and on_file() hears of it. */
static gboolean
is_lost(Networkd *self, const AditBackendGateway *gateway)
{
    g_autofree char *file = g_strconcat(self->folder, "/" PREFIX, gateway->name, SUFFIX, NULL);

    if (is_adopted(gateway))
        return FALSE;
    if (if_nametoindex(gateway->name) != 0) {
        g_hash_table_add(self->seen, g_strdup(gateway->name));
        return FALSE;
    }
    return self->writing == 0 && g_file_test(file, G_FILE_TEST_EXISTS) &&
           g_hash_table_remove(self->seen, gateway->name);
}

static gboolean
mend(AditBackend *backend, const AditBackendGateway *gateway, GError **error)
{
    Networkd *self = (Networkd *)backend;

    if (!gateway->up) {
        g_hash_table_remove(self->seen, gateway->name);
        return TRUE;
    }
    if (!is_lost(self, gateway))
        return adit_mend(self->kernel, gateway, error);
    bring_back(self, gateway);
    return TRUE;
}

/* One of an admin's: whoever has adopted it knows it by its path. */
static void
on_hand(Networkd *self, const char *path, GFileMonitorEvent event)
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
    Networkd *self = data;
    g_autofree char *name = g_file_get_basename(file);
    g_autofree char *path = g_file_get_path(file);
    g_autofree char *link = link_of(name);

    if (!self->watch.data || self->writing > 0 || !g_str_has_suffix(name, SUFFIX))
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
    Networkd *self = data;

    if (self->watch.data)
        self->watch.ready(self->watch.data);
}

static void
watch(AditBackend *backend, const AditBackendWatch *hears)
{
    Networkd *self = (Networkd *)backend;
    g_autoptr(GFile) folder = g_file_new_for_path(self->folder);

    self->watch = *hears;
    self->monitor = g_file_monitor_directory(folder, G_FILE_MONITOR_NONE, NULL, NULL);
    if (self->monitor)
        g_signal_connect(self->monitor, "changed", G_CALLBACK(on_file), self);
    if (connect_bus(self, NULL))
        adit_network1_watch(self->network1, on_heard, self, NULL);
}

static void
guard(AditBackend *backend, const AditState *want)
{
    Networkd *self = (Networkd *)backend;

    connect_bus(self, NULL);
    adit_networkd_keeper_set(self->keeper, self->network1, want);
}

static void
networkd_free(AditBackend *backend)
{
    Networkd *self = (Networkd *)backend;

    g_clear_object(&self->monitor);
    g_hash_table_unref(self->seen);
    g_hash_table_unref(self->bringing);
    adit_network1_close(self->network1);
    adit_networkd_keeper_free(self->keeper);
    g_free(self->folder);
    g_free(self);
}

AditBackend *
adit_networkd_backend_new(AditKernel *kernel, const char *folder)
{
    static const AditBackendOps ops = {
        .create = create,
        .update = update,
        .adopt = adopt,
        .release = release,
        .remove = remove_it,
        .activate = activate,
        .deactivate = deactivate,
        .read = read_one,
        .list = list,
        .manages = manages,
        .mend = mend,
        .guard = guard,
        .watch = watch,
        .free = networkd_free,
    };
    Networkd *self = g_new0(Networkd, 1);

    self->parent.ops = &ops;
    self->kernel = kernel;
    self->folder = g_strdup(folder ? folder : ADIT_NETWORKD_FOLDER);
    memcpy(self->folders, folders, sizeof(folders));
    self->folders[0] = self->folder;
    self->keeper = adit_networkd_keeper_new(self->folders);
    self->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->bringing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return &self->parent;
}
