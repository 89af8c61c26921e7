/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/session.h"

#include <sodium.h>
#include <string.h>

#define MAX_SESSIONS 64

struct _AditWebSessions {
    GHashTable *by_id; /* AditWebSession.id -> AditWebSession */
    gint64 idle, life;
};

static void
session_free(gpointer data)
{
    AditWebSession *session = data;

    g_free(session->id);
    g_free(session->csrf);
    g_free(session->from);
    g_free(session);
}

AditWebSessions *
adit_web_sessions_new(gint64 idle, gint64 life)
{
    AditWebSessions *self = g_new0(AditWebSessions, 1);

    self->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
    self->idle = idle;
    self->life = life;
    return self;
}

void
adit_web_sessions_free(AditWebSessions *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->by_id);
    g_free(self);
}

char *
adit_web_token_text(const guint8 *bytes, gsize len)
{
    gsize room = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = g_malloc(room);

    return sodium_bin2base64(text, room, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static gboolean
is_over(const AditWebSessions *self, const AditWebSession *session, gint64 now)
{
    return session->used + self->idle <= now || session->begun + self->life <= now;
}

/* Those that are over; of a table that is full yet, the idlest. */
static void
make_room(AditWebSessions *self, gint64 now)
{
    GHashTableIter iter;
    gpointer value;
    const AditWebSession *idlest = NULL;

    g_hash_table_iter_init(&iter, self->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const AditWebSession *session = value;

        if (is_over(self, session, now))
            g_hash_table_iter_remove(&iter);
        else if (!idlest || session->used < idlest->used)
            idlest = session;
    }
    if (idlest && g_hash_table_size(self->by_id) >= MAX_SESSIONS)
        g_hash_table_remove(self->by_id, idlest->id);
}

const AditWebSession *
adit_web_sessions_begin(AditWebSessions *self, const char *from,
                        const guint8 dice[2 * ADIT_WEB_TOKEN_LEN], gint64 now)
{
    AditWebSession *session = g_new0(AditWebSession, 1);

    make_room(self, now);
    session->id = adit_web_token_text(dice, ADIT_WEB_TOKEN_LEN);
    session->csrf = adit_web_token_text(dice + ADIT_WEB_TOKEN_LEN, ADIT_WEB_TOKEN_LEN);
    session->from = g_strdup(from);
    session->begun = session->used = now;
    g_hash_table_insert(self->by_id, session->id, session);
    return session;
}

const AditWebSession *
adit_web_sessions_find(AditWebSessions *self, const char *id, gint64 now)
{
    AditWebSession *session = g_hash_table_lookup(self->by_id, id);

    if (!session)
        return NULL;
    if (is_over(self, session, now)) {
        g_hash_table_remove(self->by_id, id);
        return NULL;
    }
    session->used = now;
    return session;
}

gboolean
adit_web_sessions_is_alive(const AditWebSessions *self, const char *id, gint64 now)
{
    const AditWebSession *session = g_hash_table_lookup(self->by_id, id);

    return session && !is_over(self, session, now);
}

gboolean
adit_web_csrf_matches(const char *csrf, const char *token)
{
    gsize len = strlen(csrf);

    return token && strlen(token) == len && sodium_memcmp(token, csrf, len) == 0;
}

char *
adit_web_device_csrf(const guint8 secret[ADIT_WEB_TOKEN_LEN], const char *address)
{
    guint8 hash[ADIT_WEB_TOKEN_LEN];

    crypto_generichash(hash, sizeof(hash), (const guint8 *)address, strlen(address), secret,
                       ADIT_WEB_TOKEN_LEN);
    return adit_web_token_text(hash, sizeof(hash));
}

void
adit_web_sessions_end(AditWebSessions *self, const char *id)
{
    g_hash_table_remove(self->by_id, id);
}

void
adit_web_sessions_clear(AditWebSessions *self)
{
    g_hash_table_remove_all(self->by_id);
}

guint
adit_web_sessions_count(const AditWebSessions *self)
{
    return g_hash_table_size(self->by_id);
}
