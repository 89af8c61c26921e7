/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/reconcile.h"
#include "networkd-hooks/adopted.h"
#include "networkd-hooks/backend-private.h"
#include "networkd-hooks/render.h"
#include "networkd-hooks/write.h"
#include "policy-routing/mend.h"

/* What aditd wants of networkd. A gateway that is up has its files in the folder, and networkd
 * keeps its link; one that is down has neither. */

/* Of one whose files an admin wrote the id is the path of its .netdev. */
gboolean
adit_networkd_is_adopted(const AditBackendGateway *gateway)
{
    return gateway->id && g_path_is_absolute(gateway->id);
}

static AditNetworkdHand *
find_hand(AditNetworkd *self, const char *word, GError **error)
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
write_adopted(AditNetworkd *self, const AditBackendGateway *gateway,
              const AditNetworkdGateway *wanted, gid_t group, GError **error)
{
    g_autoptr(AditNetworkdHand) hand = find_hand(self, gateway->id, error);

    return hand && has_its_peers(hand, gateway, error) &&
           adit_networkd_adopted_write(self->folder, hand, wanted, gateway->up, group, error);
}

gboolean
adit_networkd_put(AditNetworkd *self, const AditBackendGateway *gateway, GError **error)
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
    if (adit_networkd_is_adopted(gateway))
        return write_adopted(self, gateway, &wanted, group, error);
    files = adit_networkd_render(&wanted, error);
    return files && adit_networkd_write(self->folder, gateway->name, files, group, error);
}

/* The link itself, or all of a kind that it has. */
static gboolean
drop(AditNetworkd *self, AditKind kind, const char *link, GError **error)
{
    const char *const links[] = { link, NULL };
    const AditScope scope = { .kinds = ADIT_KIND_BIT(kind), .links = links };
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());

    return adit_reconcile(self->kernel, nothing, &scope, NULL, error);
}

void
adit_networkd_create(AditBackend *backend, const AditBackendGateway *gateway,
                     AditBackendDone done, gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (adit_networkd_connect((AditNetworkd *)backend, &error))
        done(gateway->name, NULL, data);
    else
        done(NULL, error, data);
}

/* Before version 257 networkd takes neither peers nor keys of a changed .netdev to a link that
 * is there: what it left undone is done here. */
static void
on_reconfigured(const char *answer, const GError *why, gpointer data)
{
    AditNetworkdTask *task = data;
    g_autoptr(GError) error = why ? g_error_copy(why) : NULL;

    if (!error)
        adit_mend_after(task->networkd->kernel, task->gateway, &error);
    adit_networkd_task_end(task, NULL, error);
}

static void
on_update_read(const char *answer, const GError *error, gpointer data)
{
    AditNetworkdTask *task = data;

    if (error)
        adit_networkd_task_end(task, NULL, error);
    else
        adit_network1_reconfigure(task->networkd->network1, task->gateway->name,
                                  on_reconfigured, task);
}

/* Addresses that are there keep what they were given with, their route in main above all; made
 * anew they are as the file that counts now has them. */
static gboolean
drop_addresses(AditNetworkd *self, const char *link, GError **error)
{
    return drop(self, ADIT_KIND_ADDRESS, link, error);
}

/* networkd forgets a link whose files are gone, and leaves it. */
static gboolean
drop_all(AditNetworkd *self, const char *link, GError **error)
{
    adit_networkd_let_go(self, link);
    return adit_networkd_remove(self->folder, link, error) &&
           drop(self, ADIT_KIND_LINK, link, error);
}

/* Both are told: what changed in files is read, and a link that is there is configured anew. */
static void
rewrite(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
        gpointer data)
{
    AditNetworkdTask *task = adit_networkd_task_new(backend, gateway, done, data);
    g_autoptr(GError) error = NULL;

    if (adit_networkd_put(task->networkd, gateway, &error) &&
        adit_networkd_connect(task->networkd, &error))
        adit_network1_reload(task->networkd->network1, on_update_read, task);
    else
        adit_networkd_task_end(task, NULL, error);
}

