/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp-ask.h"

#include "libadit/core/bytes.h"
#include "libadit/core/error.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Behind the header of pcp.c:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------------------------------------------------------+
 *   |                        Nonce (96 bits)                        |
 *   +---------------------------------------------------------------+
 *   |                            "ADIT"                             |
 *   +---------------+---------------+-------------------------------+
 *   |     Kind      |   Form = 1    |           Reserved            |
 *   +---------------+---------------+-------------------------------+
 *   :                    Payload, 116 octets                        :
 *
 * Payload of a ROTATE, either way: the key, 32 octets. Of a PORT: protocol 1, 4 or 6, port
 * 2. Of an ADDRESS and of a PORT that is answered: see site_put() and port_put(). The rest is
 * zero, and is not looked at: a later adit may have more to say. */

#define REPLY_BIT 0x80
#define NONCE ADIT_PCP_HEADER
#define MAGIC (NONCE + ADIT_PCP_NONCE)
#define KIND (MAGIC + 4)
#define FORM (KIND + 1)
#define PAYLOAD (KIND + 4)

#define FLAG_ROTATE 1

static const guint8 magic[4] = { 'A', 'D', 'I', 'T' };

gboolean
adit_ask_site_equal(const AditAskSite *a, const AditAskSite *b)
{
    return adit_addr_cmp(&a->addr4, &b->addr4) == 0 &&
           adit_addr_cmp(&a->addr6, &b->addr6) == 0 &&
           adit_addr_cmp(&a->server4, &b->server4) == 0 &&
           adit_addr_cmp(&a->server6, &b->server6) == 0 &&
           adit_prefix_cmp(&a->net6, &b->net6) == 0 &&
           adit_prefix_cmp(&a->old6, &b->old6) == 0 && adit_key_cmp(&a->key, &b->key) == 0 &&
           a->rotate == b->rotate;
}

gboolean
adit_ask_is_one(const guint8 *bytes, gsize len)
{
    return len >= ADIT_PCP_HEADER && bytes[0] == ADIT_PCP_VERSION &&
           (bytes[1] & ~REPLY_BIT) == ADIT_PCP_ASK;
}

static gboolean
has_form(const guint8 *bytes, gsize len)
{
    return len == ADIT_PCP_ASK_LEN && memcmp(bytes + MAGIC, magic, sizeof(magic)) == 0 &&
           bytes[FORM] == 1;
}

/* @ret: zeros, but for what is told apart by the kinds. */
static void
head_put(const guint8 nonce[ADIT_PCP_NONCE], AditAskKind kind, guint8 *ret)
{
    ret[0] = ADIT_PCP_VERSION;
    ret[1] = ADIT_PCP_ASK;
    memcpy(ret + NONCE, nonce, ADIT_PCP_NONCE);
    memcpy(ret + MAGIC, magic, sizeof(magic));
    ret[KIND] = (guint8)kind;
    ret[FORM] = 1;
}

AditPcpResult
adit_ask_decode(const guint8 *bytes, gsize len, const AditAddr *source, AditAsk *ret)
{
    AditAsk ask = { 0 };

    if (bytes[1] & REPLY_BIT)
        return ADIT_PCP_SILENCE;
    if (!has_form(bytes, len))
        return ADIT_PCP_MALFORMED_REQUEST;
    if (bytes[KIND] == ADIT_ASK_NOTICE || bytes[KIND] > ADIT_ASK_LAST)
        return ADIT_PCP_UNSUPP_OPCODE;
    memcpy(ask.nonce, bytes + NONCE, ADIT_PCP_NONCE);
    ask.kind = bytes[KIND];
    ask.client = adit_addr_from_mapped(bytes + 8);
    if (ask.kind == ADIT_ASK_ROTATE)
        memcpy(ask.key.bytes, bytes + PAYLOAD, ADIT_KEY_LEN);
    if (ask.kind == ADIT_ASK_ROTATE && adit_key_is_zero(&ask.key))
        return ADIT_PCP_MALFORMED_REQUEST;
    if (ask.kind == ADIT_ASK_PORT) {
        ask.proto = bytes[PAYLOAD];
        ask.family = bytes[PAYLOAD + 1] == 4 ? AF_INET : bytes[PAYLOAD + 1] == 6 ? AF_INET6 : 0;
        ask.port = adit_get_be16(bytes + PAYLOAD + 2);
    }
    if (ask.kind == ADIT_ASK_PORT && (ask.port == 0 || ask.family == 0 ||
                                      (ask.proto != IPPROTO_TCP && ask.proto != IPPROTO_UDP)))
        return ADIT_PCP_MALFORMED_REQUEST;
    if (adit_addr_cmp(&ask.client, source) != 0)
        return ADIT_PCP_ADDRESS_MISMATCH;
    *ret = ask;
    return ADIT_PCP_SUCCESS;
}

