/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/core/profile.h"

#include <string.h>

/* The grammar is the table `keys`; the functions above it each read one value. Lists grow in
 * GArrays; what holds a key never does, because a grown array leaves a copy behind: the peers
 * are counted first. */

#define HOOK_MAX 65536 /* bytes of a command */

typedef enum {
    INTERFACE,
    PEER,
} Section;

#define N_KEYS 17

typedef struct {
    const AditKey *key;
    guint line;
} KeyLine;

typedef struct {
    guint line;      /* the error, if one comes, is here */
    const char *key; /* of the setting at hand */
    AditProfile *profile;
    AditProfilePeer *peer; /* the one at hand; NULL in [Interface] */
    guint section_line;    /* 0 before the first section */
    guint interface_line;  /* 0: not seen */
    guint seen[N_KEYS];    /* line of each key in this section; 0: not given */
    GArray *addresses;     /* AditPrefix */
    GArray *dns;           /* AditAddr */
    GPtrArray *search;     /* char * */
    GArray *hooks;         /* AditHook */
    GArray *allowed;       /* AditPrefix, of the peer at hand */
    GArray *public_keys;   /* KeyLine, a row a peer */
} Draft;

typedef gboolean (*ReadValue)(Draft *draft, const char *value, GError **error);

enum {
    REQUIRED = 1,
    MANY = 2, /* may be repeated in its section */
    MAY_BE_EMPTY = 4,
    SILENT = 8, /* its errors show nothing of the value */
};

typedef struct {
    Section section;
    const char *name;
    ReadValue read;
    guint flags;
} Key;

static gboolean G_GNUC_PRINTF(2, 3) fail(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(ADIT_ERROR, ADIT_ERROR_CONFIG, format, args);
    va_end(args);
    return FALSE;
}

static gboolean
fail_value(GError **error, const char *value, const char *why)
{
    g_autofree char *quoted = adit_error_quote(value);

    return fail(error, "%s: %s", quoted, why);
}

/* Decimal, or hexadecimal after 0x, as wg(8) and ip(8) read them. */
static gboolean
read_number(const char *value, guint32 min, guint32 max, guint32 *ret, GError **error)
{
    gboolean hex = g_ascii_strncasecmp(value, "0x", 2) == 0;
    const char *digits = hex ? value + 2 : value;
    g_autofree char *why = NULL;
    guint64 n;

    /* GLib would take a sign */
    if (g_ascii_isxdigit(digits[0]) &&
        g_ascii_string_to_unsigned(digits, hex ? 16 : 10, min, max, &n, NULL)) {
        *ret = n;
        return TRUE;
    }
    why = g_strdup_printf("not a number from %u to %u", min, max);
    return fail_value(error, value, why);
}

static gboolean
is_word(const char *value, const char *word)
{
    return g_ascii_strcasecmp(value, word) == 0;
}

static gboolean
read_u16(const char *value, guint16 *ret, GError **error)
{
    guint32 n;

    if (!read_number(value, 0, G_MAXUINT16, &n, error))
        return FALSE;
    *ret = n;
    return TRUE;
}

static gboolean
read_private_key(Draft *draft, const char *value, GError **error)
{
    if (!adit_key_parse(value, &draft->profile->private_key, error))
        return FALSE;
    if (adit_key_is_zero(&draft->profile->private_key))
        return fail(error, "all zero is no key");
    return TRUE;
}

static gboolean
read_listen_port(Draft *draft, const char *value, GError **error)
{
    return read_u16(value, &draft->profile->listen_port, error);
}

static gboolean
read_fwmark(Draft *draft, const char *value, GError **error)
{
    return is_word(value, "off") ||
           read_number(value, 0, G_MAXUINT32, &draft->profile->fwmark, error);
}

static gboolean
read_mtu(Draft *draft, const char *value, GError **error)
{
    /* 576: what every IPv4 host must take (RFC 791). */
    return strcmp(value, "0") == 0 ||
           read_number(value, 576, G_MAXUINT16, &draft->profile->mtu, error);
}

