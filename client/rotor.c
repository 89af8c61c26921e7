/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/rotor.h"

#include "client/daemon-private.h"
#include "client/switchover-file.h"
#include "client/switchover.h"
#include "client/update.h"
#include "libadit/core/error.h"

#include <sodium.h>

struct _AditRotor {
    AditDaemon *daemon;
    AditInband *inband;
    GPtrArray *turns; /* Turn */
};

/* One gateway on its way from one key to the other. */
typedef struct _Turn Turn;

struct _Turn {
    AditRotor *rotor;
    char *name;
    void (*act)(Turn *turn); /* what the state of @way calls for */
    AditSwitch way;
    AditSwitchKeys keys;
    guint timer;
    GError *why; /* the first failure */
    AditChangeDone done;
    gpointer data;
};

static void
turn_free(gpointer data)
{
    Turn *turn = data;

    g_clear_handle_id(&turn->timer, g_source_remove);
    adit_switch_keys_clear(&turn->keys);
    g_clear_error(&turn->why);
    g_free(turn->name);
    g_free(turn);
}

static const char *
state_dir(const Turn *turn)
{
    return turn->rotor->daemon->places->state;
}

static void
answer(Turn *turn, const GError *error)
{
    const AditChangeDone done = turn->done;

    turn->done = NULL;
    if (done)
        done(turn->name, error, turn->data);
}

static void
note(Turn *turn, const GError *error)
{
    if (error && !turn->why)
        turn->why = g_error_copy(error);
}

/* Both keys were kept as long as one of them was in doubt. */
static void
finish(Turn *turn)
{
    const gboolean done = adit_switch_is_done(&turn->way);
    g_autoptr(GError) error = NULL;

    if (!adit_switch_file_remove(state_dir(turn), turn->name, &error))
        g_warning("%s", error->message);
    if (done)
        g_message("%s: another key is in force", turn->name);
    else if (!turn->why)
        turn->why = g_error_new(ADIT_ERROR, ADIT_ERROR_DENIED,
                                "%s: the key was changed by other means", turn->name);
    answer(turn, done ? NULL : turn->why);
    g_ptr_array_remove(turn->rotor->turns, turn);
}

static gboolean
has_key(const AditEntry *entry, const AditKey *key)
{
    return entry && adit_key_equal(&entry->profile->private_key, key);
}

/* FALSE: the profile has neither key, for somebody gave it a third one. */
static gboolean
is_ours(Turn *turn, AditEntry **ret)
{
    AditEntry *entry = adit_catalog_find(turn->rotor->daemon->entries, turn->name);

    *ret = entry;
    return has_key(entry, &turn->keys.before) || has_key(entry, &turn->keys.after);
}

static void
step(Turn *turn, AditSwitchEvent event)
{
    adit_switch_step(&turn->way, event);
    turn->act(turn);
}

static void
on_offered(const GError *error, gpointer data)
{
    Turn *turn = data;

    note(turn, error);
    step(turn, error ? ADIT_SWITCH_FAILED : ADIT_SWITCH_OK);
}

static void
on_taken(const GError *error, gpointer data)
{
    step(data, error ? ADIT_SWITCH_FAILED : ADIT_SWITCH_OK);
}

static void
offer(Turn *turn, const AditKey *private_key, AditInbandDone done)
{
    AditKey public_key;

    adit_key_public(private_key, &public_key);
    adit_inband_propose(turn->rotor->inband, turn->name, &public_key, done, turn);
}

static gboolean
is_public_of(const AditKey *public_key, const AditKey *private_key)
{
    AditKey own;

    adit_key_public(private_key, &own);
    return adit_key_equal(public_key, &own);
}

static AditSwitchEvent
event_of(const Turn *turn, const AditKey *held, const GError *error)
{
    if (error)
        return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT) ? ADIT_SWITCH_SILENT
                                                                      : ADIT_SWITCH_UNASKED;
    if (is_public_of(held, &turn->keys.after))
        return ADIT_SWITCH_HELD_NEW;
    return is_public_of(held, &turn->keys.before) ? ADIT_SWITCH_HELD_OLD
                                                  : ADIT_SWITCH_HELD_NONE;
}

static void
on_held(const AditKey *held, const GError *error, gpointer data)
{
    Turn *turn = data;

    note(turn, error);
    step(turn, event_of(turn, held, error));
}

static void
on_changed(const char *name, const GError *error, gpointer data)
{
    Turn *turn = data;

    note(turn, error);
    step(turn, error ? ADIT_SWITCH_FAILED : ADIT_SWITCH_OK);
}

/* Store first, then the link, then 15 s for a handshake: else all is as before. */
static void
change(gpointer data)
{
    Turn *turn = data;
    AditEntry *entry = NULL;
    g_autoptr(AditProfile) next = NULL;

    if (!is_ours(turn, &entry)) { /* somebody was first */
        turn->act(turn);
        return;
    }
    next = adit_profile_copy(entry->profile);
    next->private_key = turn->way.on_new ? turn->keys.before : turn->keys.after;
    adit_update_profile(turn->rotor->daemon, turn->name, next, on_changed, turn);
}

