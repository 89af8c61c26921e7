/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/pcp.h"

#include "libadit/core/bytes.h"
#include "libadit/core/error.h"

#include <sys/socket.h>

#define REPLY_BIT 0x80
#define MAP_BODY 36
#define PEER_BODY 56
#define N_OPCODES 3

const AditPcpOffer adit_pcp_offer_all = {
    1u << ADIT_PCP_ANNOUNCE | 1u << ADIT_PCP_MAP | 1u << ADIT_PCP_PEER,
    ADIT_PCP_HAS_VALUES,
};

static gsize
body_size(guint8 opcode)
{
    static const gsize sizes[N_OPCODES] = { 0, MAP_BODY, PEER_BODY };

    g_assert(opcode < N_OPCODES);
    return sizes[opcode];
}

/* RFC 6887 sections 11.1 and 12.1, MAP; PEER adds the last two rows:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------------------------------------------------------+
 *   |                    Mapping nonce (96 bits)                    |
 *   +---------------+-----------------------------------------------+
 *   |   Protocol    |               Reserved (24 bits)              |
 *   +---------------+---------------+-------------------------------+
 *   |         Internal port         |         External port         |
 *   +-------------------------------+-------------------------------+
 *   |                 External address (128 bits)                   |
 *   +-------------------------------+-------------------------------+
 *   |       Remote peer port        |           Reserved            |
 *   +-------------------------------+-------------------------------+
 *   |                Remote peer address (128 bits)                 |
 *   +---------------------------------------------------------------+
 */
static void
body_get(const guint8 *at, guint8 opcode, AditPcpBody *ret)
{
    if (opcode == ADIT_PCP_ANNOUNCE)
        return;

    memcpy(ret->nonce, at, ADIT_PCP_NONCE);
    ret->protocol = at[12];
    ret->internal_port = adit_get_be16(at + 16);
    ret->external_port = adit_get_be16(at + 18);
    ret->external = adit_addr_from_mapped(at + 20);
    if (opcode == ADIT_PCP_PEER) {
        ret->remote_port = adit_get_be16(at + 36);
        ret->remote = adit_addr_from_mapped(at + 40);
    }
}

/* @at holds zeros. */
static void
body_put(const AditPcpBody *body, guint8 opcode, guint8 *at)
{
    if (opcode == ADIT_PCP_ANNOUNCE)
        return;

    memcpy(at, body->nonce, ADIT_PCP_NONCE);
    at[12] = body->protocol;
    adit_put_be16(at + 16, body->internal_port);
    adit_put_be16(at + 18, body->external_port);
    adit_addr_to_mapped(&body->external, at + 20);
    if (opcode == ADIT_PCP_PEER) {
        adit_put_be16(at + 36, body->remote_port);
        adit_addr_to_mapped(&body->remote, at + 40);
    }
}

/* Body and options behind the header that stands in @ret; the whole length, 0: no room. */
static gsize
finish(guint8 opcode, const AditPcpBody *body, const AditPcpOptions *options, guint8 *ret)
{
    gsize at = ADIT_PCP_HEADER + body_size(opcode);
    gssize n;

    body_put(body, opcode, ret + ADIT_PCP_HEADER);
    n = adit_pcp_options_encode(options, ret + at, ADIT_PCP_MAX - at);
    return n < 0 ? 0 : at + n;
}

/* The version before the length: it is what a speaker of another version needs to hear. */
static AditPcpResult
check_header(const guint8 *bytes, gsize len, const AditPcpOffer *offer)
{
    guint8 opcode;

    if (len < 2 || (bytes[1] & REPLY_BIT))
        return ADIT_PCP_SILENCE;
    if (bytes[0] != ADIT_PCP_VERSION)
        return ADIT_PCP_UNSUPP_VERSION;
    if (len < ADIT_PCP_HEADER || len > ADIT_PCP_MAX || len % 4 != 0)
        return ADIT_PCP_MALFORMED_REQUEST;

    opcode = bytes[1];
    if (opcode >= N_OPCODES || !(offer->opcodes & (1u << opcode)))
        return ADIT_PCP_UNSUPP_OPCODE;
    if (len < ADIT_PCP_HEADER + body_size(opcode))
        return ADIT_PCP_MALFORMED_REQUEST;
    return ADIT_PCP_SUCCESS;
}

