/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/dialect.h"

#include "libadit/core/natpmp.h"

#include <netinet/in.h>

const char *
adit_dialect_name(AditDialect dialect)
{
    switch (dialect) {
    case ADIT_DIALECT_PCP: return "PCP";
    case ADIT_DIALECT_NATPMP: return "NAT-PMP";
    }
    g_assert_not_reached();
}

gboolean
adit_dialect_has(AditDialect dialect, guint8 protocol)
{
    return dialect == ADIT_DIALECT_PCP || protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

static gsize
put_natpmp(const AditPcpRequest *request, guint8 *ret)
{
    const AditPcpBody *body = &request->body;
    AditNatpmpRequest old = { .opcode = ADIT_NATPMP_ADDRESS };

    if (request->opcode == ADIT_PCP_MAP) {
        old.opcode = body->protocol == IPPROTO_TCP ? ADIT_NATPMP_MAP_TCP : ADIT_NATPMP_MAP_UDP;
        old.internal_port = body->internal_port;
        old.external_port = body->external_port;
        old.lifetime = request->lifetime;
    }
    return adit_natpmp_request_encode(&old, ret);
}

gsize
adit_dialect_put(AditDialect dialect, const AditPcpRequest *request, guint8 ret[ADIT_PCP_MAX])
{
    switch (dialect) {
    case ADIT_DIALECT_PCP: return adit_pcp_request_encode(request, ret);
    case ADIT_DIALECT_NATPMP: return put_natpmp(request, ret);
    }
    g_assert_not_reached();
}

static guint8
result_from_natpmp(guint code)
{
    static const guint8 codes[] = {
        ADIT_PCP_SUCCESS,         ADIT_PCP_UNSUPP_VERSION, ADIT_PCP_NOT_AUTHORIZED,
        ADIT_PCP_NETWORK_FAILURE, ADIT_PCP_NO_RESOURCES,   ADIT_PCP_UNSUPP_OPCODE,
    };

    /* What nobody defined stays unknown: 255 is no code of PCP's either. */
    return code < G_N_ELEMENTS(codes) ? codes[code] : 255;
}

static gboolean
get_natpmp(const guint8 *bytes, gsize len, AditPcpReply *ret, GError **error)
{
    AditNatpmpReply old;

    if (!adit_natpmp_reply_decode(bytes, len, &old, error))
        return FALSE;

    memset(ret, 0, sizeof(*ret));
    ret->result = result_from_natpmp(old.result);
    ret->epoch = old.epoch;
    ret->lifetime = old.result == ADIT_NATPMP_SUCCESS ? old.lifetime : 0;
    ret->body.external = old.external;
    ret->opcode = old.opcode == ADIT_NATPMP_ADDRESS ? ADIT_PCP_ANNOUNCE : ADIT_PCP_MAP;
    if (old.opcode != ADIT_NATPMP_ADDRESS) {
        ret->body.protocol = old.opcode == ADIT_NATPMP_MAP_TCP ? IPPROTO_TCP : IPPROTO_UDP;
        ret->body.internal_port = old.internal_port;
        ret->body.external_port = old.external_port;
    }
    return TRUE;
}

/* A PCP server that knows no NAT-PMP says so with a header and no more: our request was shorter
 * than a body. */
static gboolean
is_newer_only(const guint8 *bytes, gsize len)
{
    return len >= ADIT_PCP_HEADER && bytes[0] == ADIT_PCP_VERSION && (bytes[1] & 0x80) &&
           bytes[3] == ADIT_PCP_UNSUPP_VERSION;
}

gboolean
adit_dialect_get(AditDialect dialect, const guint8 *bytes, gsize len, AditPcpReply *ret,
                 GError **error)
{
    if (dialect == ADIT_DIALECT_PCP)
        return adit_pcp_reply_decode(bytes, len, ret, error);
    if (is_newer_only(bytes, len)) {
        memset(ret, 0, sizeof(*ret));
        ret->version = ADIT_PCP_VERSION;
        ret->opcode = bytes[1] & 0x7f;
        ret->result = ADIT_PCP_UNSUPP_VERSION;
        return TRUE;
    }
    if (len > 0 && bytes[0] == ADIT_PCP_VERSION)
        return adit_pcp_reply_decode(bytes, len, ret, error);
    return get_natpmp(bytes, len, ret, error);
}
