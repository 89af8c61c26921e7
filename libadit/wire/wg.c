/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/wg.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>

#include "libadit/wire/genl.h"

/* A message holds peers, a peer holds allowed IPs, and neither list need fit one message.
 * Writing, we look at the room left before each element: without it the nests are closed and
 * the next message goes on with the same peer, named by its key alone. Reading, a peer with
 * the key of the one before it is that peer. The flags that take away (REPLACE_PEERS,
 * REPLACE_ALLOWEDIPS) stand only in the first piece; UPDATE_ONLY stands in each, because a
 * later piece must not make the peer that the first one did not find. */

/* Room asked for: a peer without allowed IPs, with the headers of its nests; one allowed IP. */
#define PEER_ROOM 160
#define ALLOWED_ROOM 44

void
adit_wg_get_put(AditMsg *m, guint16 family, const char *link)
{
    adit_genl_begin(m, family, NLM_F_DUMP, WG_CMD_GET_DEVICE, WG_GENL_VERSION);
    adit_msg_string(m, WGDEVICE_A_IFNAME, link);
}

static void
put_endpoint(AditMsg *m, const AditSockAddr *endpoint)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(endpoint->port) };
    struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(endpoint->port) };

    if (endpoint->addr.family == AF_INET) {
        memcpy(&sin.sin_addr, endpoint->addr.bytes, sizeof(sin.sin_addr));
        adit_msg_bytes(m, WGPEER_A_ENDPOINT, &sin, sizeof(sin));
    } else {
        memcpy(&sin6.sin6_addr, endpoint->addr.bytes, sizeof(sin6.sin6_addr));
        adit_msg_bytes(m, WGPEER_A_ENDPOINT, &sin6, sizeof(sin6));
    }
}

static void
put_allowed(AditMsg *m, const AditPrefix *prefix)
{
    adit_msg_nest(m, 0);
    adit_msg_u16(m, WGALLOWEDIP_A_FAMILY, prefix->addr.family);
    adit_msg_bytes(m, WGALLOWEDIP_A_IPADDR, prefix->addr.bytes, adit_addr_size(&prefix->addr));
    adit_msg_u8(m, WGALLOWEDIP_A_CIDR_MASK, prefix->len);
    adit_msg_unnest(m);
}

