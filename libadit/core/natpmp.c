/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/natpmp.h"

#include "libadit/core/bytes.h"
#include "libadit/core/error.h"
#include "libadit/core/pcp-result.h"

#include <sys/socket.h>

#define REPLY_BIT 0x80
#define ADDRESS_REQUEST 2
#define MAP_REQUEST 12
#define HEADER 8 /* all there is of an answer to an unknown opcode */
#define ADDRESS_REPLY 12
#define MAP_REPLY 16

static gboolean
is_map(guint8 opcode)
{
    return opcode == ADIT_NATPMP_MAP_UDP || opcode == ADIT_NATPMP_MAP_TCP;
}

static gboolean
is_known(guint8 opcode)
{
    return opcode == ADIT_NATPMP_ADDRESS || is_map(opcode);
}

const char *
adit_natpmp_result_name(guint code)
{
    static const char *const names[] = {
        "SUCCESS",         "UNSUPP_VERSION", "NOT_AUTHORIZED",
        "NETWORK_FAILURE", "NO_RESOURCES",   "UNSUPP_OPCODE",
    };

    return code < G_N_ELEMENTS(names) ? names[code] : "UNKNOWN";
}

AditNatpmpResult
adit_natpmp_result_from_pcp(guint code)
{
    switch (code) {
    case ADIT_PCP_SUCCESS: return ADIT_NATPMP_SUCCESS;
    case ADIT_PCP_UNSUPP_VERSION: return ADIT_NATPMP_UNSUPP_VERSION;
    case ADIT_PCP_UNSUPP_OPCODE: return ADIT_NATPMP_UNSUPP_OPCODE;
    case ADIT_PCP_NETWORK_FAILURE: return ADIT_NATPMP_NETWORK_FAILURE;
    case ADIT_PCP_NO_RESOURCES:
    case ADIT_PCP_USER_EX_QUOTA:
    case ADIT_PCP_CANNOT_PROVIDE_EXTERNAL: return ADIT_NATPMP_NO_RESOURCES;
    default: return ADIT_NATPMP_NOT_AUTHORIZED; /* a number off the wire: all the others */
    }
}

/* RFC 6886 sections 3.2 and 3.3; the first two octets are the whole of an address request:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   |  Version = 0  |    Opcode     |           Reserved            |
 *   +---------------+---------------+-------------------------------+
 *   |         Internal port         |    Suggested external port    |
 *   +-------------------------------+-------------------------------+
 *   |                      Requested lifetime                       |
 *   +---------------------------------------------------------------+
 */
AditNatpmpResult
adit_natpmp_request_decode(const guint8 *bytes, gsize len, AditNatpmpRequest *ret)
{
    AditNatpmpRequest request = { 0 };

    if (len < ADDRESS_REQUEST || (bytes[1] & REPLY_BIT))
        return ADIT_NATPMP_SILENCE;
    request.opcode = bytes[1];
    if (bytes[0] != 0 || !is_known(request.opcode)) {
        *ret = request;
        return bytes[0] != 0 ? ADIT_NATPMP_UNSUPP_VERSION : ADIT_NATPMP_UNSUPP_OPCODE;
    }
    /* No code says "malformed" here, and a wrong length is nobody's honest request. */
    if (len != (is_map(request.opcode) ? MAP_REQUEST : ADDRESS_REQUEST))
        return ADIT_NATPMP_SILENCE;

    if (is_map(request.opcode)) {
        request.internal_port = adit_get_be16(bytes + 4);
        request.external_port = adit_get_be16(bytes + 6);
        request.lifetime = adit_get_be32(bytes + 8);
    }
    *ret = request;
    return ADIT_NATPMP_SUCCESS;
}

gsize
adit_natpmp_request_encode(const AditNatpmpRequest *request, guint8 ret[ADIT_NATPMP_MAX])
{
    memset(ret, 0, ADIT_NATPMP_MAX);
    ret[1] = request->opcode;
    if (!is_map(request->opcode))
        return ADDRESS_REQUEST;

    adit_put_be16(ret + 4, request->internal_port);
    adit_put_be16(ret + 6, request->external_port);
    adit_put_be32(ret + 8, request->lifetime);
    return MAP_REQUEST;
}

/* RFC 6886 sections 3.2 and 3.3; an address reply ends with the external address in the third
 * word, and is the announcement of section 3.2.1 as well:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   |  Version = 0  | 128 + Opcode  |          Result code          |
 *   +---------------+---------------+-------------------------------+
 *   |                          Epoch time                           |
 *   +-------------------------------+-------------------------------+
 *   |         Internal port         |     Mapped external port      |
 *   +-------------------------------+-------------------------------+
 *   |                           Lifetime                            |
 *   +---------------------------------------------------------------+
 */
gsize
adit_natpmp_reply_encode(const AditNatpmpReply *reply, guint8 ret[ADIT_NATPMP_MAX])
{
    memset(ret, 0, ADIT_NATPMP_MAX);
    ret[1] = reply->opcode | REPLY_BIT;
    adit_put_be16(ret + 2, reply->result);
    adit_put_be32(ret + 4, reply->epoch);
    if (is_map(reply->opcode)) {
        adit_put_be16(ret + 8, reply->internal_port);
        adit_put_be16(ret + 10, reply->external_port);
        adit_put_be32(ret + 12, reply->lifetime);
        return MAP_REPLY;
    }
    if (reply->opcode == ADIT_NATPMP_ADDRESS) {
        if (reply->external.family == AF_INET)
            memcpy(ret + 8, reply->external.bytes, 4);
        return ADDRESS_REPLY;
    }
    return HEADER;
}

static gsize
reply_size(guint8 opcode)
{
    if (is_map(opcode))
        return MAP_REPLY;
    return opcode == ADIT_NATPMP_ADDRESS ? ADDRESS_REPLY : HEADER;
}

gboolean
adit_natpmp_reply_decode(const guint8 *bytes, gsize len, AditNatpmpReply *ret, GError **error)
{
    AditNatpmpReply reply = { 0 };
    gsize want;

    if (len < HEADER || bytes[0] != 0 || !(bytes[1] & REPLY_BIT)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "NAT-PMP reply: %" G_GSIZE_FORMAT " octets: not a reply", len);
        return FALSE;
    }
    reply.opcode = bytes[1] & ~REPLY_BIT;
    reply.result = adit_get_be16(bytes + 2);
    reply.epoch = adit_get_be32(bytes + 4);
    want = reply_size(reply.opcode);
    if (len != want || (reply.result == ADIT_NATPMP_SUCCESS && !is_known(reply.opcode))) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "NAT-PMP reply: opcode %u, %" G_GSIZE_FORMAT " octets: %" G_GSIZE_FORMAT
                    " expected",
                    reply.opcode, len, want);
        return FALSE;
    }

    if (is_map(reply.opcode)) {
        reply.internal_port = adit_get_be16(bytes + 8);
        reply.external_port = adit_get_be16(bytes + 10);
        reply.lifetime = adit_get_be32(bytes + 12);
    } else if (reply.opcode == ADIT_NATPMP_ADDRESS) {
        reply.external = adit_addr_from_bytes(AF_INET, bytes + 8);
    }
    *ret = reply;
    return TRUE;
}

gboolean
adit_natpmp_reply_answers(const AditNatpmpReply *reply, const AditNatpmpRequest *request)
{
    return reply->opcode == request->opcode &&
           (!is_map(reply->opcode) || reply->internal_port == request->internal_port);
}