gsize
adit_ask_encode(const AditAsk *ask, guint8 ret[ADIT_PCP_MAX])
{
    memset(ret, 0, ADIT_PCP_ASK_LEN);
    head_put(ask->nonce, ask->kind, ret);
    adit_addr_to_mapped(&ask->client, ret + 8);
    if (ask->kind == ADIT_ASK_ROTATE)
        memcpy(ret + PAYLOAD, ask->key.bytes, ADIT_KEY_LEN);
    if (ask->kind == ADIT_ASK_PORT) {
        ret[PAYLOAD] = ask->proto;
        ret[PAYLOAD + 1] = ask->family == AF_INET6 ? 6 : 4;
        adit_put_be16(ret + PAYLOAD + 2, ask->port);
    }
    return ADIT_PCP_ASK_LEN;
}

/* flags 1, length of net6 1, length of old6 1, reserved 1, addr4 4, server4 4, addr6 16,
 * server6 16, network of old6 16, old_left 4, key 32: 96 octets. The network that addr6 is of
 * is addr6 cut to its length. */
static void
site_put(const AditAskSite *site, guint8 *at)
{
    at[0] = site->rotate ? FLAG_ROTATE : 0;
    at[1] = site->net6.len;
    at[2] = site->old6.len;
    memcpy(at + 4, site->addr4.bytes, 4);
    memcpy(at + 8, site->server4.bytes, 4);
    memcpy(at + 12, site->addr6.bytes, 16);
    memcpy(at + 28, site->server6.bytes, 16);
    memcpy(at + 44, site->old6.addr.bytes, 16);
    adit_put_be32(at + 60, site->old_left);
    memcpy(at + 64, site->key.bytes, ADIT_KEY_LEN);
}

static AditPrefix
network_at(const guint8 *bytes, guint8 len)
{
    const AditAddr addr = adit_addr_from_bytes(AF_INET6, bytes);
    const AditPrefix prefix = adit_prefix_make(&addr, len);

    return adit_prefix_network(&prefix);
}

static gboolean
site_get(const guint8 *at, AditAskSite *ret)
{
    if (at[1] > 128 || at[2] > 128)
        return FALSE;
    ret->rotate = (at[0] & FLAG_ROTATE) != 0;
    ret->addr4 = adit_addr_from_bytes(AF_INET, at + 4);
    ret->server4 = adit_addr_from_bytes(AF_INET, at + 8);
    if (at[1] > 0) {
        ret->addr6 = adit_addr_from_bytes(AF_INET6, at + 12);
        ret->server6 = adit_addr_from_bytes(AF_INET6, at + 28);
        ret->net6 = network_at(at + 12, at[1]);
    }
    if (at[2] > 0) {
        ret->old6 = network_at(at + 44, at[2]);
        ret->old_left = adit_get_be32(at + 60);
    }
    memcpy(ret->key.bytes, at + 64, ADIT_KEY_LEN);
    return TRUE;
}

/* state 1, reserved 1, outside port 2, packets in 8, packets out 8, who drops it 64, in
 * printable ASCII and zeros: 84 octets. */
static void
port_put(const AditAskPort *port, guint8 *at)
{
    at[0] = (guint8)port->state;
    adit_put_be16(at + 2, port->external.port);
    adit_put_be32(at + 4, (guint32)(port->packets_in >> 32));
    adit_put_be32(at + 8, (guint32)port->packets_in);
    adit_put_be32(at + 12, (guint32)(port->packets_out >> 32));
    adit_put_be32(at + 16, (guint32)port->packets_out);
    memcpy(at + 20, port->drop, strnlen(port->drop, ADIT_ASK_DROP_LEN - 1));
}