/* Opens a message and its list of peers. */
static void
begin_message(AditMsg *m, guint16 family, const AditWgSet *set, gboolean first)
{
    adit_genl_begin(m, family, NLM_F_ACK, WG_CMD_SET_DEVICE, WG_GENL_VERSION);
    adit_msg_string(m, WGDEVICE_A_IFNAME, set->link);
    if (first && set->replace_peers)
        adit_msg_u32(m, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
    if (first && set->device != NULL) {
        adit_msg_bytes(m, WGDEVICE_A_PRIVATE_KEY, set->device->private_key.bytes, WG_KEY_LEN);
        adit_msg_u16(m, WGDEVICE_A_LISTEN_PORT, set->device->listen_port);
        adit_msg_u32(m, WGDEVICE_A_FWMARK, set->device->fwmark);
    }
    adit_msg_nest(m, WGDEVICE_A_PEERS);
}

static void
next_message(AditMsg *m, guint16 family, const AditWgSet *set)
{
    adit_msg_unnest(m);
    begin_message(m, family, set, FALSE);
}

/* Opens a peer and its list of allowed IPs. */
static void
begin_peer(AditMsg *m, const AditPeerEdit *edit, gboolean first)
{
    const AditPeer *peer = edit->peer;
    const guint32 flags = (edit->remove ? WGPEER_F_REMOVE_ME : 0) |
                          (edit->update_only ? WGPEER_F_UPDATE_ONLY : 0) |
                          (first && edit->replace_allowed ? WGPEER_F_REPLACE_ALLOWEDIPS : 0);

    adit_msg_nest(m, 0);
    adit_msg_bytes(m, WGPEER_A_PUBLIC_KEY, peer->public_key.bytes, WG_KEY_LEN);
    if (flags != 0)
        adit_msg_u32(m, WGPEER_A_FLAGS, flags);
    if (first && edit->preshared_key) /* zeros take it away */
        adit_msg_bytes(m, WGPEER_A_PRESHARED_KEY, peer->preshared_key.bytes, WG_KEY_LEN);
    if (first && edit->endpoint)
        put_endpoint(m, &peer->endpoint);
    if (first && edit->keepalive)
        adit_msg_u16(m, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive);
    adit_msg_nest(m, WGPEER_A_ALLOWEDIPS);
}

static void
end_peer(AditMsg *m)
{
    adit_msg_unnest(m);
    adit_msg_unnest(m);
}

/* wg set LINK peer KEY preshared-key K endpoint E persistent-keepalive N allowed-ips A,B */
static void
put_peer(AditMsg *m, guint16 family, const AditWgSet *set, const AditPeerChange *change)
{
    g_auto(AditPeerEdit) edit = { 0 };

    adit_peer_edit_init(&edit, change);
    if (adit_msg_room(m) < PEER_ROOM)
        next_message(m, family, set);
    begin_peer(m, &edit, TRUE);
    for (guint i = 0; i < edit.n_allowed; i++) {
        if (adit_msg_room(m) < ALLOWED_ROOM) {
            end_peer(m);
            next_message(m, family, set);
            begin_peer(m, &edit, FALSE);
        }
        put_allowed(m, edit.allowed[i]);
    }
    end_peer(m);
}

/* wg set LINK private-key K listen-port N fwmark M peer ... */
void
adit_wg_set_put(AditMsg *m, guint16 family, const AditWgSet *set)
{
    begin_message(m, family, set, TRUE);
    for (guint i = 0; i < set->n_peers; i++)
        put_peer(m, family, set, &set->peers[i]);
    adit_msg_unnest(m);
}

static const AditAttrType device_types[] = {
    [WGDEVICE_A_IFNAME] = { ADIT_ATTR_STRING },
    [WGDEVICE_A_PRIVATE_KEY] = { ADIT_ATTR_EXACT, WG_KEY_LEN },
    [WGDEVICE_A_LISTEN_PORT] = { ADIT_ATTR_U16 },
    [WGDEVICE_A_FWMARK] = { ADIT_ATTR_U32 },
    [WGDEVICE_A_PEERS] = { ADIT_ATTR_NESTED },
};

static const AditAttrType peer_types[] = {
    [WGPEER_A_PUBLIC_KEY] = { ADIT_ATTR_EXACT, WG_KEY_LEN },
    [WGPEER_A_PRESHARED_KEY] = { ADIT_ATTR_EXACT, WG_KEY_LEN },
    [WGPEER_A_ENDPOINT] = { ADIT_ATTR_BYTES, sizeof(struct sockaddr_in) },
    [WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = { ADIT_ATTR_U16 },
    [WGPEER_A_LAST_HANDSHAKE_TIME] = { ADIT_ATTR_EXACT, sizeof(struct __kernel_timespec) },
    [WGPEER_A_RX_BYTES] = { ADIT_ATTR_U64 },
    [WGPEER_A_TX_BYTES] = { ADIT_ATTR_U64 },
    [WGPEER_A_ALLOWEDIPS] = { ADIT_ATTR_NESTED },
};

static const AditAttrType allowed_types[] = {
    [WGALLOWEDIP_A_FAMILY] = { ADIT_ATTR_U16 },
    [WGALLOWEDIP_A_IPADDR] = { ADIT_ATTR_ADDR },
    [WGALLOWEDIP_A_CIDR_MASK] = { ADIT_ATTR_U8 },
};

typedef gboolean (*ElementFunc)(const struct nlattr *attr, gpointer data);

/* A list is a nest of nests whose type says nothing. */
static gboolean
foreach_element(const struct nlattr *list, ElementFunc func, gpointer data)
{
    gsize left;
    const guint8 *at = adit_attr_data(list, &left);

    while (left > 0) {
        const struct nlattr *attr = (gconstpointer)at;
        gsize step;

        if (!mnl_attr_ok(attr, left) || !func(attr, data))
            return FALSE;
        step = MIN(left, (gsize)NLA_ALIGN(attr->nla_len)); /* the last may lack its padding */
        at += step;
        left -= step;
    }
    return TRUE;
}

static gboolean
get_endpoint(const struct nlattr *attr, AditSockAddr *ret)
{
    gsize len;
    const guint8 *data = adit_attr_data(attr, &len);
    struct sockaddr_in sin;
    struct sockaddr_in6 sin6;

    memcpy(&sin, data, sizeof(sin)); /* the family stands first in both */
    if (sin.sin_family == AF_INET && len == sizeof(sin)) {
        ret->addr = adit_addr_from_bytes(AF_INET, &sin.sin_addr);
        ret->port = ntohs(sin.sin_port);
        return TRUE;
    }
    if (sin.sin_family == AF_INET6 && len == sizeof(sin6)) {
        memcpy(&sin6, data, sizeof(sin6));
        ret->addr = adit_addr_from_bytes(AF_INET6, &sin6.sin6_addr);
        ret->port = ntohs(sin6.sin6_port);
        return TRUE;
    }
    return FALSE;
}

static gboolean
get_handshake(const struct nlattr *attr, AditPeerStatus *ret)
{
    struct __kernel_timespec when;
    gsize len;

    memcpy(&when, adit_attr_data(attr, &len), sizeof(when));
    if (when.tv_sec < 0 || when.tv_nsec < 0 || when.tv_nsec >= 1000000000)
        return FALSE;
    ret->handshake_sec = when.tv_sec;
    ret->handshake_nsec = when.tv_nsec;
    return TRUE;
}

static gboolean
get_allowed(const struct nlattr *attr, gpointer data)
{
    const struct nlattr *tb[G_N_ELEMENTS(allowed_types)];
    guint16 family;
    AditPrefix prefix;
    gconstpointer bytes;
    gsize len;

    if (!adit_attrs_parse_nested(attr, allowed_types, G_N_ELEMENTS(tb), tb))
        return FALSE;
    if (tb[WGALLOWEDIP_A_IPADDR] == NULL || tb[WGALLOWEDIP_A_CIDR_MASK] == NULL)
        return FALSE;

    family = adit_attr_u16(tb[WGALLOWEDIP_A_FAMILY]);
    bytes = adit_attr_data(tb[WGALLOWEDIP_A_IPADDR], &len);
    if (!(family == AF_INET && len == 4) && !(family == AF_INET6 && len == 16))
        return FALSE;
    prefix.addr = adit_addr_from_bytes(family, bytes);
    prefix.len = adit_attr_u8(tb[WGALLOWEDIP_A_CIDR_MASK]);
    if (prefix.len > adit_family_bits(family))
        return FALSE;
    adit_wg_peer_allow(data, &prefix);
    return TRUE;
}

static void
get_key(const struct nlattr *attr, AditKey *ret)
{
    gsize len;

    if (attr != NULL)
        memcpy(ret->bytes, adit_attr_data(attr, &len), WG_KEY_LEN);
}

static gboolean
get_peer(const struct nlattr *attr, gpointer data)
{
    const struct nlattr *tb[G_N_ELEMENTS(peer_types)];
    AditKey public_key;
    AditWgPeer *peer;

    if (!adit_attrs_parse_nested(attr, peer_types, G_N_ELEMENTS(tb), tb))
        return FALSE;
    if (tb[WGPEER_A_PUBLIC_KEY] == NULL)
        return FALSE;

    get_key(tb[WGPEER_A_PUBLIC_KEY], &public_key);
    peer = adit_wg_dump_peer(data, &public_key);
    get_key(tb[WGPEER_A_PRESHARED_KEY], &peer->peer.preshared_key);
    if (tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] != NULL)
        peer->peer.keepalive = adit_attr_u16(tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
    if (tb[WGPEER_A_RX_BYTES] != NULL)
        peer->status.rx_bytes = adit_attr_u64(tb[WGPEER_A_RX_BYTES]);
    if (tb[WGPEER_A_TX_BYTES] != NULL)
        peer->status.tx_bytes = adit_attr_u64(tb[WGPEER_A_TX_BYTES]);
    if (tb[WGPEER_A_LAST_HANDSHAKE_TIME] != NULL &&
        !get_handshake(tb[WGPEER_A_LAST_HANDSHAKE_TIME], &peer->status))
        return FALSE;
    if (tb[WGPEER_A_ENDPOINT] != NULL &&
        !get_endpoint(tb[WGPEER_A_ENDPOINT], &peer->status.endpoint))
        return FALSE;
    peer->peer.endpoint = peer->status.endpoint;
    return foreach_element(tb[WGPEER_A_ALLOWEDIPS], get_allowed, peer);
}

/* linux/wireguard.h promises the name in every message; the kernel leaves it out of all but
 * the first (seen on 6.1). */
static gboolean
is_of(const struct nlattr *name, const AditWgDump *dump)
{
    gsize len;

    if (name == NULL)
        return dump->peers->len > 0;
    return strcmp(adit_attr_data(name, &len), dump->device.link) == 0;
}

gboolean
adit_wg_get(const struct nlmsghdr *nlh, AditWgDump *dump)
{
    const struct nlattr *tb[G_N_ELEMENTS(device_types)];

    if (!adit_attrs_parse_msg(nlh, GENL_HDRLEN, device_types, G_N_ELEMENTS(tb), tb))
        return FALSE;
    if (!is_of(tb[WGDEVICE_A_IFNAME], dump))
        return FALSE;

    get_key(tb[WGDEVICE_A_PRIVATE_KEY], &dump->device.private_key);
    if (tb[WGDEVICE_A_LISTEN_PORT] != NULL)
        dump->device.listen_port = adit_attr_u16(tb[WGDEVICE_A_LISTEN_PORT]);
    if (tb[WGDEVICE_A_FWMARK] != NULL)
        dump->device.fwmark = adit_attr_u32(tb[WGDEVICE_A_FWMARK]);
    return foreach_element(tb[WGDEVICE_A_PEERS], get_peer, dump);
}