static gboolean
read_table(Draft *draft, const char *value, GError **error)
{
    AditProfile *profile = draft->profile;

    profile->table_mode = is_word(value, "auto")  ? ADIT_TABLE_AUTO
                          : is_word(value, "off") ? ADIT_TABLE_OFF
                                                  : ADIT_TABLE_NUMBER;
    return profile->table_mode != ADIT_TABLE_NUMBER ||
           read_number(value, 1, G_MAXUINT32, &profile->table, error);
}

static gboolean
read_save_config(Draft *draft, const char *value, GError **error)
{
    draft->profile->save_config = is_word(value, "true");
    if (!draft->profile->save_config && !is_word(value, "false"))
        return fail_value(error, value, "neither true nor false");
    return TRUE;
}

typedef gboolean (*ReadEntry)(Draft *draft, const char *entry, GError **error);

/* Entries between commas; blanks do as well, as wg-quick(8) has it for Address and DNS. */
static gboolean
read_list(Draft *draft, const char *value, ReadEntry read_entry, GError **error)
{
    const char *from = value;

    for (;;) {
        gsize len = strcspn(from, ", \t");
        g_autofree char *entry = g_strndup(from, len);
        const char *next = from + len + strspn(from + len, " \t");

        if (len == 0)
            return fail(error, "an empty entry in the list");
        if (!read_entry(draft, entry, error))
            return FALSE;
        if (*next == '\0')
            return TRUE;
        next += *next == ',';
        from = next + strspn(next, " \t");
    }
}

static gboolean
read_prefix(GArray *list, const char *entry, GError **error)
{
    AditPrefix prefix;

    if (!adit_prefix_parse(entry, &prefix, error))
        return FALSE;
    g_array_append_val(list, prefix);
    return TRUE;
}

static gboolean
read_one_address(Draft *draft, const char *entry, GError **error)
{
    return read_prefix(draft->addresses, entry, error);
}

static gboolean
read_address(Draft *draft, const char *value, GError **error)
{
    return read_list(draft, value, read_one_address, error);
}

/* "~corp.example" and "~." are systemd-resolved's routing domains. */
static gboolean
is_search_domain(const char *text)
{
    return strcmp(text, "~.") == 0 || adit_host_name_is_valid(text + (text[0] == '~'));
}

static gboolean
read_one_dns(Draft *draft, const char *entry, GError **error)
{
    AditAddr addr;

    if (adit_addr_parse(entry, &addr, NULL))
        g_array_append_val(draft->dns, addr);
    else if (is_search_domain(entry))
        g_ptr_array_add(draft->search, g_strdup(entry));
    else
        return fail_value(error, entry, "neither an IP address nor a domain");
    return TRUE;
}

static gboolean
read_dns(Draft *draft, const char *value, GError **error)
{
    return read_list(draft, value, read_one_dns, error);
}

static gboolean
read_hook(Draft *draft, const char *value, GError **error)
{
    AditHook hook = { .line = draft->line };

    if (strlen(value) > HOOK_MAX)
        return fail(error, "command longer than %u bytes", HOOK_MAX);
    hook.key = g_strdup(draft->key);
    hook.command = g_strdup(value);
    g_array_append_val(draft->hooks, hook);
    return TRUE;
}

static gboolean
read_public_key(Draft *draft, const char *value, GError **error)
{
    const KeyLine row = { &draft->peer->public_key, draft->line };

    if (!adit_key_parse(value, &draft->peer->public_key, error))
        return FALSE;
    if (adit_key_is_zero(row.key))
        return fail(error, "all zero is no key");
    g_array_append_val(draft->public_keys, row);
    return TRUE;
}

static gboolean
read_preshared_key(Draft *draft, const char *value, GError **error)
{
    return adit_key_parse(value, &draft->peer->preshared_key, error);
}

static gboolean
read_one_allowed(Draft *draft, const char *entry, GError **error)
{
    return read_prefix(draft->allowed, entry, error);
}

static gboolean
read_allowed_ips(Draft *draft, const char *value, GError **error)
{
    return *value == '\0' || read_list(draft, value, read_one_allowed, error);
}

static gboolean
read_endpoint(Draft *draft, const char *value, GError **error)
{
    return adit_endpoint_parse(value, &draft->peer->endpoint, error);
}

