/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/hand.h"

#include "libadit/core/conf.h"
#include "libadit/core/error.h"

#include <string.h>

/* The files become the text of a profile, so that its parser judges keys and addresses. */

/* systemd.syntax(7) has comments of its own kind. */
static AditConf *
parse(const char *name, const char *text, GError **error)
{
    g_autoptr(GString) plain = g_string_new(text);
    AditConf *conf;

    for (gsize i = 0; i < plain->len; i++)
        if (plain->str[i] == ';' && (i == 0 || plain->str[i - 1] == '\n'))
            plain->str[i] = '#';
    conf = adit_conf_parse(name, plain->str, plain->len, error);
    explicit_bzero(plain->str, plain->len);
    return conf;
}

static gboolean
is_key(const AditConfToken *token, const char *section, const char *key)
{
    return token->key && g_str_equal(token->section, section) && g_str_equal(token->key, key);
}

/* The last one counts. */
static const char *
last_value(const AditConf *conf, const char *section, const char *key)
{
    const char *value = NULL;

    for (guint i = 0; i < conf->n_tokens; i++)
        if (is_key(&conf->tokens[i], section, key))
            value = conf->tokens[i].value;
    return value;
}

char *
adit_networkd_hand_link(const char *text)
{
    g_autoptr(AditConf) conf = parse("", text, NULL);

    return conf && g_strcmp0(last_value(conf, "NetDev", "Kind"), "wireguard") == 0
               ? g_strdup(last_value(conf, "NetDev", "Name"))
               : NULL;
}

gboolean
adit_networkd_hand_is_of(const char *text, const char *link)
{
    g_autoptr(AditConf) conf = parse("", text, NULL);

    return conf && g_strcmp0(last_value(conf, "Match", "Name"), link) == 0;
}

gboolean
adit_networkd_hand_is_of_lo(const char *text)
{
    g_autoptr(AditConf) conf = parse("", text, NULL);
    gboolean is = FALSE;

    for (guint i = 0; conf && !is && i < conf->n_tokens; i++) {
        const AditConfToken *token = &conf->tokens[i];
        g_auto(GStrv) words = g_strsplit_set(token->value ? token->value : "", " \t", -1);

        if (is_key(token, "Match", "Type"))
            is = g_strv_contains((const char *const *)words, "loopback");
        for (guint w = 0; is_key(token, "Match", "Name") && !is && words[w]; w++)
            is = g_pattern_match_simple(words[w], "lo");
    }
    return is;
}

/* An empty one takes back what was said before it, as systemd has it. */
static void
collect(GPtrArray *values, const AditConf *conf, const char *section, const char *key)
{
    for (guint i = 0; i < conf->n_tokens; i++) {
        if (!is_key(&conf->tokens[i], section, key))
            continue;
        if (*conf->tokens[i].value)
            g_ptr_array_add(values, (gpointer)conf->tokens[i].value);
        else
            g_ptr_array_set_size(values, 0);
    }
}

typedef struct {
    const char *name;
    GString *out;
    AditNetworkdKeyFile key_file;
    gpointer data;
} Reading;

static gboolean
refuse(const Reading *reading, const AditConfToken *token, const char *why, GError **error)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: %s: %s", reading->name,
                token->line, token->key, why);
    return FALSE;
}

static gboolean
put_key(const Reading *reading, const AditConfToken *token, const char *word, GError **error)
{
    char *key;

    if (*token->value == '@')
        return refuse(reading, token, "a key of systemd's credentials, which adit cannot read",
                      error);
    if (!g_str_has_suffix(token->key, "File")) {
        g_string_append_printf(reading->out, "%s = %s\n", word, token->value);
        return TRUE;
    }
    key = reading->key_file(token->value, reading->data, error);
    if (!key)
        return FALSE;
    g_string_append_printf(reading->out, "%s = %s\n", word, g_strstrip(key));
    adit_key_string_free(key);
    return TRUE;
}

/* "a b" and "a, b" are the same to systemd; "~corp.example" is one that is only asked for, as
 * all of ours are, and "~." all names, which is a selection's business. */
static void
put_list(GString *out, const char *word, const char *value)
{
    g_auto(GStrv) words = g_strsplit_set(value, ", \t", -1);
    gboolean first = TRUE;

    for (guint i = 0; words[i]; i++) {
        const char *item = words[i] + (*words[i] == '~');

        if (!*item || g_str_equal(item, "."))
            continue;
        g_string_append_printf(out, "%s%s", first ? word : ", ", item);
        first = FALSE;
    }
    if (!first)
        g_string_append_c(out, '\n');
}

static gboolean
is_number(const char *value)
{
    return *value && strspn(value, "0123456789") == strlen(value);
}