/* Of whom an admin wrote the files. */
void
adit_networkd_adopt(AditBackend *backend, const AditBackendGateway *gateway,
                    AditBackendDone done, gpointer data)
{
    AditNetworkd *self = (AditNetworkd *)backend;
    g_autoptr(GError) error = NULL;

    if (drop_addresses(self, gateway->name, &error))
        rewrite(backend, gateway, done, data);
    else
        done(NULL, error, data);
}

static gboolean
put(AditNetworkd *self, const AditBackendGateway *gateway, gboolean up, GError **error)
{
    return up ? adit_networkd_put(self, gateway, error) : drop_all(self, gateway->name, error);
}

/* An admin's own files stay, and what is beside them says whether it is up. */
static void
turn(AditBackend *backend, const AditBackendGateway *gateway, gboolean up, AditBackendDone done,
     gpointer data)
{
    AditNetworkdTask *task;
    GError *error = NULL;
    gboolean good;

    if (adit_networkd_is_adopted(gateway)) {
        rewrite(backend, gateway, done, data);
        return;
    }
    task = adit_networkd_task_new(backend, gateway, done, data);
    good = put(task->networkd, gateway, up, &error);
    adit_networkd_task_finish(task, good, error);
}

void
adit_networkd_activate(AditBackend *backend, const AditBackendGateway *gateway,
                       AditBackendDone done, gpointer data)
{
    turn(backend, gateway, TRUE, done, data);
}

void
adit_networkd_deactivate(AditBackend *backend, const AditBackendGateway *gateway,
                         AditBackendDone done, gpointer data)
{
    turn(backend, gateway, FALSE, done, data);
}

/* Without networkd there is nobody to tell. */
static void
on_forgotten(const char *answer, const GError *error, gpointer data)
{
    adit_networkd_task_end(data, NULL, NULL);
}

/* As the admin wrote it; one that is down comes up again. */
static void
on_released(const char *answer, const GError *error, gpointer data)
{
    AditNetworkdTask *task = data;

    if (error)
        adit_networkd_task_end(task, NULL, NULL);
    else
        adit_network1_reconfigure(task->networkd->network1, task->gateway->name, on_forgotten,
                                  task);
}

/* Files that adit did not write are not adit's to delete. */
void
adit_networkd_release(AditBackend *backend, const AditBackendGateway *gateway,
                      AditBackendDone done, gpointer data)
{
    AditNetworkdTask *task = adit_networkd_task_new(backend, gateway, done, data);
    g_autoptr(GError) error = NULL;

    if (!adit_networkd_is_adopted(gateway))
        error =
            g_error_new(ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s: adit wrote its files itself: nothing to release", gateway->name);
    if (error || !adit_networkd_adopted_remove(task->networkd->folder, gateway->name, &error) ||
        !drop_addresses(task->networkd, gateway->name, &error) ||
        !adit_networkd_connect(task->networkd, NULL))
        adit_networkd_task_end(task, NULL, error);
    else
        adit_network1_reload(task->networkd->network1, on_released, task);
}

void
adit_networkd_delete(AditBackend *backend, const AditBackendGateway *gateway,
                     AditBackendDone done, gpointer data)
{
    AditNetworkdTask *task;
    g_autoptr(GError) error = NULL;

    if (adit_networkd_is_adopted(gateway)) {
        adit_networkd_release(backend, gateway, done, data);
        return;
    }
    task = adit_networkd_task_new(backend, gateway, done, data);
    if (!drop_all(task->networkd, gateway->name, &error))
        adit_networkd_task_end(task, NULL, error);
    else if (!adit_networkd_connect(task->networkd, NULL))
        adit_networkd_task_end(task, NULL, NULL);
    else
        adit_network1_reload(task->networkd->network1, on_forgotten, task);
}

void
adit_networkd_update(AditBackend *backend, const AditBackendGateway *gateway,
                     AditBackendDone done, gpointer data)
{
    if (gateway->up)
        rewrite(backend, gateway, done, data);
    else
        done(NULL, NULL, data);
}

void
adit_networkd_read(AditBackend *backend, const char *word, AditBackendRead done, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetworkdHand) hand = find_hand((AditNetworkd *)backend, word, &error);
    const AditBackendFound found = { .id = hand ? hand->path : NULL,
                                     .link = hand ? hand->link : NULL,
                                     .title = hand ? hand->link : NULL,
                                     .profile = hand ? hand->profile : NULL };

    done(hand ? &found : NULL, error, data);
}
