/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/backoff.h"

#define FREE_GUESSES 3
#define LONGEST 60  /* seconds: a guesser among the admin's own devices locks nobody out */
#define FORGET 3600 /* seconds */
#define MAX_GUESSERS 1024

typedef struct {
    guint failures;
    gint64 last, until;
} Guesser;

struct _AditWebBackoff {
    GHashTable *guessers; /* address -> Guesser */
};

AditWebBackoff *
adit_web_backoff_new(void)
{
    AditWebBackoff *self = g_new0(AditWebBackoff, 1);

    self->guessers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

void
adit_web_backoff_free(AditWebBackoff *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->guessers);
    g_free(self);
}

static gboolean
is_old(gpointer key, gpointer value, gpointer data)
{
    return ((Guesser *)value)->last + FORGET <= *(gint64 *)data;
}

guint
adit_web_backoff_wait(AditWebBackoff *self, const char *who, gint64 now)
{
    const Guesser *guesser = g_hash_table_lookup(self->guessers, who);

    return guesser && guesser->until > now ? (guint)(guesser->until - now) : 0;
}

/* Who made the last wrong guess the longest time ago. */
static const char *
oldest(AditWebBackoff *self)
{
    GHashTableIter iter;
    gpointer key, value;
    const char *found = NULL;
    gint64 last = G_MAXINT64;

    g_hash_table_iter_init(&iter, self->guessers);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (((Guesser *)value)->last < last) {
            last = ((Guesser *)value)->last;
            found = key;
        }
    }
    return found;
}

static Guesser *
take(AditWebBackoff *self, const char *who, gint64 now)
{
    Guesser *guesser = g_hash_table_lookup(self->guessers, who);

    if (guesser)
        return guesser;
    g_hash_table_foreach_remove(self->guessers, is_old, &now);
    if (g_hash_table_size(self->guessers) >= MAX_GUESSERS)
        g_hash_table_remove(self->guessers, oldest(self));
    guesser = g_new0(Guesser, 1);
    g_hash_table_insert(self->guessers, g_strdup(who), guesser);
    return guesser;
}

void
adit_web_backoff_failed(AditWebBackoff *self, const char *who, gint64 now)
{
    Guesser *guesser = take(self, who, now);
    guint doublings;

    if (guesser->last + FORGET <= now)
        guesser->failures = 0;
    guesser->failures++;
    guesser->last = now;
    doublings = guesser->failures > FREE_GUESSES ? guesser->failures - FREE_GUESSES : 0;
    if (guesser->failures >= FREE_GUESSES)
        guesser->until = now + MIN(LONGEST, 1 << MIN(doublings, 16));
}

void
adit_web_backoff_passed(AditWebBackoff *self, const char *who)
{
    g_hash_table_remove(self->guessers, who);
}
