/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/access.h"

#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "tunnel-server/web/session.h"

#include <sodium.h>
#include <string.h>

#define TOKEN_PREFIX "adit_" /* so that a scanner of leaked secrets can tell what it found */
#define MIN_PASSWORD 8
#define MAX_PASSWORD 1024
#define MAX_TOKENS 64
#define MAX_NAME 32

static const struct {
    const char *name;
    AditWebScope scope;
} scopes[] = {
    { "metrics", ADIT_WEB_METRICS },
    { "read", ADIT_WEB_METRICS | ADIT_WEB_READ },
    { "write", ADIT_WEB_METRICS | ADIT_WEB_READ | ADIT_WEB_WRITE },
};

static void
token_free(gpointer data)
{
    AditWebToken *token = data;

    g_free(token->name);
    g_free(token->hash);
    g_free(token);
}

char *
adit_web_access_path(const char *state)
{
    return g_strconcat(state, "-web/access", NULL);
}

AditWebAccess *
adit_web_access_new(void)
{
    AditWebAccess *self = g_new0(AditWebAccess, 1);

    self->tokens = g_ptr_array_new_with_free_func(token_free);
    return self;
}

void
adit_web_access_free(AditWebAccess *self)
{
    if (!self)
        return;
    g_free(self->password);
    g_ptr_array_unref(self->tokens);
    g_free(self);
}

AditWebScope
adit_web_scope_parse(const char *text)
{
    for (guint i = 0; i < G_N_ELEMENTS(scopes); i++)
        if (g_str_equal(text, scopes[i].name))
            return scopes[i].scope;
    return 0;
}

const char *
adit_web_scope_name(AditWebScope scope)
{
    for (guint i = 0; i < G_N_ELEMENTS(scopes); i++)
        if (scopes[i].scope == scope)
            return scopes[i].name;
    return "none";
}

/* -- the file -- */

static gboolean
take_token_key(AditWebToken *token, const AditConfToken *line)
{
    if (g_str_equal(line->key, "Name") && !token->name)
        token->name = g_strdup(line->value);
    else if (g_str_equal(line->key, "Scope") && !token->scope)
        token->scope = adit_web_scope_parse(line->value);
    else if (g_str_equal(line->key, "Hash") && !token->hash)
        token->hash = g_strdup(line->value);
    else
        return FALSE;
    return TRUE;
}

static gboolean
take_line(AditWebAccess *self, const AditConfToken *line)
{
    if (g_str_equal(line->section, "Token")) {
        if (!line->key) {
            g_ptr_array_add(self->tokens, g_new0(AditWebToken, 1));
            return self->tokens->len <= MAX_TOKENS;
        }
        return take_token_key(g_ptr_array_index(self->tokens, self->tokens->len - 1), line);
    }
    if (!g_str_equal(line->section, "Password"))
        return FALSE;
    if (!line->key)
        return TRUE;
    if (!g_str_equal(line->key, "Hash") || self->password)
        return FALSE;
    self->password = g_strdup(line->value);
    return TRUE;
}

static gboolean
is_whole(const AditWebAccess *self)
{
    for (guint i = 0; i < self->tokens->len; i++) {
        const AditWebToken *token = g_ptr_array_index(self->tokens, i);

        if (!token->name || !token->scope || !token->hash)
            return FALSE;
    }
    return TRUE;
}

AditWebAccess *
adit_web_access_parse(const char *name, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(name, bytes, len, error);
    g_autoptr(AditWebAccess) self = adit_web_access_new();

    if (!conf)
        return NULL;
    for (guint i = 0; i < conf->n_tokens; i++) {
        if (take_line(self, &conf->tokens[i]))
            continue;
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s:%u: neither a password nor a token of this program", name,
                    conf->tokens[i].line);
        return NULL;
    }
    if (is_whole(self))
        return g_steal_pointer(&self);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                "%s: a token lacks its name, scope or hash", name);
    return NULL;
}

char *
adit_web_access_to_string(const AditWebAccess *self)
{
    GString *out = g_string_new("# Made by adit-server web; it holds hashes alone.\n");

    if (self->password)
        g_string_append_printf(out, "\n[Password]\nHash = %s\n", self->password);
    for (guint i = 0; i < self->tokens->len; i++) {
        const AditWebToken *token = g_ptr_array_index(self->tokens, i);

        g_string_append_printf(out, "\n[Token]\nName = %s\nScope = %s\nHash = %s\n",
                               token->name, adit_web_scope_name(token->scope), token->hash);
    }
    return g_string_free(out, FALSE);
}

