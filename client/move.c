/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/move.h"

#include "client/change-private.h"
#include "client/update.h"
#include "libadit/core/error.h"

/* The decision is written first: after a crash at any step the new manager is asked, and what
 * the old one has lost is not taken for a removal of the gateway. Both call the link the same,
 * so one lets go before the other begins; the guard stands, and nothing gets out in between. */

typedef struct {
    AditChange *change;
    AditBackendKind from, to;
    char *from_id; /* what the old one calls it */
} Move;

static void
end(Move *move, GError *error)
{
    adit_change_finish(move->change, error);
    g_free(move->from_id);
    g_free(move);
}

static gboolean
save(Move *move, AditBackendKind kind, const char *id, GError **error)
{
    AditDaemon *daemon = move->change->daemon;
    AditEntry *entry = adit_catalog_find(daemon->entries, move->change->name);
    char *own = g_strdup(id);

    entry->backend = kind;
    g_clear_pointer(&entry->owner, g_free); /* what aditd has made is everybody's */
    g_free(entry->id);
    entry->id = own;
    return adit_catalog_save_decision(entry, daemon->places->state, error);
}

/* Its entry cannot go in between: it is busy. */
static void
ask(Move *move, AditBackendKind kind, gsize verb, AditBackendDone then)
{
    AditDaemon *daemon = move->change->daemon;
    AditBackend *backend = daemon->backends[kind];
    g_auto(AditWish) wish = { 0 };

    adit_wish_init(&wish, daemon, adit_catalog_find(daemon->entries, move->change->name));
    if (kind == move->from && verb == G_STRUCT_OFFSET(AditBackendOps, remove))
        wish.gateway.id = move->from_id;
    G_STRUCT_MEMBER(AditBackendVerb, backend->ops, verb)(backend, &wish.gateway, then, move);
}

#define ASK(move, kind, verb, then) ask(move, kind, G_STRUCT_OFFSET(AditBackendOps, verb), then)

static gboolean
is_up(const Move *move)
{
    return adit_catalog_find(move->change->daemon->entries, move->change->name)->up;
}

/* -- the way back -- */

static void
on_back(const char *id, const GError *error, gpointer data)
{
    Move *move = data;
    GError *why = g_steal_pointer(&move->change->error);

    if (error)
        g_prefix_error(&why, "%s has it not again: %s: ", adit_backend_to_string(move->from),
                       error->message);
    adit_daemon_apply_policy(move->change->daemon, NULL);
    end(move, why);
}

static void
on_made_again(const char *id, const GError *error, gpointer data)
{
    Move *move = data;
    g_autoptr(GError) reason = error ? g_error_copy(error) : NULL;

    if (reason || !save(move, move->from, id, &reason) || !is_up(move))
        on_back(NULL, reason, move);
    else
        ASK(move, move->from, activate, on_back);
}

static void
on_cleared(const char *id, const GError *error, gpointer data)
{
    Move *move = data;

    save(move, move->from, NULL, NULL);
    ASK(move, move->from, create, on_made_again);
}

static void
go_back(Move *move, const GError *why)
{
    move->change->error = g_error_copy(why);
    ASK(move, move->to, remove, on_cleared);
}

/* -- the way there -- */

static void
on_started(const char *id, const GError *error, gpointer data)
{
    Move *move = data;
    g_autoptr(GError) reason = error ? g_error_copy(error) : NULL;

    if (reason || !adit_daemon_apply_policy(move->change->daemon, &reason)) {
        go_back(move, reason);
        return;
    }
    g_message("%s: %s makes its link now", move->change->name,
              adit_backend_to_string(move->to));
    end(move, NULL);
}

static void
on_created(const char *id, const GError *error, gpointer data)
{
    Move *move = data;
    g_autoptr(GError) reason = error ? g_error_copy(error) : NULL;

    if (reason || !save(move, move->to, id, &reason))
        go_back(move, reason);
    else if (is_up(move))
        ASK(move, move->to, activate, on_started);
    else
        on_started(NULL, NULL, move);
}

static void
on_let_go(const char *id, const GError *error, gpointer data)
{
    Move *move = data;

    if (!error) {
        ASK(move, move->to, create, on_created);
        return;
    }
    save(move, move->from, move->from_id, NULL);
    end(move, g_error_copy(error));
}

static void
begin(Move *move, const AditEntry *entry)
{
    GError *error = NULL;

    move->from = entry->backend;
    move->from_id = g_strdup(entry->id);
    if (entry->id && g_path_is_absolute(entry->id))
        g_set_error(&error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: its files were written by hand, and stay where they are: adit unadopt "
                    "%s, take them away and import it anew",
                    entry->name, entry->name);
    if (!error && save(move, move->to, NULL, &error))
        ASK(move, move->from, remove, on_let_go);
    else
        end(move, error);
}

/* Not begun: whoever is at the gateway stays at it. */
static void
refuse(Move *move, GError *error)
{
    g_clear_pointer(&move->change->name, g_free);
    end(move, error);
}

static void
on_updated(const char *name, const GError *error, gpointer data)
{
    Move *move = data;
    AditChange *change = move->change;
    const AditEntry *entry;
    g_auto(AditWish) wish = { 0 };

    if (error) {
        refuse(move, g_error_copy(error));
        return;
    }
    entry = adit_change_begin(change, &wish);
    if (entry)
        begin(move, entry);
    else
        g_free(move); /* answered */
}

void
adit_move(AditDaemon *daemon, const char *name, AditBackendKind to, const char *profile,
          AditChangeDone done, gpointer data)
{
    AditChange *change = adit_change_new(daemon, "move", name, done, data);
    GError *error = NULL;
    Move *move = g_new0(Move, 1);

    move->change = change;
    move->to = to;
    if (adit_backend_can_drive(to, &error))
        adit_update(daemon, name, profile, on_updated, move);
    else
        refuse(move, error);
}