static guint64
get_be64(const guint8 *at)
{
    return (guint64)adit_get_be32(at) << 32 | adit_get_be32(at + 4);
}

static gboolean
port_get(const guint8 *at, AditAskPort *ret)
{
    const char *drop = (const char *)at + 20;
    const gsize len = strnlen(drop, ADIT_ASK_DROP_LEN);

    if (at[0] > ADIT_ASK_PORT_DENIED || len == ADIT_ASK_DROP_LEN)
        return FALSE;
    for (gsize i = 0; i < len; i++)
        if (!g_ascii_isprint(drop[i]))
            return FALSE;
    ret->state = at[0];
    ret->external.port = adit_get_be16(at + 2);
    ret->packets_in = get_be64(at + 4);
    ret->packets_out = get_be64(at + 12);
    memcpy(ret->drop, drop, len);
    return TRUE;
}

gsize
adit_ask_reply_encode(const AditAskReply *reply, guint8 ret[ADIT_PCP_MAX])
{
    memset(ret, 0, ADIT_PCP_ASK_LEN);
    head_put(reply->nonce, reply->kind, ret);
    ret[1] |= REPLY_BIT;
    ret[3] = reply->result;
    adit_put_be32(ret + 4, reply->lifetime);
    adit_put_be32(ret + 8, reply->epoch);
    if (reply->result != ADIT_PCP_SUCCESS)
        return ADIT_PCP_ASK_LEN;
    switch (reply->kind) {
    case ADIT_ASK_NOTICE: break;
    case ADIT_ASK_ADDRESS: site_put(&reply->site, ret + PAYLOAD); break;
    case ADIT_ASK_ROTATE: memcpy(ret + PAYLOAD, reply->key.bytes, ADIT_KEY_LEN); break;
    case ADIT_ASK_PORT: port_put(&reply->port, ret + PAYLOAD); break;
    }
    return ADIT_PCP_ASK_LEN;
}

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "in-band reply: %s", what);
    return FALSE;
}

/* A server that does not know the opcode sends the request back, whose kind and nonce stand
 * where ours are. */
gboolean
adit_ask_reply_decode(const guint8 *bytes, gsize len, AditAskReply *ret, GError **error)
{
    AditAskReply reply = { 0 };

    if (!adit_ask_is_one(bytes, len) || !(bytes[1] & REPLY_BIT))
        return refuse(error, "not one");
    if (!has_form(bytes, len))
        return refuse(error, "of another length or form");
    if (bytes[KIND] > ADIT_ASK_LAST)
        return refuse(error, "of a kind that was never asked for");
    memcpy(reply.nonce, bytes + NONCE, ADIT_PCP_NONCE);
    reply.kind = bytes[KIND];
    reply.result = bytes[3];
    reply.lifetime = adit_get_be32(bytes + 4);
    reply.epoch = adit_get_be32(bytes + 8);
    if (reply.result == ADIT_PCP_SUCCESS && reply.kind == ADIT_ASK_ADDRESS &&
        !site_get(bytes + PAYLOAD, &reply.site))
        return refuse(error, "a prefix longer than an address");
    if (reply.result == ADIT_PCP_SUCCESS && reply.kind == ADIT_ASK_PORT &&
        !port_get(bytes + PAYLOAD, &reply.port))
        return refuse(error, "a port in no state that there is");
    if (reply.result == ADIT_PCP_SUCCESS && reply.kind == ADIT_ASK_ROTATE)
        memcpy(reply.key.bytes, bytes + PAYLOAD, ADIT_KEY_LEN);
    *ret = reply;
    return TRUE;
}

gboolean
adit_ask_reply_answers(const AditAskReply *reply, const AditAsk *ask)
{
    return reply->kind == ask->kind && memcmp(reply->nonce, ask->nonce, ADIT_PCP_NONCE) == 0 &&
           (reply->kind != ADIT_ASK_ROTATE || reply->result != ADIT_PCP_SUCCESS ||
            adit_key_equal(&reply->key, &ask->key));
}
