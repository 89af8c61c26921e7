/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/adopt.h"

#include "client/change-private.h"
#include "client/update.h"
#include "libadit/core/error.h"

/* Whom a watch listens to; as long as the daemon lives. */
typedef struct {
    AditDaemon *daemon;
    AditBackendKind kind;
} Ear;

static AditEntry *
find_id(const AditDaemon *daemon, AditBackendKind kind, const char *id)
{
    for (guint i = 0; i < daemon->entries->len; i++) {
        AditEntry *entry = g_ptr_array_index(daemon->entries, i);

        if (entry->backend == kind && g_strcmp0(entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

static void
on_given_back(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;

    adit_change_forget(change->daemon, change->name, NULL);
    adit_change_finish(change, g_steal_pointer(&change->error));
}

/* Routes that cannot be made yet are made when the link's next event tells. */
static void
on_adopted(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    AditDaemon *daemon = change->daemon;
    AditBackend *backend = daemon->backends[change->kind];
    AditEntry *entry = adit_catalog_find(daemon->entries, change->name);
    g_autoptr(GError) reason = NULL;
    g_auto(AditWish) wish = { 0 };

    if (error && entry) {
        change->error = g_error_copy(error);
        adit_wish_init(&wish, daemon, entry);
        backend->ops->release(backend, &wish.gateway, on_given_back, change);
        return;
    }
    if (!adit_daemon_apply_policy(daemon, &reason))
        g_info("%s", reason->message);
    adit_change_finish(change, NULL);
}

static AditEntry *
entry_of(const AditBackendFound *found, AditBackendKind kind)
{
    AditEntry *entry = adit_entry_new(found->link, adit_profile_copy(found->profile));

    entry->backend = kind;
    entry->id = g_strdup(found->id);
    entry->title = g_strdup(found->title);
    entry->owner = g_strdup(found->owner);
    entry->up = entry->busy = TRUE;
    return entry;
}

static gboolean
check_new(const AditChange *change, const AditBackendFound *found, GError **error)
{
    const char *why = NULL;

    if (find_id(change->daemon, change->kind, found->id))
        why = "is a gateway already";
    else if (!found->link || adit_catalog_find(change->daemon->entries, found->link))
        why = "another gateway has a link of its name";
    if (why)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: %s", found->title, why);
    return why == NULL;
}

/* No connection of that name, or one that NetworkManager made up for a link it found: perhaps a
 * file of networkd's. */
static gboolean
ask_next(AditChange *change, const GError *why, AditBackendRead then)
{
    AditBackend *next = change->daemon->backends[ADIT_BACKEND_NETWORKD];
    g_autofree char *word = g_steal_pointer(&change->word);

    if (!why || !word || !next || change->kind == ADIT_BACKEND_NETWORKD)
        return FALSE;
    change->kind = ADIT_BACKEND_NETWORKD;
    change->error = g_error_copy(why);
    next->ops->read(next, word, then, change);
    return TRUE;
}

/* Whose word counts when both say no: the first one's, unless it knew nothing of it; both, if
 * it is not there to ask. */
static GError *
choose_reason(AditChange *change, const GError *why)
{
    g_autoptr(GError) first = g_steal_pointer(&change->error);

    if (!why)
        return NULL;
    if (!first || g_error_matches(first, ADIT_ERROR, ADIT_ERROR_NOT_FOUND) ||
        !g_error_matches(why, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        return g_error_copy(why);
    if (g_error_matches(first, ADIT_ERROR, ADIT_ERROR_TIMEOUT))
        return g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT, "%s; %s", why->message,
                           first->message);
    return g_steal_pointer(&first);
}

static void
on_read(const AditBackendFound *found, const GError *why, gpointer data)
{
    AditChange *change = data;
    AditDaemon *daemon = change->daemon;
    GError *error;
    g_autoptr(AditEntry) entry = NULL;
    g_auto(AditWish) wish = { 0 };
    AditBackend *backend;

    if (ask_next(change, why, on_read))
        return;
    error = choose_reason(change, why);
    backend = daemon->backends[change->kind];
    if (!error && check_new(change, found, &error))
        entry = entry_of(found, change->kind);
    if (!entry || !adit_change_enrol(daemon, entry, &error)) {
        adit_change_finish(change, error);
        return;
    }
    change->name = g_strdup(entry->name);
    adit_newcomers_forget(daemon->newcomers, found->id);
    if (change->everyone)
        g_clear_pointer(&entry->owner, g_free);
    adit_wish_init(&wish, daemon, g_steal_pointer(&entry));
    wish.gateway.everyone = change->everyone;
    backend->ops->adopt(backend, &wish.gateway, on_adopted, change);
}

/* Of several managers the first that is there: links do not change hands by themselves. */
static AditBackendKind
first_manager(const AditDaemon *daemon)
{
    const AditBackend *nm = daemon->backends[ADIT_BACKEND_NETWORKMANAGER];

    return nm ? ADIT_BACKEND_NETWORKMANAGER : ADIT_BACKEND_NETWORKD;
}

static void
adopt(AditChange *change, AditBackendKind kind, const char *word)
{
    AditDaemon *daemon = change->daemon;
    AditBackend *backend;

    change->kind = kind == ADIT_BACKEND_AUTO ? first_manager(daemon) : kind;
    change->word = kind == ADIT_BACKEND_AUTO ? g_strdup(word) : NULL;
    backend = daemon->backends[change->kind];
    if (backend)
        backend->ops->read(backend, word, on_read, change);
    else
        adit_change_finish(change,
                           g_error_new(ADIT_ERROR, ADIT_ERROR_CONFIG,
                                       "%s: no network manager to adopt it from", word));
}

static void
on_opened(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    AditEntry *entry = adit_catalog_find(change->daemon->entries, change->name);

    if (entry && !error)
        g_clear_pointer(&entry->owner, g_free);
    adit_change_finish(change, error ? g_error_copy(error) : NULL);
}

void
adit_adopt_for_everyone(AditDaemon *daemon, AditBackendKind kind, const char *word,
                        AditChangeDone done, gpointer data)
{
    const gboolean known = adit_catalog_find(daemon->entries, word) != NULL;
    AditChange *change = adit_change_new(daemon, "adopt", known ? word : NULL, done, data);
    g_auto(AditWish) wish = { 0 };
    AditEntry *entry = known ? adit_change_begin(change, &wish) : NULL;

    change->everyone = TRUE;
    if (!known) {
        adopt(change, kind, word);
    } else if (entry) {
        AditBackend *backend = adit_change_backend(daemon, entry);

        wish.gateway.everyone = TRUE;
        backend->ops->update(backend, &wish.gateway, on_opened, change);
    }
}

void
adit_adopt(AditDaemon *daemon, AditBackendKind kind, const char *word, AditChangeDone done,
           gpointer data)
{
    adopt(adit_change_new(daemon, "adopt", NULL, done, data), kind, word);
}

static void
on_released(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    const AditEntry *entry = adit_catalog_find(change->daemon->entries, change->name);
    GError *reason = error ? g_error_copy(error) : NULL;

    if (!reason && entry && entry->id)
        adit_newcomers_decline(change->daemon->newcomers, entry->id);
    if (!reason)
        adit_change_forget(change->daemon, change->name, &reason);
    adit_change_finish(change, reason);
}

void
adit_unadopt(AditDaemon *daemon, const char *name, AditChangeDone done, gpointer data)
{
    AditChange *change = adit_change_new(daemon, "unadopt", name, done, data);
    g_auto(AditWish) wish = { 0 };
    AditEntry *entry = adit_change_begin(change, &wish);
    AditBackend *backend = entry ? adit_change_backend(daemon, entry) : NULL;

    if (backend)
        backend->ops->release(backend, &wish.gateway, on_released, change);
}

static void
on_refreshed(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    AditDaemon *daemon = change->daemon;
    g_autofree char *name = g_strdup(change->name);

    adit_change_finish(change, error ? g_error_copy(error) : NULL);
    adit_update_resume(daemon, name);
}

/* Where its routes lie and how its own packets are marked is our word. A preshared key that is
 * gone is more often lost than taken out: NetworkManager drops all of them when an editor gives
 * it the private key alone. */
static AditProfile *
as_before(const AditProfile *profile, const AditProfile *before)
{
    AditProfile *copy = adit_profile_copy(profile);

    copy->table_mode = before->table_mode;
    copy->table = before->table;
    copy->fwmark = before->fwmark;
    adit_profile_inherit(copy, before);
    return copy;
}

/* What a user has edited counts, but for what makes it a gateway, which is put back. */
static void
on_reread(const AditBackendFound *found, const GError *why, gpointer data)
{
    AditChange *change = data;
    AditDaemon *daemon = change->daemon;
    AditEntry *entry = adit_catalog_find(daemon->entries, change->name);
    g_autoptr(AditProfile) profile = NULL;
    g_auto(AditWish) wish = { 0 };
    AditBackend *backend;
    GError *error = why ? g_error_copy(why) : NULL;

    if (!entry || error) {
        adit_change_finish(change, error);
        return;
    }
    g_free(entry->owner);
    entry->owner = g_strdup(found->owner);
    profile = as_before(found->profile, entry->profile);
    if (!adit_profile_equal(profile, entry->profile)) {
        adit_profile_free(entry->profile);
        entry->profile = g_steal_pointer(&profile);
        if (!adit_catalog_save(entry, daemon->places->config, daemon->places->state, &error) ||
            !adit_daemon_apply_policy(daemon, &error)) {
            adit_change_finish(change, error);
            return;
        }
        g_message("%s: its profile was edited", entry->name);
    }
    backend = adit_change_backend(daemon, entry);
    adit_wish_init(&wish, daemon, entry);
    backend->ops->update(backend, &wish.gateway, on_refreshed, change);
}

static void
refresh(AditDaemon *daemon, AditEntry *entry)
{
    AditBackend *backend = adit_change_backend(daemon, entry);

    entry->edited = entry->busy;
    if (entry->busy)
        return; /* looked at when that is over */
    entry->busy = TRUE;
    backend->ops->read(backend, entry->id, on_reread,
                       adit_change_new(daemon, NULL, entry->name, NULL, NULL));
}

void
adit_adopt_edited(AditDaemon *daemon, const char *name)
{
    AditEntry *entry = adit_catalog_find(daemon->entries, name);

    if (entry)
        refresh(daemon, entry);
}

static void
on_found(const char *id, gpointer data)
{
    const Ear *ear = data;
    AditEntry *entry = find_id(ear->daemon, ear->kind, id);

    if (entry)
        refresh(ear->daemon, entry);
    else
        adit_newcomers_found(ear->daemon->newcomers, ear->kind, id);
}

static void
on_seen(const char *id, const AditBackendSight *sight, gpointer data)
{
    const Ear *ear = data;

    if (!find_id(ear->daemon, ear->kind, id))
        adit_newcomers_seen(ear->daemon->newcomers, ear->kind, id, sight);
}

static void
on_edited(const char *id, gpointer data)
{
    const Ear *ear = data;
    AditEntry *entry = find_id(ear->daemon, ear->kind, id);

    if (entry)
        refresh(ear->daemon, entry);
}

static void
remove_gone(AditDaemon *daemon, const AditEntry *entry)
{
    g_message("%s: removed in %s", entry->name, adit_backend_to_string(entry->backend));
    adit_change_remove(daemon, entry->name, NULL, NULL);
}

static void
on_gone(const char *id, gpointer data)
{
    const Ear *ear = data;
    AditEntry *entry = find_id(ear->daemon, ear->kind, id);

    if (!entry)
        adit_newcomers_forget(ear->daemon->newcomers, id);
    if (!entry)
        return;
    entry->gone = entry->busy; /* looked at when that is over, which may have been it */
    if (!entry->gone)
        remove_gone(ear->daemon, entry);
}

void
adit_adopt_gone(AditDaemon *daemon, const char *name)
{
    AditEntry *entry = adit_catalog_find(daemon->entries, name);
    AditBackend *backend = entry ? adit_change_backend(daemon, entry) : NULL;
    g_auto(GStrv) ids = backend ? backend->ops->list(backend) : NULL;

    if (!entry)
        return;
    entry->gone = FALSE;
    if (ids && entry->id && !g_strv_contains((const char *const *)ids, entry->id))
        remove_gone(daemon, entry);
}

static gboolean
on_switched(const char *id, gboolean up, gpointer data)
{
    const Ear *ear = data;
    AditEntry *entry = find_id(ear->daemon, ear->kind, id);
    g_autoptr(GError) error = NULL;

    if (entry && entry->busy)
        return FALSE;
    if (!entry)
        return TRUE;
    if (!entry->up && up)
        entry->since = g_get_monotonic_time();
    entry->up = up;
    if (!adit_catalog_save_decision(entry, ear->daemon->places->state, &error) ||
        !adit_daemon_apply(ear->daemon, &error))
        g_warning("%s", error->message);
    adit_daemon_tell(ear->daemon);
    return TRUE;
}

/* Removed while aditd did not run. One that everything goes through keeps its guard until a
 * user says otherwise: its manager may have lost it by mistake. */
static void
on_ready(gpointer data)
{
    const Ear *ear = data;
    AditDaemon *daemon = ear->daemon;
    AditBackend *backend = daemon->backends[ear->kind];
    g_auto(GStrv) ids = backend->ops->list(backend);

    for (guint i = daemon->entries->len; ids && i-- > 0;) {
        const AditEntry *entry = g_ptr_array_index(daemon->entries, i);

        if (entry->backend != ear->kind || entry->busy || !entry->id ||
            g_strv_contains((const char *const *)ids, entry->id))
            continue;
        if (entry->selected[0] || entry->selected[1]) {
            g_warning("%s: %s has it no more; its guard stays: adit remove %s", entry->name,
                      adit_backend_to_string(ear->kind), entry->name);
            continue;
        }
        on_gone(entry->id, data);
    }
}

void
adit_adopt_watch(AditDaemon *daemon)
{
    for (AditBackendKind kind = 0; kind < ADIT_N_BACKENDS; kind++) {
        AditBackend *backend = daemon->backends[kind];
        Ear *ear = backend ? g_new0(Ear, 1) : NULL;
        const AditBackendWatch watch = { on_ready, on_found,    on_edited, on_gone,
                                         on_seen,  on_switched, ear };

        if (!ear)
            continue;
        ear->daemon = daemon;
        ear->kind = kind;
        daemon->ears[kind] = ear;
        backend->ops->watch(backend, &watch);
    }
}
