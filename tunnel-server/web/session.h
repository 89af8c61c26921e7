/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Who is logged in. Kept in memory alone: a restart logs everybody out. Pure: time and dice are
 * passed in. */

#define ADIT_WEB_COOKIE "adit-session"
#define ADIT_WEB_TOKEN_LEN 32 /* bytes of dice in a cookie or CSRF token */

typedef struct {
    char *id;   /* what the cookie says */
    char *csrf; /* what every change has to say beside the cookie */
    char *from; /* the address that logged in */
    gint64 begun, used;
} AditWebSession;

typedef struct _AditWebSessions AditWebSessions;

/* A session ends @idle seconds after its last request and @life seconds after login. */
AditWebSessions *adit_web_sessions_new(gint64 idle, gint64 life);
void adit_web_sessions_free(AditWebSessions *self);
/* @dice: two tokens' worth. A full table drops who was idle the longest. */
const AditWebSession *adit_web_sessions_begin(AditWebSessions *self, const char *from,
                                              const guint8 dice[2 * ADIT_WEB_TOKEN_LEN],
                                              gint64 now);
/* NULL: unknown or over. Otherwise it counts as used. */
const AditWebSession *adit_web_sessions_find(AditWebSessions *self, const char *id, gint64 now);
/* The same question without a use. */
gboolean adit_web_sessions_is_alive(const AditWebSessions *self, const char *id, gint64 now);
/* What changes of a device say, which has no session: of its address and a secret of ours. */
char *adit_web_device_csrf(const guint8 secret[ADIT_WEB_TOKEN_LEN], const char *address);
gboolean adit_web_csrf_matches(const char *csrf, const char *token); /* @token: may be NULL */
void adit_web_sessions_end(AditWebSessions *self, const char *id);
/* All of them, as a new password demands. */
void adit_web_sessions_clear(AditWebSessions *self);
guint adit_web_sessions_count(const AditWebSessions *self);
/* URL-safe base64 without padding. */
char *adit_web_token_text(const guint8 *bytes, gsize len);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWebSessions, adit_web_sessions_free)
