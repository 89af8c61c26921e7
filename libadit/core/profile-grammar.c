/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/number.h"
#include "libadit/core/profile-draft.h"

#include <string.h>

/* The grammar is the table at the end; the functions above it each read one value. */

#define HOOK_MAX 65536 /* bytes of a command */

gboolean
adit_profile_fail(GError **error, const char *format, ...)
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

    return adit_profile_fail(error, "%s: %s", quoted, why);
}

/* Decimal, or hexadecimal after 0x, leading zeros or none, as wg(8) and ip(8) read them. */
static gboolean
read_number(const char *value, guint32 min, guint32 max, guint32 *ret, GError **error)
{
    gboolean hex = g_ascii_strncasecmp(value, "0x", 2) == 0;
    const char *digits = hex ? value + 2 : value;
    g_autofree char *why = NULL;
    guint64 n;

    while (digits[0] == '0' && g_ascii_isdigit(digits[1]))
        digits++;
    if (adit_number_parse(digits, hex ? 16 : 10, min, max, &n)) {
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
    guint32 n = 0;

    if (!read_number(value, 0, G_MAXUINT16, &n, error))
        return FALSE;
    *ret = n;
    return TRUE;
}

static gboolean
read_private_key(AditProfileDraft *draft, const char *value, GError **error)
{
    if (!adit_key_parse(value, &draft->profile->private_key, error))
        return FALSE;
    if (adit_key_is_zero(&draft->profile->private_key))
        return adit_profile_fail(error, "all zero is no key");
    return TRUE;
}

static gboolean
read_listen_port(AditProfileDraft *draft, const char *value, GError **error)
{
    return read_u16(value, &draft->profile->listen_port, error);
}

static gboolean
read_fwmark(AditProfileDraft *draft, const char *value, GError **error)
{
    return is_word(value, "off") ||
           read_number(value, 0, G_MAXUINT32, &draft->profile->fwmark, error);
}

static gboolean
read_mtu(AditProfileDraft *draft, const char *value, GError **error)
{
    /* 576: what every IPv4 host must take (RFC 791). */
    return strcmp(value, "0") == 0 ||
           read_number(value, 576, G_MAXUINT16, &draft->profile->mtu, error);
}

static gboolean
read_table(AditProfileDraft *draft, const char *value, GError **error)
{
    AditProfile *profile = draft->profile;

    profile->table_mode = is_word(value, "auto")  ? ADIT_TABLE_AUTO
                          : is_word(value, "off") ? ADIT_TABLE_OFF
                                                  : ADIT_TABLE_NUMBER;
    return profile->table_mode != ADIT_TABLE_NUMBER ||
           read_number(value, 1, G_MAXUINT32, &profile->table, error);
}

static gboolean
read_save_config(AditProfileDraft *draft, const char *value, GError **error)
{
    draft->profile->save_config = is_word(value, "true");
    if (!draft->profile->save_config && !is_word(value, "false"))
        return fail_value(error, value, "neither true nor false");
    return TRUE;
}

typedef gboolean (*ReadEntry)(AditProfileDraft *draft, const char *entry, GError **error);

/* Entries between commas; blanks do as well, as wg-quick(8) has it for Address and DNS. */
static gboolean
read_list(AditProfileDraft *draft, const char *value, ReadEntry read_entry, GError **error)
{
    const char *from = value;

    for (;;) {
        gsize len = strcspn(from, ", \t");
        g_autofree char *entry = g_strndup(from, len);
        const char *next = from + len + strspn(from + len, " \t");

        if (len == 0)
            return adit_profile_fail(error, "an empty entry in the list");
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
read_one_address(AditProfileDraft *draft, const char *entry, GError **error)
{
    return read_prefix(draft->addresses, entry, error);
}

static gboolean
read_address(AditProfileDraft *draft, const char *value, GError **error)
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
read_one_dns(AditProfileDraft *draft, const char *entry, GError **error)
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
read_dns(AditProfileDraft *draft, const char *value, GError **error)
{
    return read_list(draft, value, read_one_dns, error);
}

static gboolean
read_hook(AditProfileDraft *draft, const char *value, GError **error)
{
    AditHook hook = { .line = draft->line };

    if (strlen(value) > HOOK_MAX)
        return adit_profile_fail(error, "command longer than %u bytes", HOOK_MAX);
    hook.key = g_strdup(draft->key);
    hook.command = g_strdup(value);
    g_array_append_val(draft->hooks, hook);
    return TRUE;
}

static gboolean
read_public_key(AditProfileDraft *draft, const char *value, GError **error)
{
    const AditProfileKeyLine row = { &draft->peer->public_key, draft->line };

    if (!adit_key_parse(value, &draft->peer->public_key, error))
        return FALSE;
    if (adit_key_is_zero(row.key))
        return adit_profile_fail(error, "all zero is no key");
    g_array_append_val(draft->public_keys, row);
    return TRUE;
}

static gboolean
read_preshared_key(AditProfileDraft *draft, const char *value, GError **error)
{
    return adit_key_parse(value, &draft->peer->preshared_key, error);
}

static gboolean
read_one_allowed(AditProfileDraft *draft, const char *entry, GError **error)
{
    return read_prefix(draft->allowed, entry, error);
}

static gboolean
read_allowed_ips(AditProfileDraft *draft, const char *value, GError **error)
{
    return *value == '\0' || read_list(draft, value, read_one_allowed, error);
}

static gboolean
read_endpoint(AditProfileDraft *draft, const char *value, GError **error)
{
    return adit_endpoint_parse(value, &draft->peer->endpoint, error);
}

static gboolean
read_keepalive(AditProfileDraft *draft, const char *value, GError **error)
{
    return is_word(value, "off") || read_u16(value, &draft->peer->keepalive, error);
}

const AditProfileKey adit_profile_keys[] = {
    { SECTION_INTERFACE, "PrivateKey", read_private_key, KEY_REQUIRED | KEY_SILENT },
    { SECTION_INTERFACE, "Address", read_address, KEY_MANY },
    { SECTION_INTERFACE, "DNS", read_dns, KEY_MANY },
    { SECTION_INTERFACE, "MTU", read_mtu },
    { SECTION_INTERFACE, "ListenPort", read_listen_port },
    { SECTION_INTERFACE, "FwMark", read_fwmark },
    { SECTION_INTERFACE, "Table", read_table },
    { SECTION_INTERFACE, "SaveConfig", read_save_config },
    { SECTION_INTERFACE, "PreUp", read_hook, KEY_MANY | KEY_SILENT },
    { SECTION_INTERFACE, "PostUp", read_hook, KEY_MANY | KEY_SILENT },
    { SECTION_INTERFACE, "PreDown", read_hook, KEY_MANY | KEY_SILENT },
    { SECTION_INTERFACE, "PostDown", read_hook, KEY_MANY | KEY_SILENT },
    { SECTION_PEER, "PublicKey", read_public_key, KEY_REQUIRED | KEY_SILENT },
    { SECTION_PEER, "PresharedKey", read_preshared_key, KEY_SILENT },
    { SECTION_PEER, "AllowedIPs", read_allowed_ips, KEY_MANY | KEY_MAY_BE_EMPTY },
    { SECTION_PEER, "Endpoint", read_endpoint },
    { SECTION_PEER, "PersistentKeepalive", read_keepalive },
};

const AditProfileKey *
adit_profile_key_find(const char *name)
{
    for (guint i = 0; i < ADIT_PROFILE_N_KEYS; i++)
        if (g_ascii_strcasecmp(adit_profile_keys[i].name, name) == 0)
            return &adit_profile_keys[i];
    return NULL;
}
