/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/update.h"

#include "client/change-private.h"
#include "client/health.h"
#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define LOOK_MS 250
#define FOLDER "updating"
#define MAX_PROFILE (4 * 1024 * 1024)

typedef struct {
    AditChange *change;
    AditProfile *before;
    gint64 start;    /* wall clock: what handshakes are told in */
    gint64 deadline; /* monotonic */
    gboolean kept;   /* the old one is, on disk, while the new one is judged */
    gboolean judged; /* its keys are others: a handshake has to come */
} Update;

/* While the new profile is not judged the old one is kept beside, for a machine that loses
 * power meanwhile. */
static char *
kept_path(const AditDaemon *daemon, const char *name)
{
    return g_build_filename(daemon->places->state, FOLDER, name, NULL);
}

static gboolean
keep(const AditDaemon *daemon, const char *name, const AditProfile *before, GError **error)
{
    g_autofree char *path = kept_path(daemon, name);
    g_autofree char *folder = g_path_get_dirname(path);
    char *text = adit_profile_to_string(before);
    gboolean kept = g_mkdir_with_parents(folder, 0700) == 0
                        ? adit_store_write(path, text, strlen(text), 0600, error)
                        : adit_syserror_set(error, errno, "%s", folder);

    adit_key_string_free(text);
    return kept;
}

static AditProfile *
take_kept(const AditDaemon *daemon, const char *name)
{
    g_autofree char *path = kept_path(daemon, name);
    AditProfile *profile;
    gsize len;
    char *text;

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return NULL;
    text = adit_store_read(path, MAX_PROFILE, &len, NULL);
    profile = text ? adit_profile_parse(name, text, len, NULL) : NULL;
    adit_key_string_free(text);
    return profile;
}

static void
end(Update *update, GError *error)
{
    g_autofree char *path = kept_path(update->change->daemon, update->change->name);

    if (update->kept)
        adit_store_remove(path, NULL);
    adit_change_finish(update->change, error);
    adit_profile_free(update->before);
    g_free(update);
}

/* Whether the session has to be made anew, and by itself. */
static gboolean
needs_handshake(const AditProfile *before, const AditProfile *after)
{
    gboolean keeps = FALSE, same = adit_key_equal(&before->private_key, &after->private_key) &&
                                   before->n_peers == after->n_peers;

    for (guint i = 0; i < after->n_peers; i++) {
        keeps |= after->peers[i].keepalive > 0;
        same =
            same && adit_key_equal(&before->peers[i].public_key, &after->peers[i].public_key) &&
            adit_key_equal(&before->peers[i].preshared_key, &after->peers[i].preshared_key) &&
            adit_endpoint_cmp(&before->peers[i].endpoint, &after->peers[i].endpoint) == 0;
    }
    return keeps && !same;
}

/* A changed preshared key alone leaves the session as it is, and would be found wrong two
 * minutes later only: without its peer the session is gone, and what comes next makes it anew.
 */
static void
drop_sessions(AditDaemon *daemon, const char *link, const AditProfile *before)
{
    for (guint i = 0; i < before->n_peers; i++) {
        const AditPeer peer = { .public_key = before->peers[i].public_key };
        const AditPeerChange gone = { .verb = ADIT_OP_DELETE, .peer = &peer };
        const AditWgSet set = { .link = link, .peers = &gone, .n_peers = 1 };

        adit_wgdev_set(daemon->wgdev, &set, NULL);
    }
}

static gint64
last_handshake(AditDaemon *daemon, const char *link)
{
    g_autoptr(AditWgDump) dump = adit_wgdev_get(daemon->wgdev, link, NULL);
    gint64 last = 0;

    for (guint i = 0; dump && i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        last = MAX(last, peer->status.handshake_sec);
    }
    return last;
}

/* Store first: after a power cut at any step it is the old profile or the new one. */
static gboolean
put(AditDaemon *daemon, AditEntry *entry, const AditProfile *profile, GError **error)
{
    AditProfile *old = entry->profile;

    entry->profile = adit_profile_copy(profile);
    if (adit_catalog_save(entry, daemon->places->config, daemon->places->state, error) &&
        adit_daemon_apply_policy(daemon, error)) {
        adit_profile_free(old);
        return TRUE;
    }
    adit_profile_free(entry->profile);
    entry->profile = old;
    adit_catalog_save(entry, daemon->places->config, daemon->places->state, NULL);
    adit_daemon_apply_policy(daemon, NULL);
    return FALSE;
}

/* Neither profile has reached the manager: it has what it had. */
static gboolean
is_unreached(const GError *why, const GError *error)
{
    return (g_error_matches(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT) ||
            g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) &&
           g_strcmp0(error->message, why->message) == 0;
}

static void
on_reverted(const char *id, const GError *error, gpointer data)
{
    Update *update = data;
    GError *why = g_steal_pointer(&update->change->error);

    if (error && !is_unreached(why, error))
        g_prefix_error(&why, "the old profile is not whole again: %s: ", error->message);
    end(update, why);
}