static gboolean
read_keepalive(Draft *draft, const char *value, GError **error)
{
    return is_word(value, "off") || read_u16(value, &draft->peer->keepalive, error);
}

static const Key keys[] = {
    { INTERFACE, "PrivateKey", read_private_key, REQUIRED | SILENT },
    { INTERFACE, "Address", read_address, MANY },
    { INTERFACE, "DNS", read_dns, MANY },
    { INTERFACE, "MTU", read_mtu },
    { INTERFACE, "ListenPort", read_listen_port },
    { INTERFACE, "FwMark", read_fwmark },
    { INTERFACE, "Table", read_table },
    { INTERFACE, "SaveConfig", read_save_config },
    { INTERFACE, "PreUp", read_hook, MANY | SILENT },
    { INTERFACE, "PostUp", read_hook, MANY | SILENT },
    { INTERFACE, "PreDown", read_hook, MANY | SILENT },
    { INTERFACE, "PostDown", read_hook, MANY | SILENT },
    { PEER, "PublicKey", read_public_key, REQUIRED | SILENT },
    { PEER, "PresharedKey", read_preshared_key, SILENT },
    { PEER, "AllowedIPs", read_allowed_ips, MANY | MAY_BE_EMPTY },
    { PEER, "Endpoint", read_endpoint },
    { PEER, "PersistentKeepalive", read_keepalive },
};
G_STATIC_ASSERT(G_N_ELEMENTS(keys) == N_KEYS);

/* A key pasted in the wrong place, whole or mangled: such a value is not for a message. */
static gboolean
may_hold_key(const char *value)
{
    guint run = 0;

    for (const char *c = value; *c != '\0' && run < ADIT_KEY_TEXT_LEN - 4; c++)
        run = g_ascii_isalnum(*c) || *c == '+' || *c == '/' ? run + 1 : 0;
    return run >= ADIT_KEY_TEXT_LEN - 4;
}

