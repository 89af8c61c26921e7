/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/profile.h"

#include <stdarg.h>
#include <string.h>

/* The canonical text: keys in one order, what is unset or default left out. The growing text
 * holds the private key, so what it outgrows is wiped, which GString does not do. */

#define LIST_MAX 1000 /* entries a line: far below what a line may hold */

typedef struct {
    char *text;
    gsize len, size;
} Text;

static void
append(Text *out, const char *text)
{
    gsize len = strlen(text);

    if (out->len + len >= out->size) {
        gsize size = 2 * (out->len + len) + 512;
        char *grown = g_malloc(size);

        if (out->text)
            memcpy(grown, out->text, out->len + 1);
        adit_key_string_free(out->text);
        out->text = grown;
        out->size = size;
    }
    memcpy(out->text + out->len, text, len + 1);
    out->len += len;
}

static void
print_text(Text *out, const char *key, const char *value)
{
    append(out, key);
    append(out, " = ");
    append(out, value);
    append(out, "\n");
}

static void G_GNUC_PRINTF(3, 4) print(Text *out, const char *key, const char *format, ...)
{
    g_autofree char *value = NULL;
    va_list args;

    va_start(args, format);
    value = g_strdup_vprintf(format, args);
    va_end(args);
    print_text(out, key, value);
}

static void
print_key(Text *out, const char *key, const AditKey *value)
{
    char *text = adit_key_to_string(value);

    print_text(out, key, text);
    adit_key_string_free(text);
}

/* Entry @i of a list; takes @value. A very long list goes over several lines. */
static void
print_entry(Text *out, const char *key, guint i, char *value)
{
    if (i % LIST_MAX != 0) {
        append(out, ", ");
    } else {
        append(out, i == 0 ? "" : "\n");
        append(out, key);
        append(out, " = ");
    }
    append(out, value);
    g_free(value);
}

static void
print_prefixes(Text *out, const char *key, const AditPrefix *prefixes, guint n)
{
    for (guint i = 0; i < n; i++)
        print_entry(out, key, i, adit_prefix_to_string(&prefixes[i]));
    if (n > 0)
        append(out, "\n");
}

static void
print_dns(Text *out, const AditProfile *profile)
{
    guint i = 0;

    for (; i < profile->n_dns; i++)
        print_entry(out, "DNS", i, adit_addr_to_string(&profile->dns[i]));
    for (guint j = 0; profile->search[j]; j++, i++)
        print_entry(out, "DNS", i, g_strdup(profile->search[j]));
    if (i > 0)
        append(out, "\n");
}

static void
print_table(Text *out, const AditProfile *profile)
{
    switch (profile->table_mode) {
    case ADIT_TABLE_AUTO: break;
    case ADIT_TABLE_OFF: print_text(out, "Table", "off"); break;
    case ADIT_TABLE_NUMBER: print(out, "Table", "%u", profile->table); break;
    }
}

static void
print_interface(Text *out, const AditProfile *profile)
{
    append(out, "[Interface]\n");
    print_key(out, "PrivateKey", &profile->private_key);
    print_prefixes(out, "Address", profile->addresses, profile->n_addresses);
    print_dns(out, profile);
    if (profile->mtu != 0)
        print(out, "MTU", "%u", profile->mtu);
    if (profile->listen_port != 0)
        print(out, "ListenPort", "%u", profile->listen_port);
    if (profile->fwmark != 0)
        print(out, "FwMark", "0x%x", profile->fwmark);
    print_table(out, profile);
    if (profile->save_config)
        print_text(out, "SaveConfig", "true");
    for (guint i = 0; i < profile->n_hooks; i++)
        print_text(out, profile->hooks[i].key, profile->hooks[i].command);
}

static void
print_peer(Text *out, const AditProfilePeer *peer)
{
    append(out, "\n[Peer]\n");
    print_key(out, "PublicKey", &peer->public_key);
    if (!adit_key_is_zero(&peer->preshared_key))
        print_key(out, "PresharedKey", &peer->preshared_key);
    print_prefixes(out, "AllowedIPs", peer->allowed, peer->n_allowed);
    if (peer->endpoint.host) {
        g_autofree char *endpoint = adit_endpoint_to_string(&peer->endpoint);

        print_text(out, "Endpoint", endpoint);
    }
    if (peer->keepalive != 0)
        print(out, "PersistentKeepalive", "%u", peer->keepalive);
}

char *
adit_profile_to_string(const AditProfile *profile)
{
    Text out = { 0 };

    print_interface(&out, profile);
    for (guint i = 0; i < profile->n_peers; i++)
        print_peer(&out, &profile->peers[i]);
    return out.text;
}
