/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/saved.h"

#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/core/number.h"

#include <netinet/in.h>
#include <sodium.h>
#include <string.h>

#define HEX_LEN (2 * ADIT_PCP_NONCE)

void
adit_saved_take(const AditMapping *m, gint64 now, gint64 wall_ms, AditSavedMapping *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->protocol = m->wish.protocol;
    ret->internal_port = m->wish.internal_port;
    ret->shares = m->wish.shares;
    ret->withdrawn = m->state == ADIT_MAPPING_DELETING && !m->wanted;
    memcpy(ret->nonce, m->nonce, ADIT_PCP_NONCE);
    if (m->grant.external.port == 0)
        return;
    ret->external = m->grant.external;
    ret->lifetime = m->grant.lifetime;
    ret->until = MAX((wall_ms + m->grant.until - now) / 1000, 0);
}

void
adit_saved_give(const AditSavedMapping *saved, AditMapping *mapping)
{
    memcpy(mapping->nonce, saved->nonce, ADIT_PCP_NONCE);
    mapping->grant.external = saved->external;
    mapping->grant.lifetime = saved->lifetime;
    mapping->reached = saved->external.port != 0;
}

const AditSavedMapping *
adit_saved_find(const AditSaved *saved, const AditWish *wish)
{
    for (guint i = 0; i < saved->n_mappings; i++) {
        const AditSavedMapping *m = &saved->mappings[i];

        if (m->protocol == wish->protocol && m->internal_port == wish->internal_port &&
            m->shares == wish->shares)
            return m;
    }
    return NULL;
}

char *
adit_saved_print(const AditSaved *saved)
{
    GString *text = g_string_new("[Server]\n");
    g_autofree char *server = adit_addr_to_string(&saved->server);

    g_string_append_printf(text, "Address = %s\n", server);
    if (adit_addr_is_set(&saved->client)) {
        g_autofree char *client = adit_addr_to_string(&saved->client);

        g_string_append_printf(text, "Client = %s\n", client);
    }
    for (guint i = 0; i < saved->n_mappings; i++) {
        const AditSavedMapping *m = &saved->mappings[i];
        char hex[HEX_LEN + 1];

        sodium_bin2hex(hex, sizeof(hex), m->nonce, ADIT_PCP_NONCE);
        g_string_append_printf(text, "\n[Mapping]\nProtocol = %u\nPort = %u\nNonce = %s\n",
                               m->protocol, m->internal_port, hex);
        if (m->shares)
            g_string_append(text, "Shares = yes\n");
        if (m->withdrawn)
            g_string_append(text, "Withdrawn = yes\n");
        if (adit_addr_is_set(&m->external.addr)) {
            g_autofree char *external = adit_addr_to_string(&m->external.addr);

            g_string_append_printf(text, "External = %s\n", external);
        }
        if (m->external.port != 0)
            g_string_append_printf(text, "ExternalPort = %u\nLifetime = %u\n", m->external.port,
                                   m->lifetime);
        if (m->until > 0)
            g_string_append_printf(text, "Until = %" G_GINT64_FORMAT "\n", m->until);
        sodium_memzero(hex, sizeof(hex));
    }
    return g_string_free(text, FALSE);
}

typedef struct {
    AditSaved *saved;
    AditSavedMapping *mapping; /* the section we are in; NULL: [Server] */
    guint64 number;            /* of a number, within the limits of its key */
} Reader;

static gboolean
set_address(Reader *reader, const char *value, GError **error)
{
    return adit_addr_parse(value, &reader->saved->server, error);
}

static gboolean
set_client(Reader *reader, const char *value, GError **error)
{
    return adit_addr_parse(value, &reader->saved->client, error);
}

static gboolean
set_protocol(Reader *reader, const char *value, GError **error)
{
    reader->mapping->protocol = reader->number;
    return TRUE;
}

static gboolean
set_port(Reader *reader, const char *value, GError **error)
{
    reader->mapping->internal_port = reader->number;
    return TRUE;
}

/* The message shows nothing of a nonce. */
static gboolean
set_nonce(Reader *reader, const char *value, GError **error)
{
    size_t n = 0;

    if (strlen(value) == HEX_LEN &&
        sodium_hex2bin(reader->mapping->nonce, ADIT_PCP_NONCE, value, HEX_LEN, NULL, &n,
                       NULL) == 0 &&
        n == ADIT_PCP_NONCE)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "not %d hexadecimal digits", HEX_LEN);
    return FALSE;
}

static gboolean
set_yes(const char *value, gboolean *ret, GError **error)
{
    *ret = strcmp(value, "yes") == 0;
    if (*ret)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "only \"yes\" stands here");
    return FALSE;
}

static gboolean
set_shares(Reader *reader, const char *value, GError **error)
{
    return set_yes(value, &reader->mapping->shares, error);
}

static gboolean
set_withdrawn(Reader *reader, const char *value, GError **error)
{
    return set_yes(value, &reader->mapping->withdrawn, error);
}