/* The next process goes on; this one is about to end. */
static void
drop(gpointer data)
{
}

static gboolean
on_waited(gpointer data)
{
    Turn *turn = data;

    turn->timer = 0;
    step(turn, ADIT_SWITCH_OK);
    return G_SOURCE_REMOVE;
}

/* Whoever asked for it does not wait for all that. */
static void
wait_turn(Turn *turn)
{
    g_autofree char *why = g_strdup(turn->why ? turn->why->message : "no answer");
    g_autoptr(GError) error =
        g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                    "%s: not known yet which key is in force: %s; both are kept and tried",
                    turn->name, why);

    answer(turn, error);
    turn->timer = g_timeout_add_seconds(turn->way.pause_s, on_waited, turn);
}

static void
act(Turn *turn)
{
    static const char *const words[] = { "offering", "changing", "asking",
                                         "taking",   "waiting",  "ended" };
    AditEntry *entry = NULL;

    if (turn->way.state != ADIT_SWITCH_ENDED && !is_ours(turn, &entry)) {
        turn->way.on_new = FALSE;
        turn->way.state = ADIT_SWITCH_ENDED;
    }
    g_debug("%s: key: %s", turn->name, words[turn->way.state]);
    switch (turn->way.state) {
    case ADIT_SWITCH_OFFERING: offer(turn, &turn->keys.after, on_offered); return;
    case ADIT_SWITCH_CHANGING:
        adit_daemon_await(turn->rotor->daemon, turn->name, change, drop, turn);
        return;
    case ADIT_SWITCH_ASKING:
        adit_inband_ask(turn->rotor->inband, turn->name, on_held, turn);
        return;
    case ADIT_SWITCH_TAKING: offer(turn, &turn->keys.before, on_taken); return;
    case ADIT_SWITCH_WAITING: wait_turn(turn); return;
    case ADIT_SWITCH_ENDED: finish(turn); return;
    }
}

static Turn *
turn_new(AditRotor *self, const char *name, AditChangeDone done, gpointer data)
{
    Turn *turn = g_new0(Turn, 1);

    turn->rotor = self;
    turn->name = g_strdup(name);
    turn->act = act;
    turn->done = done;
    turn->data = data;
    g_ptr_array_add(self->turns, turn);
    return turn;
}

static void
resume(AditRotor *self, const AditEntry *entry)
{
    g_auto(AditSwitchKeys) keys = { 0 };
    g_autoptr(GError) error = NULL;
    Turn *turn;

    if (!adit_switch_file_load(self->daemon->places->state, entry->name, &keys, &error)) {
        if (!g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
            g_warning("%s", error->message);
        return;
    }
    turn = turn_new(self, entry->name, NULL, NULL);
    turn->keys = keys;
    turn->way = adit_switch_begin(TRUE, has_key(entry, &keys.after));
    act(turn);
}

AditRotor *
adit_rotor_new(AditDaemon *daemon, AditInband *inband)
{
    AditRotor *self = g_new0(AditRotor, 1);

    self->daemon = daemon;
    self->inband = inband;
    self->turns = g_ptr_array_new_with_free_func(turn_free);
    for (guint i = 0; i < daemon->entries->len; i++)
        resume(self, g_ptr_array_index(daemon->entries, i));
    return self;
}

void
adit_rotor_free(AditRotor *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->turns);
    g_free(self);
}

gboolean
adit_rotor_is_at(const AditRotor *self, const char *name)
{
    for (guint i = 0; i < self->turns->len; i++)
        if (g_str_equal(((const Turn *)g_ptr_array_index(self->turns, i))->name, name))
            return TRUE;
    return FALSE;
}

static gboolean
check(AditRotor *self, const char *name, AditEntry **ret, GError **error)
{
    AditEntry *entry = adit_daemon_find(self->daemon, name, error);

    *ret = entry;
    if (!entry)
        return FALSE;
    if (entry->busy || adit_rotor_is_at(self, name))
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: another change of it is under way",
                    name);
    else if (!entry->up)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: it is down: a new key is agreed on over the tunnel", name);
    else if (entry->profile->n_peers != 1 || entry->profile->peers[0].keepalive == 0)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: not a profile of adit-server: there is nobody to agree with", name);
    else
        return TRUE;
    return FALSE;
}

void
adit_rotor_rotate(AditRotor *self, const char *name, AditChangeDone done, gpointer data)
{
    g_autoptr(GError) error = NULL;
    AditEntry *entry;
    Turn *turn;

    if (!check(self, name, &entry, &error)) {
        if (done)
            done(name, error, data);
        return;
    }
    turn = turn_new(self, name, done, data);
    turn->keys.before = entry->profile->private_key;
    randombytes_buf(turn->keys.after.bytes, ADIT_KEY_LEN);
    adit_key_clamp(&turn->keys.after);
    turn->way = adit_switch_begin(FALSE, FALSE);
    if (!adit_switch_file_save(state_dir(turn), name, &turn->keys, &error)) {
        note(turn, error);
        turn->way.state = ADIT_SWITCH_ENDED;
    }
    act(turn);
}
