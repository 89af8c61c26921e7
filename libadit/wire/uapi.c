/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/uapi.h"

#include <string.h>

/* The most bytes a line of each kind takes, so that the text is allocated once: a buffer that
 * grows leaves copies of keys behind. */
#define DEVICE_MAX 256
#define PEER_MAX 640
#define ALLOWED_MAX 80

static void
add_hex(GString *text, const char *name, const AditKey *key)
{
    static const char digits[] = "0123456789abcdef";

    g_string_append_printf(text, "%s=", name);
    for (guint i = 0; i < ADIT_KEY_LEN; i++) {
        g_string_append_c(text, digits[key->bytes[i] >> 4]);
        g_string_append_c(text, digits[key->bytes[i] & 15]);
    }
    g_string_append_c(text, '\n');
}

static void
add_endpoint(GString *text, const AditSockAddr *endpoint)
{
    g_autofree char *words = adit_sockaddr_to_string(endpoint);

    g_string_append_printf(text, "endpoint=%s\n", words);
}

static void
add_allowed(GString *text, const AditPrefix *prefix)
{
    g_autofree char *words = adit_prefix_to_string(prefix);

    g_string_append_printf(text, "allowed_ip=%s\n", words);
}

static void
set_peer(GString *text, const AditPeerChange *change)
{
    g_auto(AditPeerEdit) edit = { 0 };

    adit_peer_edit_init(&edit, change);
    add_hex(text, "public_key", &edit.peer->public_key);
    if (edit.remove)
        g_string_append(text, "remove=true\n");
    if (edit.update_only)
        g_string_append(text, "update_only=true\n");
    if (edit.preshared_key)
        add_hex(text, "preshared_key", &edit.peer->preshared_key);
    if (edit.endpoint)
        add_endpoint(text, &edit.peer->endpoint);
    if (edit.keepalive)
        g_string_append_printf(text, "persistent_keepalive_interval=%u\n",
                               edit.peer->keepalive);
    if (edit.replace_allowed)
        g_string_append(text, "replace_allowed_ips=true\n");
    for (guint i = 0; i < edit.n_allowed; i++)
        add_allowed(text, edit.allowed[i]);
}

/* wg set LINK private-key K listen-port N fwmark M peer ... */
char *
adit_uapi_set_build(const AditWgSet *set)
{
    gsize room = DEVICE_MAX;
    GString *text;

    for (guint i = 0; i < set->n_peers; i++)
        room += PEER_MAX + (gsize)set->peers[i].peer->n_allowed * ALLOWED_MAX;
    text = g_string_sized_new(room);

    g_string_append(text, "set=1\n");
    if (set->device != NULL) {
        add_hex(text, "private_key", &set->device->private_key);
        g_string_append_printf(text, "listen_port=%u\n", set->device->listen_port);
        g_string_append_printf(text, "fwmark=%u\n", set->device->fwmark);
    }
    if (set->replace_peers)
        g_string_append(text, "replace_peers=true\n");
    for (guint i = 0; i < set->n_peers; i++)
        set_peer(text, &set->peers[i]);
    g_string_append_c(text, '\n');

    g_assert(text->len <= room); /* it never grew */
    return g_string_free(text, FALSE);
}

static void
dump_peer(GString *text, const AditWgPeer *peer)
{
    const AditPeer *p = &peer->peer;
    const AditPeerStatus *status = &peer->status;

    add_hex(text, "public_key", &p->public_key);
    add_hex(text, "preshared_key", &p->preshared_key);
    g_string_append(text, "protocol_version=1\n");
    if (adit_addr_is_set(&status->endpoint.addr))
        add_endpoint(text, &status->endpoint);
    g_string_append_printf(text, "last_handshake_time_sec=%" G_GINT64_FORMAT "\n",
                           status->handshake_sec);
    g_string_append_printf(text, "last_handshake_time_nsec=%u\n", status->handshake_nsec);
    g_string_append_printf(text, "tx_bytes=%" G_GUINT64_FORMAT "\n", status->tx_bytes);
    g_string_append_printf(text, "rx_bytes=%" G_GUINT64_FORMAT "\n", status->rx_bytes);
    g_string_append_printf(text, "persistent_keepalive_interval=%u\n", p->keepalive);
    for (guint i = 0; i < p->n_allowed; i++)
        add_allowed(text, &p->allowed[i]);
}

char *
adit_uapi_dump_build(const AditWgDump *dump)
{
    gsize room = DEVICE_MAX;
    GString *text;

    for (guint i = 0; i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        room += PEER_MAX + (gsize)peer->peer.n_allowed * ALLOWED_MAX;
    }
    text = g_string_sized_new(room);

    /* What is zero is left out, as wireguard-go does. */
    if (!adit_key_is_zero(&dump->device.private_key))
        add_hex(text, "private_key", &dump->device.private_key);
    if (dump->device.listen_port != 0)
        g_string_append_printf(text, "listen_port=%u\n", dump->device.listen_port);
    if (dump->device.fwmark != 0)
        g_string_append_printf(text, "fwmark=%u\n", dump->device.fwmark);
    for (guint i = 0; i < dump->peers->len; i++)
        dump_peer(text, g_ptr_array_index(dump->peers, i));
    g_string_append(text, "errno=0\n\n");

    g_assert(text->len <= room);
    return g_string_free(text, FALSE);
}
