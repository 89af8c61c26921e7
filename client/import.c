/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/change-private.h"

#include "client/move.h"
#include "client/update.h"
#include "libadit/core/error.h"
#include "libadit/core/ifname.h"

#include <net/if.h>
#include <string.h>

/* A profile becomes a gateway: enrolled first, then made by its manager, then brought up. What
 * fails on the way is undone. */

/* Names of links that exist are taken, whoever made them. */
static char *
free_name(const AditDaemon *daemon, const char *wish)
{
    g_autoptr(GStrvBuilder) taken = g_strv_builder_new();
    g_auto(GStrv) list = NULL;
    struct if_nameindex *links = if_nameindex();

    for (guint i = 0; i < daemon->entries->len; i++)
        g_strv_builder_add(taken,
                           ((const AditEntry *)g_ptr_array_index(daemon->entries, i))->name);
    for (struct if_nameindex *l = links; l && l->if_index != 0; l++)
        g_strv_builder_add(taken, l->if_name);
    if (links)
        if_freenameindex(links);
    list = g_strv_builder_end(taken);
    return adit_ifname_derive(wish, (const char *const *)list);
}

static void
on_undone(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;

    adit_change_forget(change->daemon, change->name, NULL);
    adit_change_finish(change, g_steal_pointer(&change->error));
}

/* The import failed: nothing of it stays. */
static void
undo(AditChange *change, const GError *why)
{
    AditEntry *entry = adit_catalog_find(change->daemon->entries, change->name);
    g_auto(AditWish) wish = { 0 };

    change->error = g_error_copy(why);
    if (!entry) {
        on_undone(NULL, NULL, change);
        return;
    }
    adit_wish_init(&wish, change->daemon, entry);
    adit_change_backend(change->daemon, entry)
        ->ops->remove(adit_change_backend(change->daemon, entry), &wish.gateway, on_undone,
                      change);
}

static void
on_imported(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    g_autoptr(GError) reason = NULL;

    if (error) {
        undo(change, error);
        return;
    }
    adit_daemon_apply_policy(change->daemon, &reason); /* now the routes can be made */
    if (reason)
        undo(change, reason);
    else
        adit_change_finish(change, NULL);
}

static void
on_created(const char *id, const GError *error, gpointer data)
{
    AditChange *change = data;
    AditDaemon *daemon = change->daemon;
    AditEntry *entry = adit_catalog_find(daemon->entries, change->name);
    g_autoptr(GError) reason = error ? g_error_copy(error) : NULL;
    g_auto(AditWish) wish = { 0 };

    if (entry && !reason) {
        g_free(entry->id);
        entry->id = g_strdup(id);
        adit_catalog_save_decision(entry, daemon->places->state, &reason);
    }
    if (!entry || reason) {
        undo(change, reason);
        return;
    }
    adit_wish_init(&wish, daemon, entry);
    adit_change_backend(daemon, entry)
        ->ops->activate(adit_change_backend(daemon, entry), &wish.gateway, on_imported, change);
}

AditEntry *
adit_change_find_device(const AditDaemon *daemon, const AditProfile *profile)
{
    for (guint i = 0; i < daemon->entries->len; i++) {
        AditEntry *entry = g_ptr_array_index(daemon->entries, i);

        if (adit_profile_is_same_device(entry->profile, profile))
            return entry;
    }
    return NULL;
}

/* Whose files say all the same port, as some programs write it into each. */
static void
give_way(const AditDaemon *daemon, const char *title, AditProfile *profile)
{
    for (guint i = 0; i < daemon->entries->len && profile->listen_port; i++) {
        const AditEntry *entry = g_ptr_array_index(daemon->entries, i);

        if (entry->profile->listen_port != profile->listen_port)
            continue;
        g_message("%s: ListenPort %u is taken by %s: any other will do", title,
                  profile->listen_port, entry->name);
        profile->listen_port = 0;
    }
}

static void
import_new(AditDaemon *daemon, AditBackendKind kind, const char *title, AditProfile *parsed,
           AditChangeDone done, gpointer data)
{
    g_autofree char *name = free_name(daemon, title);
    AditChange *change = adit_change_new(daemon, "import", name, done, data);
    g_autoptr(AditProfile) profile = parsed;
    g_autoptr(AditEntry) entry = NULL;
    g_auto(AditWish) wish = { 0 };
    AditBackend *backend;
    GError *error = NULL;

    if (kind == ADIT_BACKEND_AUTO)
        kind = adit_daemon_choose_backend(daemon);
    give_way(daemon, title, profile);
    if (adit_backend_can_drive(kind, &error)) {
        entry = adit_entry_new(name, g_steal_pointer(&profile));
        entry->up = entry->busy = TRUE;
        entry->backend = kind;
        entry->title = g_strdup(title);
    }
    if (!entry || !adit_change_enrol(daemon, entry, &error)) {
        adit_change_finish(change, error);
        return;
    }
    adit_wish_init(&wish, daemon, entry);
    backend = adit_change_backend(daemon, entry);
    g_steal_pointer(&entry);
    backend->ops->create(backend, &wish.gateway, on_created, change);
}

const char *
adit_change_whose_import(const AditDaemon *daemon, const char *text)
{
    g_autoptr(AditProfile) profile = adit_profile_parse("", text, strlen(text), NULL);
    const AditEntry *same = profile ? adit_change_find_device(daemon, profile) : NULL;

    return same ? same->name : "";
}

/* Another file for a device that is a gateway already is an update of it; with another manager
 * named, a move. */
void
adit_change_import(AditDaemon *daemon, AditBackendKind kind, const char *title,
                   const char *text, AditChangeDone done, gpointer data)
{
    GError *error = NULL;
    AditProfile *profile = adit_profile_parse(title, text, strlen(text), &error);
    const AditEntry *same = profile ? adit_change_find_device(daemon, profile) : NULL;

    if (profile && !same) {
        import_new(daemon, kind, title, profile, done, data);
        return;
    }
    adit_profile_free(profile);
    if (same && kind != ADIT_BACKEND_AUTO && kind != same->backend)
        adit_move(daemon, same->name, kind, text, done, data);
    else if (same)
        adit_update(daemon, same->name, text, done, data);
    else
        adit_change_finish(adit_change_new(daemon, "import", NULL, done, data), error);
}