static const Key *
find_key(const char *name)
{
    for (guint i = 0; i < N_KEYS; i++)
        if (g_ascii_strcasecmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static gboolean
read_value(Draft *draft, const Key *key, const char *value, GError **error)
{
    guint *seen = &draft->seen[key - keys];

    if (*seen != 0 && !(key->flags & MANY))
        return fail(error, "given twice: first in line %u", *seen);
    if (*value == '\0' && !(key->flags & MAY_BE_EMPTY))
        return fail(error, "the value is empty");
    *seen = draft->line;
    draft->key = key->name;
    if (key->read(draft, value, error))
        return TRUE;
    if (may_hold_key(value) && !(key->flags & SILENT)) {
        g_clear_error(error);
        fail(error, "not valid (not shown: it may hold a key)");
    }
    return FALSE;
}

static gboolean
read_setting(Draft *draft, const AditConfToken *token, GError **error)
{
    const Key *key = find_key(token->key);
    Section section = draft->peer ? PEER : INTERFACE;

    /* Without a value it may be the tail of a broken key. */
    if (!key)
        return fail(error, "%s: unknown key in [%s]", *token->value ? token->key : "(no value)",
                    token->section);
    if (key->section != section)
        return fail(error, "%s: belongs in [%s]", key->name,
                    key->section == PEER ? "Peer" : "Interface");
    if (!read_value(draft, key, token->value, error)) {
        g_prefix_error(error, "%s: ", key->name);
        return FALSE;
    }
    return TRUE;
}

static gboolean
end_section(Draft *draft, GError **error)
{
    Section section = draft->peer ? PEER : INTERFACE;

    if (draft->section_line == 0)
        return TRUE;
    for (guint i = 0; i < N_KEYS; i++) {
        if (keys[i].section == section && keys[i].flags & REQUIRED && draft->seen[i] == 0) {
            draft->line = draft->section_line;
            return fail(error, "%s is missing", keys[i].name);
        }
    }
    if (draft->peer) {
        draft->peer->n_allowed = draft->allowed->len;
        draft->peer->allowed =
            g_memdup2(draft->allowed->data, draft->allowed->len * sizeof(AditPrefix));
        g_array_set_size(draft->allowed, 0);
    }
    return TRUE;
}

static gboolean
start_section(Draft *draft, const AditConfToken *token, GError **error)
{
    if (!end_section(draft, error))
        return FALSE;
    draft->line = draft->section_line = token->line;
    memset(draft->seen, 0, sizeof(draft->seen));

    if (is_word(token->section, "Peer")) {
        draft->peer = &draft->profile->peers[draft->profile->n_peers++];
        return TRUE;
    }
    if (!is_word(token->section, "Interface"))
        return fail(error, "[%s]: unknown section", token->section);
    if (draft->interface_line != 0)
        return fail(error, "[Interface]: given twice: first in line %u", draft->interface_line);
    draft->peer = NULL;
    draft->interface_line = token->line;
    return TRUE;
}

static int
key_line_cmp(gconstpointer a, gconstpointer b)
{
    const KeyLine *x = a, *y = b;
    int c = adit_key_cmp(x->key, y->key);

    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

/* Sorted rather than hashed: whoever writes the file chooses the bytes of the keys, and could
 * make them collide. */
static gboolean
check_public_keys(Draft *draft, GError **error)
{
    const KeyLine *first = NULL, *again = NULL;
    AditKey own;

    adit_key_public(&draft->profile->private_key, &own);
    g_array_sort(draft->public_keys, key_line_cmp);
    for (guint i = 0; i < draft->public_keys->len; i++) {
        const KeyLine *row = &g_array_index(draft->public_keys, KeyLine, i);

        draft->line = row->line;
        if (adit_key_equal(row->key, &own))
            return fail(error, "PublicKey: the key of this machine itself");
        if (i > 0 && adit_key_equal(row->key, row[-1].key) &&
            (!again || row->line < again->line)) {
            first = row - 1;
            again = row;
        }
    }
    if (!again)
        return TRUE;
    draft->line = again->line;
    return fail(error, "PublicKey: the key of the peer in line %u again", first->line);
}

static gboolean
read_tokens(Draft *draft, const AditConf *conf, GError **error)
{
    for (guint i = 0; i < conf->n_tokens; i++) {
        const AditConfToken *token = &conf->tokens[i];

        if (token->key) {
            draft->line = token->line;
            if (!read_setting(draft, token, error))
                return FALSE;
        } else if (!start_section(draft, token, error)) {
            return FALSE;
        }
    }
    if (!end_section(draft, error))
        return FALSE;
    if (draft->interface_line == 0) {
        draft->line = 1;
        return fail(error, "[Interface] is missing");
    }
    return check_public_keys(draft, error);
}

static gpointer
take(GArray *list, guint *ret_len)
{
    *ret_len = list->len;
    return g_array_free(list, FALSE);
}

/* The lists go to the profile, and with it, whether or not the file was good. */
static void
end_draft(Draft *draft)
{
    AditProfile *profile = draft->profile;

    g_free(profile->search);
    g_ptr_array_add(draft->search, NULL);
    profile->search = (char **)g_ptr_array_free(draft->search, FALSE);
    profile->addresses = take(draft->addresses, &profile->n_addresses);
    profile->dns = take(draft->dns, &profile->n_dns);
    profile->hooks = take(draft->hooks, &profile->n_hooks);
    g_array_unref(draft->allowed);
    g_array_unref(draft->public_keys);
}

AditProfile *
adit_profile_parse(const char *name, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(name, bytes, len, error);
    g_autoptr(AditProfile) profile = adit_profile_new();
    Draft draft = { .profile = profile };
    gboolean ok;

    if (!conf)
        return NULL;
    if (conf->n_tokens > 0) /* room for a peer a section, so that the array never moves */
        profile->peers = g_new0(AditProfilePeer, conf->tokens[conf->n_tokens - 1].section_no);
    draft.search = g_ptr_array_new();
    draft.addresses = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    draft.dns = g_array_new(FALSE, FALSE, sizeof(AditAddr));
    draft.hooks = g_array_new(FALSE, FALSE, sizeof(AditHook));
    draft.allowed = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    draft.public_keys = g_array_new(FALSE, FALSE, sizeof(KeyLine));

    ok = read_tokens(&draft, conf, error);
    end_draft(&draft);
    if (!ok) {
        g_prefix_error(error, "%s:%u: ", name, draft.line);
        return NULL;
    }
    return g_steal_pointer(&profile);
}