/* Takes @why. */
static void
revert(Update *update, AditEntry *entry, GError *why)
{
    AditDaemon *daemon = update->change->daemon;
    AditBackend *backend = adit_change_backend(daemon, entry);
    g_auto(AditWish) wish = { 0 };

    update->change->error = why;
    if (update->judged)
        drop_sessions(daemon, entry->name, entry->profile);
    put(daemon, entry, update->before, NULL);
    adit_wish_init(&wish, daemon, entry);
    backend->ops->update(backend, &wish.gateway, on_reverted, update);
}

static gboolean
on_look(gpointer data)
{
    Update *update = data;
    AditEntry *entry = adit_catalog_find(update->change->daemon->entries, update->change->name);

    if (!entry || !entry->up ||
        last_handshake(update->change->daemon, update->change->name) >= update->start) {
        end(update, NULL);
        return G_SOURCE_REMOVE;
    }
    if (g_get_monotonic_time() < update->deadline)
        return G_SOURCE_CONTINUE;
    revert(update, entry,
           g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                       "%s: no handshake with the new profile within %d s: the old one is back",
                       entry->name, ADIT_HEALTH_PATIENCE));
    return G_SOURCE_REMOVE;
}

static void
on_updated(const char *id, const GError *error, gpointer data)
{
    Update *update = data;
    AditDaemon *daemon = update->change->daemon;
    AditEntry *entry = adit_catalog_find(daemon->entries, update->change->name);

    if (!entry) {
        end(update, NULL);
    } else if (error) {
        revert(update, entry, g_error_copy(error));
    } else if (update->judged && entry->up) {
        update->deadline =
            g_get_monotonic_time() + ADIT_HEALTH_PATIENCE * (gint64)G_USEC_PER_SEC;
        g_timeout_add(LOOK_MS, on_look, update);
    } else {
        adit_daemon_apply_policy(daemon, NULL);
        end(update, NULL);
    }
}

static void
begin(Update *update, AditEntry *entry, AditProfile *profile)
{
    AditDaemon *daemon = update->change->daemon;
    AditBackend *backend = adit_change_backend(daemon, entry);
    g_auto(AditWish) wish = { 0 };
    GError *error = NULL;

    /* Nothing is touched: what an update before left behind is judged once it has come. */
    if (backend->ops->is_ready && !backend->ops->is_ready(backend, entry->id, &error)) {
        update->kept = FALSE;
        end(update, error);
        return;
    }
    update->before = adit_profile_copy(entry->profile);
    adit_profile_inherit(profile, update->before);
    update->judged = needs_handshake(update->before, profile);
    update->start = g_get_real_time() / G_USEC_PER_SEC;
    if (update->kept && update->judged && entry->up &&
        !keep(daemon, entry->name, update->before, &error)) {
        end(update, error);
        return;
    }
    if (!put(daemon, entry, profile, &error)) {
        end(update, error);
        return;
    }
    if (update->judged && entry->up)
        drop_sessions(daemon, entry->name, update->before);
    adit_wish_init(&wish, daemon, entry);
    backend->ops->update(backend, &wish.gateway, on_updated, update);
}

static void
start(AditChange *change, AditEntry *entry, AditProfile *profile, gboolean kept)
{
    Update *update = g_new0(Update, 1);

    update->change = change;
    update->kept = kept;
    begin(update, entry, profile);
}

void
adit_update(AditDaemon *daemon, const char *name, const char *text, AditChangeDone done,
            gpointer data)
{
    AditChange *change = adit_change_new(daemon, "update", name, done, data);
    g_auto(AditWish) wish = { 0 };
    AditEntry *entry = adit_change_begin(change, &wish);
    g_autoptr(AditProfile) profile = NULL;
    GError *error = NULL;

    if (!entry)
        return;
    profile = adit_profile_parse(name, text, strlen(text), &error);
    if (profile)
        start(change, entry, profile, TRUE);
    else
        adit_change_finish(change, error);
}

void
adit_update_profile(AditDaemon *daemon, const char *name, const AditProfile *profile,
                    AditChangeDone done, gpointer data)
{
    AditChange *change = adit_change_new(daemon, "update", name, done, data);
    g_auto(AditWish) wish = { 0 };
    AditEntry *entry = adit_change_begin(change, &wish);
    g_autoptr(AditProfile) copy = adit_profile_copy(profile);

    if (entry)
        start(change, entry, copy, FALSE);
}

void
adit_update_resume(AditDaemon *daemon, const char *name)
{
    AditEntry *entry = adit_catalog_find(daemon->entries, name);
    AditProfile *before = entry && !entry->busy ? take_kept(daemon, name) : NULL;
    AditBackend *backend;
    g_auto(AditWish) wish = { 0 };
    Update *update;

    if (!before)
        return;
    update = g_new0(Update, 1);
    update->change = adit_change_new(daemon, "update", name, NULL, NULL);
    update->before = before;
    update->kept = update->judged = TRUE;
    update->start = g_get_real_time() / G_USEC_PER_SEC;
    entry->busy = TRUE;
    drop_sessions(daemon, name, entry->profile);
    backend = adit_change_backend(daemon, entry);
    adit_wish_init(&wish, daemon, entry);
    backend->ops->update(backend, &wish.gateway, on_updated, update);
}