/* What the parts of a request say of one another. */
static AditPcpResult
check_sense(const AditPcpRequest *request)
{
    const AditPcpBody *body = &request->body;
    const AditPcpOptions *options = &request->options;
    gboolean third_party = (options->has & ADIT_PCP_HAS_THIRD_PARTY) != 0;
    const AditAddr *internal = third_party ? &options->third_party : &request->client;

    /* All protocols have no ports in common. */
    if (request->opcode == ADIT_PCP_MAP && body->protocol == 0 && body->internal_port != 0)
        return ADIT_PCP_MALFORMED_REQUEST;
    if (third_party && adit_addr_cmp(&options->third_party, &request->client) == 0)
        return ADIT_PCP_MALFORMED_REQUEST;
    if (!adit_pcp_filters_suit(options, internal->family))
        return ADIT_PCP_MALFORMED_OPTION;
    /* Nothing is preferred. A deletion suggests nothing by rule, and nobody is harmed by it. */
    if ((options->has & ADIT_PCP_HAS_PREFER_FAILURE) && request->lifetime != 0 &&
        body->external_port == 0 && adit_addr_is_unspecified(&body->external))
        return ADIT_PCP_MALFORMED_OPTION;
    return ADIT_PCP_SUCCESS;
}

/* RFC 6887 section 7.1, a request:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+-+-------------+-------------------------------+
 *   |  Version = 2  |0|   Opcode    |           Reserved            |
 *   +---------------+-+-------------+-------------------------------+
 *   |                      Requested lifetime                       |
 *   +---------------------------------------------------------------+
 *   |                  Client address (128 bits)                    |
 *   +---------------------------------------------------------------+
 *   :                        Body, options                          :
 */
AditPcpResult
adit_pcp_request_decode(const guint8 *bytes, gsize len, const AditAddr *source,
                        const AditPcpOffer *offer, AditPcpRequest *ret)
{
    AditPcpResult result = check_header(bytes, len, offer);
    AditPcpOptionRule rule = { .offered = offer->options };
    AditPcpRequest request = { 0 };
    gsize at, where;

    if (result != ADIT_PCP_SUCCESS)
        return result;

    rule.opcode = request.opcode = bytes[1];
    request.lifetime = adit_get_be32(bytes + 4);
    request.client = adit_addr_from_mapped(bytes + 8);
    body_get(bytes + ADIT_PCP_HEADER, request.opcode, &request.body);
    if (adit_addr_cmp(&request.client, source) != 0)
        return ADIT_PCP_ADDRESS_MISMATCH;

    at = ADIT_PCP_HEADER + body_size(request.opcode);
    result = adit_pcp_options_decode(bytes + at, len - at, &rule, &request.options, &where);
    if (result == ADIT_PCP_SUCCESS)
        result = check_sense(&request);
    if (result == ADIT_PCP_SUCCESS)
        *ret = request;
    return result;
}

gsize
adit_pcp_request_encode(const AditPcpRequest *request, guint8 ret[ADIT_PCP_MAX])
{
    memset(ret, 0, ADIT_PCP_MAX);
    ret[0] = ADIT_PCP_VERSION;
    ret[1] = request->opcode;
    adit_put_be32(ret + 4, request->lifetime);
    adit_addr_to_mapped(&request->client, ret + 8);
    return finish(request->opcode, &request->body, &request->options, ret);
}

/* RFC 6887 section 7.2, a reply:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+-+-------------+---------------+---------------+
 *   |  Version = 2  |1|   Opcode    |   Reserved    |  Result code  |
 *   +---------------+-+-------------+---------------+---------------+
 *   |                           Lifetime                            |
 *   +---------------------------------------------------------------+
 *   |                          Epoch time                           |
 *   +---------------------------------------------------------------+
 *   |                      Reserved (96 bits)                       |
 *   +---------------------------------------------------------------+
 *   :                        Body, options                          :
 */
static void
reply_header_put(guint8 result, guint32 lifetime, guint32 epoch, guint8 *ret)
{
    ret[2] = 0;
    ret[3] = result;
    adit_put_be32(ret + 4, lifetime);
    adit_put_be32(ret + 8, epoch);
}

/* Where the request was understood, its client address gives way to zeros. Where it was not,
 * the last 96 bits of that field stay: they stand where the reserved bits of a reply do. */
static gboolean
was_parsed(guint8 result)
{
    return result != ADIT_PCP_UNSUPP_VERSION && result != ADIT_PCP_MALFORMED_REQUEST &&
           result != ADIT_PCP_UNSUPP_OPCODE && result != ADIT_PCP_MALFORMED_OPTION;
}

gsize
adit_pcp_failure_encode(const guint8 *request, gsize len, const AditPcpFailure *failure,
                        guint8 ret[ADIT_PCP_MAX])
{
    gsize kept = MIN(len, ADIT_PCP_MAX);

    g_assert(len >= 2); /* below that there is SILENCE */
    memset(ret, 0, ADIT_PCP_MAX);
    memcpy(ret, request, kept);
    ret[0] = ADIT_PCP_VERSION;
    ret[1] |= REPLY_BIT;
    reply_header_put(failure->result, failure->lifetime, failure->epoch, ret);
    if (was_parsed(failure->result))
        memset(ret + 12, 0, 12);
    return MAX((kept + 3) / 4 * 4, ADIT_PCP_HEADER);
}

