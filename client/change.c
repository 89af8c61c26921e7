/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/change-private.h"

#include "client/adopt.h"
#include "libadit/core/error.h"
#include "libadit/sys/notify.h"
#include "policy-routing/rival.h"

#include <string.h>
#include <syslog.h>

AditChange *
adit_change_new(AditDaemon *daemon, const char *verb, const char *name, AditChangeDone done,
                gpointer data)
{
    AditChange *change = g_new0(AditChange, 1);

    change->daemon = daemon;
    change->verb = verb;
    change->name = g_strdup(name);
    change->done = done;
    change->data = data;
    return change;
}

static void
change_free(AditChange *change)
{
    g_clear_error(&change->error);
    g_free(change->name);
    g_free(change->word);
    g_free(change);
}

/* What was done to which gateway, or why not; for people a line, for programs fields. */
static void
tell_journal(const AditChange *change, const GError *reason)
{
    const char *verb = change->verb ? change->verb : "look";
    g_autofree char *done = change->name ? g_strdup_printf("%s: %s: done", change->name, verb)
                                         : g_strdup_printf("%s: done", verb);
    g_autofree char *failed = reason ? g_strdup_printf("%s: %s", verb, reason->message) : NULL;

    if (reason || change->verb)
        adit_journal(reason ? LOG_WARNING : LOG_NOTICE, reason ? failed : done, "ADIT_VERB",
                     verb, "ADIT_GATEWAY", change->name, "ADIT_REASON",
                     reason ? reason->message : NULL, NULL);
}

/* What was heard of it meanwhile. */
static void
catch_up(AditDaemon *daemon, const char *name)
{
    const AditEntry *entry = adit_catalog_find(daemon->entries, name);

    if (entry && entry->gone && !entry->busy)
        adit_adopt_gone(daemon, name);
    entry = adit_catalog_find(daemon->entries, name); /* another one, or none, by now */
    if (entry && entry->edited)
        adit_adopt_edited(daemon, name);
}

void
adit_change_finish(AditChange *change, GError *error)
{
    g_autoptr(GError) reason = error;
    g_autofree char *name = g_strdup(change->name);
    AditDaemon *daemon = change->daemon;
    AditEntry *entry = name ? adit_catalog_find(daemon->entries, name) : NULL;

    if (entry) {
        entry->busy = FALSE;
        adit_router_again(daemon->router); /* while it was busy its link was not looked at */
    }
    adit_daemon_tell(daemon);
    tell_journal(change, reason);
    if (change->done)
        change->done(change->name, reason, change->data);
    change_free(change);
    if (name)
        catch_up(daemon, name);
}

AditEntry *
adit_change_begin(AditChange *change, AditWish *ret)
{
    GError *error = NULL;
    AditEntry *entry = adit_daemon_find(change->daemon, change->name, &error);

    if (entry && entry->busy) {
        g_set_error(&error, ADIT_ERROR, ADIT_ERROR_BUSY,
                    "%s: another change of it is under way", change->name);
        g_clear_pointer(&change->name, g_free); /* who is at it stays busy */
        entry = NULL;
    }
    if (!entry) {
        adit_change_finish(change, error);
        return NULL;
    }
    entry->busy = TRUE;
    adit_wish_init(ret, change->daemon, entry);
    return entry;
}

AditBackend *
adit_change_backend(const AditDaemon *daemon, const AditEntry *entry)
{
    return daemon->backends[entry->backend];
}

gboolean
adit_change_enrol(AditDaemon *daemon, AditEntry *entry, GError **error)
{
    const AditPlaces *places = daemon->places;

    entry->slot = adit_catalog_free_slot(daemon->entries);
    if (entry->slot == 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: all 60 gateway slots are taken",
                    entry->name);
        return FALSE;
    }
    g_ptr_array_add(daemon->entries, entry);
    if (adit_catalog_save(entry, places->config, places->state, error) &&
        adit_daemon_apply_policy(daemon, error))
        return TRUE;
    adit_catalog_remove(entry, places->config, places->state, NULL);
    g_ptr_array_steal_index(daemon->entries, daemon->entries->len - 1);
    adit_daemon_apply_policy(daemon, NULL);
    return FALSE;
}

gboolean
adit_change_forget(AditDaemon *daemon, const char *name, GError **error)
{
    AditEntry *entry = adit_catalog_find(daemon->entries, name);
    g_autoptr(AditEntry) holder = NULL;
    guint index;

    if (!entry || !g_ptr_array_find(daemon->entries, entry, &index))
        return TRUE;
    holder = g_ptr_array_steal_index(daemon->entries, index);
    if (!adit_daemon_apply_policy(daemon, error)) {
        g_ptr_array_insert(daemon->entries, (gint)index, g_steal_pointer(&holder));
        return FALSE;
    }
    return adit_catalog_remove(holder, daemon->places->config, daemon->places->state, error);
}

static void
on_removed(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    GError *reason = error ? g_error_copy(error) : NULL;

    if (!reason)
        adit_change_forget(change->daemon, change->name, &reason);
    adit_change_finish(change, reason);
}

void
adit_change_remove(AditDaemon *daemon, const char *name, AditChangeDone done, gpointer data)
{
    AditChange *change = adit_change_new(daemon, "remove", name, done, data);
    g_auto(AditWish) wish = { 0 };
    AditEntry *entry = adit_change_begin(change, &wish);
    AditBackend *backend = entry ? adit_change_backend(daemon, entry) : NULL;

    if (backend)
        backend->ops->remove(backend, &wish.gateway, on_removed, change);
}