static gboolean
put_device_key(const Reading *reading, const AditConfToken *token, GError **error)
{
    g_assert(token->value);
    if (g_str_equal(token->key, "PrivateKey") || g_str_equal(token->key, "PrivateKeyFile"))
        return put_key(reading, token, "PrivateKey", error);
    if (g_str_equal(token->key, "RouteTable") && !g_str_equal(token->value, "off"))
        return refuse(reading, token, "adit has a routing table for each gateway: take it out",
                      error);
    if (g_str_equal(token->key, "ListenPort") && is_number(token->value))
        g_string_append_printf(reading->out, "ListenPort = %s\n", token->value);
    return TRUE;
}

static gboolean
put_peer_key(const Reading *reading, const AditConfToken *token, GError **error)
{
    GString *out = reading->out;

    g_assert(token->value);
    if (g_str_equal(token->key, "PresharedKey") || g_str_equal(token->key, "PresharedKeyFile"))
        return put_key(reading, token, "PresharedKey", error);
    if (g_str_equal(token->key, "RouteTable") && !g_str_equal(token->value, "off"))
        return refuse(reading, token, "adit has a routing table for each gateway: take it out",
                      error);
    if (g_str_equal(token->key, "AllowedIPs"))
        put_list(out, "AllowedIPs = ", token->value);
    else if (g_str_equal(token->key, "PublicKey") || g_str_equal(token->key, "Endpoint"))
        g_string_append_printf(out, "%s = %s\n", token->key, token->value);
    else if (g_str_equal(token->key, "PersistentKeepalive") && is_number(token->value))
        g_string_append_printf(out, "PersistentKeepalive = %s\n", token->value);
    return TRUE;
}

static gboolean
put_netdev(const Reading *reading, const AditConf *conf, GError **error)
{
    const char *mtu = last_value(conf, "NetDev", "MTUBytes");

    g_string_append(reading->out, "[Interface]\n");
    if (mtu && is_number(mtu))
        g_string_append_printf(reading->out, "MTU = %s\n", mtu);
    for (guint i = 0; i < conf->n_tokens; i++)
        if (conf->tokens[i].key && g_str_equal(conf->tokens[i].section, "WireGuard") &&
            !put_device_key(reading, &conf->tokens[i], error))
            return FALSE;
    return TRUE;
}

/* Behind the addresses: a profile has its peers at the end. */
static gboolean
put_peers(const Reading *reading, const AditConf *conf, GError **error)
{
    for (guint i = 0; i < conf->n_tokens; i++) {
        const AditConfToken *token = &conf->tokens[i];

        if (!g_str_equal(token->section, "WireGuardPeer"))
            continue;
        if (!token->key)
            g_string_append(reading->out, "[Peer]\n");
        else if (!put_peer_key(reading, token, error))
            return FALSE;
    }
    return TRUE;
}

static void
put_network(GString *out, const AditConf *conf)
{
    static const struct {
        const char *section, *key, *word;
    } rows[] = { { "Network", "Address", "Address = " },
                 { "Address", "Address", "Address = " },
                 { "Network", "DNS", "DNS = " },
                 { "Network", "Domains", "DNS = " } };

    for (guint r = 0; r < G_N_ELEMENTS(rows); r++) {
        g_autoptr(GPtrArray) values = g_ptr_array_new();

        collect(values, conf, rows[r].section, rows[r].key);
        for (guint i = 0; i < values->len; i++)
            put_list(out, rows[r].word, g_ptr_array_index(values, i));
    }
}

static gboolean
is_whole(const char *name, const AditProfile *profile, GError **error)
{
    const char *why = profile->n_addresses == 0 ? "its .network has no Address="
                      : profile->n_peers == 0   ? "it has no [WireGuardPeer]"
                                                : NULL;

    if (why)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", name, why);
    return !why;
}

AditProfile *
adit_networkd_hand_read(const char *name, const char *netdev, const char *network,
                        AditNetworkdKeyFile key_file, gpointer data, GError **error)
{
    /* roomy: where it grew, keys would be left behind */
    const gsize room = 2 * (strlen(netdev) + (network ? strlen(network) : 0)) + 8192;
    const Reading reading = { name, g_string_sized_new(room), key_file, data };
    g_autoptr(AditConf) device = parse(name, netdev, error);
    g_autoptr(AditConf) link = device && network ? parse(name, network, error) : NULL;
    AditProfile *profile = NULL;
    char *text;

    if (device && (link || !network) && put_netdev(&reading, device, error)) {
        if (link)
            put_network(reading.out, link);
        if (put_peers(&reading, device, error))
            profile = adit_profile_parse(name, reading.out->str, reading.out->len, error);
    }
    text = g_string_free(reading.out, FALSE);
    adit_key_string_free(text);
    if (profile && !is_whole(name, profile, error))
        g_clear_pointer(&profile, adit_profile_free);
    return profile;
}