void
adit_pcp_reply_init(const AditPcpRequest *request, AditPcpReply *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->version = ADIT_PCP_VERSION;
    ret->opcode = request->opcode;
    ret->body = request->body;
}

gsize
adit_pcp_reply_encode(const AditPcpReply *reply, guint8 ret[ADIT_PCP_MAX])
{
    memset(ret, 0, ADIT_PCP_MAX);
    ret[0] = reply->version;
    ret[1] = reply->opcode | REPLY_BIT;
    reply_header_put(reply->result, reply->lifetime, reply->epoch, ret);
    if (reply->version != ADIT_PCP_VERSION)
        return ADIT_PCP_HEADER;
    return finish(reply->opcode, &reply->body, &reply->options, ret);
}

/* Of a server that speaks another version only the offer is of interest. A NAT-PMP server has
 * its 16-bit result where ours has the reserved octet and the result. */
static gboolean
decode_offer(const guint8 *bytes, AditPcpReply *ret, GError **error)
{
    if (bytes[2] != 0 || bytes[3] != ADIT_PCP_UNSUPP_VERSION) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "PCP reply: version %u: cannot be read", bytes[0]);
        return FALSE;
    }
    memset(ret, 0, sizeof(*ret));
    ret->version = bytes[0];
    ret->opcode = bytes[1] & ~REPLY_BIT;
    ret->result = ADIT_PCP_UNSUPP_VERSION;
    return TRUE;
}

static gboolean
check_reply(const guint8 *bytes, gsize len, GError **error)
{
    guint8 opcode = bytes[1] & ~REPLY_BIT;

    if (len < ADIT_PCP_HEADER || len % 4 != 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "PCP reply: length %" G_GSIZE_FORMAT ": not a header and whole words", len);
        return FALSE;
    }
    if (opcode >= N_OPCODES) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "PCP reply: opcode %u: never asked for", opcode);
        return FALSE;
    }
    if (len < ADIT_PCP_HEADER + body_size(opcode)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "PCP reply: length %" G_GSIZE_FORMAT ": shorter than opcode %u needs", len,
                    opcode);
        return FALSE;
    }
    return TRUE;
}

/* Options of an error are the request's own, perhaps cut off: nothing to learn from them. */
static gboolean
decode_reply_options(const guint8 *bytes, gsize len, AditPcpReply *reply, GError **error)
{
    AditPcpOptionRule rule = { reply->opcode, TRUE, ADIT_PCP_HAS_VALUES };
    gsize at = ADIT_PCP_HEADER + body_size(reply->opcode);
    gsize where;

    if (reply->result != ADIT_PCP_SUCCESS)
        return TRUE;
    if (adit_pcp_options_decode(bytes + at, len - at, &rule, &reply->options, &where) ==
        ADIT_PCP_SUCCESS)
        return TRUE;

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                "PCP reply: option %u at octet %" G_GSIZE_FORMAT
                ": malformed, repeated or out of place",
                bytes[at + where], at + where);
    return FALSE;
}

gboolean
adit_pcp_reply_decode(const guint8 *bytes, gsize len, AditPcpReply *ret, GError **error)
{
    AditPcpReply reply = { .version = ADIT_PCP_VERSION };

    if (len < 4 || len > ADIT_PCP_MAX || !(bytes[1] & REPLY_BIT)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "PCP reply: %" G_GSIZE_FORMAT " octets: not a reply", len);
        return FALSE;
    }
    if (bytes[0] != ADIT_PCP_VERSION)
        return decode_offer(bytes, ret, error);
    if (!check_reply(bytes, len, error))
        return FALSE;

    reply.opcode = bytes[1] & ~REPLY_BIT;
    reply.result = bytes[3];
    reply.lifetime = adit_get_be32(bytes + 4);
    reply.epoch = adit_get_be32(bytes + 8);
    body_get(bytes + ADIT_PCP_HEADER, reply.opcode, &reply.body);
    if (!decode_reply_options(bytes, len, &reply, error))
        return FALSE;

    *ret = reply;
    return TRUE;
}

gboolean
adit_pcp_reply_answers(const AditPcpReply *reply, const AditPcpRequest *request)
{
    const AditPcpBody *a = &reply->body, *b = &request->body;

    if (reply->opcode != request->opcode)
        return FALSE;
    if (reply->version != ADIT_PCP_VERSION || reply->opcode == ADIT_PCP_ANNOUNCE)
        return TRUE;
    if (memcmp(a->nonce, b->nonce, ADIT_PCP_NONCE) != 0 || a->protocol != b->protocol ||
        a->internal_port != b->internal_port)
        return FALSE;
    return reply->opcode != ADIT_PCP_PEER ||
           (a->remote_port == b->remote_port && adit_addr_cmp(&a->remote, &b->remote) == 0);
}