static void
on_set_up(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    AditDaemon *daemon = change->daemon;
    AditEntry *entry = adit_catalog_find(daemon->entries, change->name);
    GError *reason = error ? g_error_copy(error) : NULL;

    if (!reason)
        adit_daemon_apply_policy(daemon, &reason);
    if (reason && entry) {
        entry->up = change->before;
        adit_catalog_save_decision(entry, daemon->places->state, NULL);
        adit_daemon_apply_policy(daemon, NULL);
    }
    adit_change_finish(change, reason);
}

/* One that an admin has dropped into the folder since is enrolled now. */
static gboolean
enrol_dropped(AditDaemon *daemon, const char *name, GError **error)
{
    return adit_catalog_find(daemon->entries, name) ||
           !adit_catalog_has_profile(daemon->places->config, name) ||
           adit_daemon_reload(daemon, error);
}

void
adit_change_set_up(AditDaemon *daemon, const char *name, gboolean up, AditChangeDone done,
                   gpointer data)
{
    AditChange *change = adit_change_new(daemon, up ? "up" : "down", name, done, data);
    g_autoptr(GError) error = NULL;
    g_auto(AditWish) wish = { 0 };
    AditEntry *entry;
    AditBackend *backend;

    if (up && !enrol_dropped(daemon, name, &error)) {
        adit_change_finish(change, g_steal_pointer(&error));
        return;
    }
    entry = adit_change_begin(change, &wish);

    if (!entry)
        return;
    change->before = entry->up;
    wish.gateway.up = entry->up = up;
    entry->since = g_get_monotonic_time();
    backend = adit_change_backend(daemon, entry);
    if (!adit_catalog_save_decision(entry, daemon->places->state, &error))
        on_set_up(NULL, error, change);
    else if (up)
        backend->ops->activate(backend, &wish.gateway, on_set_up, change);
    else
        backend->ops->deactivate(backend, &wish.gateway, on_set_up, change);
}

static void
on_updated(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;

    if (error && !change->error)
        change->error = g_error_copy(error);
    if (--change->waiting == 0)
        adit_change_finish(change, g_steal_pointer(&change->error));
}

/* An entry that changes by the choice, and what it was. */
typedef struct {
    AditEntry *entry;
    gboolean before[2];
} Choice;

/* Their entries say the new one already. */
static GArray *
choose(AditDaemon *daemon, const AditEntry *chosen, const gboolean families[2])
{
    GArray *choices = g_array_new(FALSE, FALSE, sizeof(Choice));

    for (guint i = 0; i < daemon->entries->len; i++) {
        AditEntry *entry = g_ptr_array_index(daemon->entries, i);
        const Choice choice = { entry, { entry->selected[0], entry->selected[1] } };

        for (guint f = 0; f < 2; f++)
            if (families[f])
                entry->selected[f] = entry == chosen;
        if (memcmp(choice.before, entry->selected, sizeof(choice.before)) != 0)
            g_array_append_val(choices, choice);
    }
    return choices;
}

/* After a crash in between two may claim to be the default: the planner refuses, and nothing
 * is opened. */
static gboolean
save_choices(AditDaemon *daemon, const GArray *choices, GError **error)
{
    for (guint i = 0; i < choices->len; i++)
        if (!adit_catalog_save_decision(g_array_index(choices, Choice, i).entry,
                                        daemon->places->state, error))
            return FALSE;
    return TRUE;
}

/* What could not be carried out is not to be tried again at the next start. */
static void
take_back(AditDaemon *daemon, const GArray *choices)
{
    for (guint i = 0; i < choices->len; i++) {
        const Choice *choice = &g_array_index(choices, Choice, i);

        memcpy(choice->entry->selected, choice->before, sizeof(choice->before));
    }
    save_choices(daemon, choices, NULL);
    adit_daemon_apply_policy(daemon, NULL);
}

/* Managers hear of the choice: name servers and source addresses follow it. */
static void
update_all(AditChange *change, const GArray *choices)
{
    change->waiting = choices->len + 1; /* one of our own: answers may come at once */
    for (guint i = 0; i < choices->len; i++) {
        const AditEntry *entry = g_array_index(choices, Choice, i).entry;
        AditBackend *backend = adit_change_backend(change->daemon, entry);
        g_auto(AditWish) wish = { 0 };

        adit_wish_init(&wish, change->daemon, entry);
        backend->ops->update(backend, &wish.gateway, on_updated, change);
    }
    on_updated(NULL, NULL, change);
}

void
adit_change_set_default(AditDaemon *daemon, const char *name, const gboolean families[2],
                        AditChangeDone done, gpointer data)
{
    AditChange *change = adit_change_new(daemon, "default", NULL, done, data);
    GError *error = NULL;
    AditEntry *chosen = name ? adit_daemon_find(daemon, name, &error) : NULL;
    g_autoptr(GArray) choices = NULL;

    if (name && (!chosen || !adit_rival_check(name, families, &error))) {
        adit_change_finish(change, error);
        return;
    }
    choices = choose(daemon, chosen, families);
    if (!save_choices(daemon, choices, &error) || !adit_daemon_apply_policy(daemon, &error)) {
        take_back(daemon, choices);
        adit_change_finish(change, error);
        return;
    }
    update_all(change, choices);
}