/* -- the password -- */

gboolean
adit_web_access_set_password(AditWebAccess *self, const char *password, GError **error)
{
    char hash[crypto_pwhash_STRBYTES];
    gsize len = strlen(password);

    if (len < MIN_PASSWORD || len > MAX_PASSWORD) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "password: %d to %d characters are wanted", MIN_PASSWORD, MAX_PASSWORD);
        return FALSE;
    }
    if (crypto_pwhash_str_alg(hash, password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL,
                    "password: no memory to hash it: %d MB are needed",
                    crypto_pwhash_MEMLIMIT_INTERACTIVE >> 20);
        return FALSE;
    }
    g_free(self->password);
    self->password = g_strdup(hash);
    return TRUE;
}

gboolean
adit_web_password_matches(const char *hash, const char *password)
{
    gsize len = strlen(password);

    return len <= MAX_PASSWORD && crypto_pwhash_str_verify(hash, password, len) == 0;
}

/* -- tokens -- */

/* 256 bits of dice need no slow hash: nobody guesses them. */
static char *
hash_of(const char *text)
{
    guint8 hash[crypto_generichash_BYTES];

    crypto_generichash(hash, sizeof(hash), (const guint8 *)text, strlen(text), NULL, 0);
    return adit_web_token_text(hash, sizeof(hash));
}

static gboolean
is_name(const char *name)
{
    gsize len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789-_.");

    return len > 0 && len <= MAX_NAME && name[len] == '\0';
}

static guint
find_name(const AditWebAccess *self, const char *name)
{
    guint i = 0;

    while (i < self->tokens->len &&
           !g_str_equal(((AditWebToken *)g_ptr_array_index(self->tokens, i))->name, name))
        i++;
    return i;
}

static gboolean
check_new(const AditWebAccess *self, const char *name, GError **error)
{
    if (!is_name(name)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "token: its name is up to %d letters, digits, '-', '_' and '.'", MAX_NAME);
        return FALSE;
    }
    if (find_name(self, name) < self->tokens->len) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "token %s: there is one already",
                    name);
        return FALSE;
    }
    if (self->tokens->len < MAX_TOKENS)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "token %s: there are %d already", name,
                MAX_TOKENS);
    return FALSE;
}

char *
adit_web_access_add_token(AditWebAccess *self, const char *name, AditWebScope scope,
                          GError **error)
{
    guint8 dice[ADIT_WEB_TOKEN_LEN];
    g_autofree char *secret = NULL;
    AditWebToken *token;
    char *text;

    if (!check_new(self, name, error))
        return NULL;
    randombytes_buf(dice, sizeof(dice));
    secret = adit_web_token_text(dice, sizeof(dice));
    text = g_strconcat(TOKEN_PREFIX, secret, NULL);
    token = g_new0(AditWebToken, 1);
    token->name = g_strdup(name);
    token->scope = scope;
    token->hash = hash_of(text);
    g_ptr_array_add(self->tokens, token);
    return text;
}

gboolean
adit_web_access_has_token(const AditWebAccess *self, const char *name)
{
    return find_name(self, name) < self->tokens->len;
}

gboolean
adit_web_access_remove_token(AditWebAccess *self, const char *name, GError **error)
{
    guint at = find_name(self, name);
    g_autofree char *quoted = NULL;

    if (at < self->tokens->len) {
        g_ptr_array_remove_index(self->tokens, at);
        return TRUE;
    }
    quoted = adit_error_quote(name);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                "token %s: no such token: see adit-server web list-tokens", quoted);
    return FALSE;
}

const AditWebToken *
adit_web_access_find_token(const AditWebAccess *self, const char *text)
{
    g_autofree char *hash = hash_of(text);

    for (guint i = 0; i < self->tokens->len; i++) {
        const AditWebToken *token = g_ptr_array_index(self->tokens, i);

        if (strlen(token->hash) == strlen(hash) &&
            sodium_memcmp(token->hash, hash, strlen(hash)) == 0)
            return token;
    }
    return NULL;
}
