/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Who may use the page: one password and any number of named tokens, only as hashes. The file
 * is written by `adit-server web ...` and read by adit-web. */

/* Bits: what a request may do. */
typedef enum {
    ADIT_WEB_READ = 1 << 0,
    ADIT_WEB_WRITE = 1 << 1,
    ADIT_WEB_METRICS = 1 << 2,
    ADIT_WEB_OWN = 1 << 3,       /* a device, its own mappings */
    ADIT_WEB_OWN_WRITE = 1 << 4, /* and their changes */
} AditWebScope;

typedef struct {
    char *name;
    AditWebScope scope;
    char *hash; /* of the token, base64 */
} AditWebToken;

typedef struct {
    char *password;    /* Argon2id, in libsodium's own text form; NULL: none yet */
    GPtrArray *tokens; /* AditWebToken */
} AditWebAccess;

/* Beside the server's own state, in a folder of the page's user: "/var/lib/adit-web/access" for
 * "/var/lib/adit". */
char *adit_web_access_path(const char *state);
AditWebAccess *adit_web_access_new(void);
AditWebAccess *adit_web_access_parse(const char *name, const char *bytes, gsize len,
                                     GError **error);
char *adit_web_access_to_string(const AditWebAccess *self);
void adit_web_access_free(AditWebAccess *self);

/* Takes tens of milliseconds and 64 MB, on purpose. */
gboolean adit_web_access_set_password(AditWebAccess *self, const char *password,
                                      GError **error);
/* As slow; for a thread of its own. */
gboolean adit_web_password_matches(const char *hash, const char *password);

/* "metrics", "read" or "write"; each may what the one before may. 0: none of them. */
AditWebScope adit_web_scope_parse(const char *text);
const char *adit_web_scope_name(AditWebScope scope);
/* The new token's text, shown once. CONFIG, BUSY: the name is bad, or taken. */
char *adit_web_access_add_token(AditWebAccess *self, const char *name, AditWebScope scope,
                                GError **error);
gboolean adit_web_access_remove_token(AditWebAccess *self, const char *name, GError **error);
gboolean adit_web_access_has_token(const AditWebAccess *self, const char *name);
/* Whose @text is; NULL: nobody's. */
const AditWebToken *adit_web_access_find_token(const AditWebAccess *self, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWebAccess, adit_web_access_free)
