/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/conf.h"
#include "libadit/core/profile-draft.h"

#include <string.h>
#include <sys/socket.h>

#define IPV6_MTU 1280 /* RFC 8200, section 5 */

/* A key pasted in the wrong place, whole or mangled: such a value is not for a message. */
static gboolean
may_hold_key(const char *value)
{
    guint run = 0;

    for (const char *c = value; *c != '\0' && run < ADIT_KEY_TEXT_LEN - 4; c++)
        run = g_ascii_isalnum(*c) || *c == '+' || *c == '/' ? run + 1 : 0;
    return run >= ADIT_KEY_TEXT_LEN - 4;
}

static gboolean
read_value(AditProfileDraft *draft, const AditProfileKey *key, const char *value,
           GError **error)
{
    guint *seen = &draft->seen[key - adit_profile_keys];

    if (*seen != 0 && !(key->flags & KEY_MANY))
        return adit_profile_fail(error, "given twice: first in line %u", *seen);
    if (*value == '\0' && !(key->flags & KEY_MAY_BE_EMPTY))
        return adit_profile_fail(error, "the value is empty");
    *seen = draft->line;
    draft->key = key->name;
    if (key->read(draft, value, error))
        return TRUE;
    if (may_hold_key(value) && !(key->flags & KEY_SILENT)) {
        g_clear_error(error);
        adit_profile_fail(error, "not valid (not shown: it may hold a key)");
    }
    return FALSE;
}

static gboolean
read_setting(AditProfileDraft *draft, const AditConfToken *token, GError **error)
{
    const AditProfileKey *key = adit_profile_key_find(token->key);
    AditProfileSection section = draft->peer ? SECTION_PEER : SECTION_INTERFACE;

    /* Without a value it may be the tail of a broken key. */
    if (!key)
        return adit_profile_fail(error, "%s: unknown key in [%s]",
                                 *token->value ? token->key : "(no value)", token->section);
    if (key->section != section)
        return adit_profile_fail(error, "%s: belongs in [%s]", key->name,
                                 key->section == SECTION_PEER ? "Peer" : "Interface");
    if (!read_value(draft, key, token->value, error)) {
        g_prefix_error(error, "%s: ", key->name);
        return FALSE;
    }
    return TRUE;
}

/* The kernel has no IPv6 on a smaller link, and its word for it is "invalid argument". */
static gboolean
check_mtu(AditProfileDraft *draft, GError **error)
{
    const guint32 mtu = draft->profile->mtu;

    for (guint i = 0; mtu != 0 && mtu < IPV6_MTU && i < draft->addresses->len; i++) {
        if (g_array_index(draft->addresses, AditPrefix, i).addr.family != AF_INET6)
            continue;
        draft->line = draft->seen[adit_profile_key_find("MTU") - adit_profile_keys];
        return adit_profile_fail(error, "MTU: %u: an IPv6 Address needs at least %d", mtu,
                                 IPV6_MTU);
    }
    return TRUE;
}

static gboolean
end_section(AditProfileDraft *draft, GError **error)
{
    AditProfileSection section = draft->peer ? SECTION_PEER : SECTION_INTERFACE;

    if (draft->section_line == 0)
        return TRUE;
    for (guint i = 0; i < ADIT_PROFILE_N_KEYS; i++) {
        if (adit_profile_keys[i].section == section &&
            adit_profile_keys[i].flags & KEY_REQUIRED && draft->seen[i] == 0) {
            draft->line = draft->section_line;
            return adit_profile_fail(error, "%s is missing", adit_profile_keys[i].name);
        }
    }
    if (draft->peer) {
        draft->peer->n_allowed = draft->allowed->len;
        draft->peer->allowed =
            g_memdup2(draft->allowed->data, draft->allowed->len * sizeof(AditPrefix));
        g_array_set_size(draft->allowed, 0);
        return TRUE;
    }
    return check_mtu(draft, error);
}

static gboolean
start_section(AditProfileDraft *draft, const AditConfToken *token, GError **error)
{
    if (!end_section(draft, error))
        return FALSE;
    draft->line = draft->section_line = token->line;
    memset(draft->seen, 0, sizeof(draft->seen));

    if (g_ascii_strcasecmp(token->section, "Peer") == 0) {
        draft->peer = &draft->profile->peers[draft->profile->n_peers++];
        return TRUE;
    }
    if (g_ascii_strcasecmp(token->section, "Interface") != 0)
        return adit_profile_fail(error, "[%s]: unknown section", token->section);
    if (draft->interface_line != 0)
        return adit_profile_fail(error, "[Interface]: given twice: first in line %u",
                                 draft->interface_line);
    draft->peer = NULL;
    draft->interface_line = token->line;
    return TRUE;
}

static int
key_line_cmp(gconstpointer a, gconstpointer b)
{
    const AditProfileKeyLine *x = a, *y = b;
    int c = adit_key_cmp(x->key, y->key);

    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

/* Sorted rather than hashed: whoever writes the file chooses the bytes of the keys, and could
 * make them collide. */
static gboolean
check_public_keys(AditProfileDraft *draft, GError **error)
{
    const AditProfileKeyLine *first = NULL, *again = NULL;
    AditKey own;

    adit_key_public(&draft->profile->private_key, &own);
    g_array_sort(draft->public_keys, key_line_cmp);
    for (guint i = 0; i < draft->public_keys->len; i++) {
        const AditProfileKeyLine *row =
            &g_array_index(draft->public_keys, AditProfileKeyLine, i);

        draft->line = row->line;
        if (adit_key_equal(row->key, &own))
            return adit_profile_fail(error, "PublicKey: the key of this machine itself");
        if (i > 0 && adit_key_equal(row->key, row[-1].key) &&
            (!again || row->line < again->line)) {
            first = row - 1;
            again = row;
        }
    }
    if (!again)
        return TRUE;
    draft->line = again->line;
    return adit_profile_fail(error, "PublicKey: the key of the peer in line %u again",
                             first->line);
}

static gboolean
read_tokens(AditProfileDraft *draft, const AditConf *conf, GError **error)
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
        return adit_profile_fail(error, "[Interface] is missing");
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
end_draft(AditProfileDraft *draft)
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
    AditProfileDraft draft = { .profile = profile };
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
    draft.public_keys = g_array_new(FALSE, FALSE, sizeof(AditProfileKeyLine));

    ok = read_tokens(&draft, conf, error);
    end_draft(&draft);
    if (!ok) {
        g_prefix_error(error, "%s:%u: ", name, draft.line);
        return NULL;
    }
    return g_steal_pointer(&profile);
}