static gboolean
set_external(Reader *reader, const char *value, GError **error)
{
    return adit_addr_parse(value, &reader->mapping->external.addr, error);
}

static gboolean
set_external_port(Reader *reader, const char *value, GError **error)
{
    reader->mapping->external.port = reader->number;
    return TRUE;
}

static gboolean
set_lifetime(Reader *reader, const char *value, GError **error)
{
    reader->mapping->lifetime = reader->number;
    return TRUE;
}

static gboolean
set_until(Reader *reader, const char *value, GError **error)
{
    reader->mapping->until = reader->number;
    return TRUE;
}

typedef struct {
    gboolean server;
    gboolean needed;
    const char *name;
    guint64 min, max; /* 0, 0: not a number */
    gboolean (*set)(Reader *reader, const char *value, GError **error);
} Key;

static const Key keys[] = {
    { TRUE, TRUE, "Address", 0, 0, set_address },
    { TRUE, FALSE, "Client", 0, 0, set_client },
    { FALSE, TRUE, "Protocol", 1, 255, set_protocol },
    { FALSE, TRUE, "Port", 1, 65535, set_port },
    { FALSE, TRUE, "Nonce", 0, 0, set_nonce },
    { FALSE, FALSE, "Shares", 0, 0, set_shares },
    { FALSE, FALSE, "Withdrawn", 0, 0, set_withdrawn },
    { FALSE, FALSE, "External", 0, 0, set_external },
    { FALSE, FALSE, "ExternalPort", 1, 65535, set_external_port },
    { FALSE, FALSE, "Lifetime", 1, ADIT_PCP_LIFETIME_MAX, set_lifetime },
    { FALSE, FALSE, "Until", 0, G_MAXINT64 / 1000, set_until },
};

static gboolean
fail(const char *name, const AditConfToken *token, GError **error, const char *why)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: %s: %s", name, token->line,
                token->key ?: token->section, why);
    return FALSE;
}

static int
find_key(const char *name, gboolean server)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].server == server && strcmp(keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

static gboolean
read_pair(Reader *reader, const AditConfToken *token, guint *seen, GError **error)
{
    int k = find_key(token->key, reader->mapping == NULL);

    if (k < 0)
        return g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "unknown"), FALSE;
    if (*seen & (1u << k))
        return g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "given twice"), FALSE;
    *seen |= 1u << k;
    if (keys[k].max != 0 &&
        !adit_number_parse(token->value, 10, keys[k].min, keys[k].max, &reader->number)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                    keys[k].min, keys[k].max);
        return FALSE;
    }
    return keys[k].set(reader, token->value, error);
}

/* The tokens of one section, from its header on; how many, 0 on failure. */
static guint
read_section(Reader *reader, const char *name, const AditConf *conf, guint at, GError **error)
{
    const AditConfToken *head = &conf->tokens[at];
    g_autoptr(GError) why = NULL;
    guint seen = 0, i = at + 1;

    for (; i < conf->n_tokens && conf->tokens[i].key; i++) {
        if (!read_pair(reader, &conf->tokens[i], &seen, &why))
            return fail(name, &conf->tokens[i], error, why->message);
    }
    for (guint k = 0; k < G_N_ELEMENTS(keys); k++) {
        if (keys[k].needed && keys[k].server == (reader->mapping == NULL) &&
            !(seen & (1u << k)))
            return fail(name, head, error, "incomplete");
    }
    if (reader->mapping && reader->mapping->external.port != 0 &&
        reader->mapping->lifetime == 0)
        return fail(name, head, error, "granted for no time");
    return i - at;
}

AditSaved *
adit_saved_parse(const char *name, const char *text, gsize len, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(name, text, len, error);
    g_autoptr(AditSaved) saved = g_new0(AditSaved, 1);
    Reader reader = { .saved = saved };
    guint n;

    if (!conf)
        return NULL;
    /* As many as there are tokens: more sections than that there are not. */
    saved->mappings = g_new0(AditSavedMapping, conf->n_tokens + 1);
    for (guint i = 0; i < conf->n_tokens; i += n) {
        const AditConfToken *head = &conf->tokens[i];

        if (strcmp(head->section, i == 0 ? "Server" : "Mapping") != 0)
            return fail(name, head, error, "not expected here"), NULL;
        if (saved->n_mappings == ADIT_SAVED_MAX)
            return fail(name, head, error, "too many"), NULL;
        if (i > 0)
            reader.mapping = &saved->mappings[saved->n_mappings++];
        n = read_section(&reader, name, conf, i, error);
        if (n == 0)
            return NULL;
    }
    if (!adit_addr_is_set(&saved->server)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:1: Server: missing", name);
        return NULL;
    }
    return g_steal_pointer(&saved);
}

void
adit_saved_free(AditSaved *saved)
{
    if (!saved)
        return;
    if (saved->mappings)
        sodium_memzero(saved->mappings, saved->n_mappings * sizeof(*saved->mappings));
    g_free(saved->mappings);
    g_free(saved);
}
