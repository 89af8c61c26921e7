/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-exchange.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void
answer(const AditPcpDesk *desk, const AditPcpHost *host, const AditPcpRequest *request,
       AditPcpExchange *ret)
{
    adit_pcp_answer(desk, host, request, &ret->reply, &ret->refusal);
    if (request->opcode == ADIT_PCP_MAP && ret->reply.result == ADIT_PCP_SUCCESS) {
        ret->external.addr = host->external;
        ret->external.port = ret->reply.body.external_port;
        ret->size = MAX(ret->reply.options.port_set.size, 1);
    }
}

static gboolean
fail_with(const AditPcpDesk *desk, AditPcpResult result, const guint8 *bytes, gsize len,
          AditPcpExchange *ret)
{
    const AditPcpFailure failure = { (guint8)result, adit_pcp_error_lifetime(result),
                                     desk->epoch };

    if (result == ADIT_PCP_SILENCE)
        return FALSE;
    ret->len = adit_pcp_failure_encode(bytes, len, &failure, ret->bytes);
    return TRUE;
}

static gboolean
begin_ask(const AditPcpDesk *desk, const AditPcpHost *host, const guint8 *bytes, gsize len,
          AditPcpExchange *ret)
{
    AditAsk ask;
    const AditPcpResult result = adit_ask_decode(bytes, len, &host->addr, &ask);

    if (result != ADIT_PCP_SUCCESS)
        return fail_with(desk, result, bytes, len, ret);
    ret->is_ask = TRUE;
    ret->is_change = adit_pcp_ask_answer(desk, host, &ask, &ret->ask);
    return TRUE;
}

static gboolean
begin_pcp(const AditPcpDesk *desk, const AditPcpHost *host, const guint8 *bytes, gsize len,
          AditPcpExchange *ret)
{
    AditPcpRequest request;
    const AditPcpResult result =
        adit_pcp_request_decode(bytes, len, &host->addr, &adit_pcp_server_offer, &request);

    if (result != ADIT_PCP_SUCCESS)
        return fail_with(desk, result, bytes, len, ret);
    answer(desk, host, &request, ret);
    return TRUE;
}

static void
encode_natpmp(AditPcpExchange *exchange, const AditNatpmpReply *reply)
{
    exchange->len = adit_natpmp_reply_encode(reply, exchange->bytes);
}

/* A NAT-PMP mapping is a PCP one whose nonce is all zeros: so no PCP client takes it over, nor
 * the other way round. */
static AditPcpRequest
as_pcp(const AditNatpmpRequest *natpmp, const AditPcpHost *host)
{
    AditPcpRequest request = { .opcode = ADIT_PCP_MAP,
                               .lifetime = natpmp->lifetime,
                               .client = host->addr };

    request.body.protocol = natpmp->opcode == ADIT_NATPMP_MAP_TCP ? IPPROTO_TCP : IPPROTO_UDP;
    request.body.internal_port = natpmp->internal_port;
    request.body.external_port = natpmp->external_port;
    return request;
}

static gboolean
begin_natpmp(const AditPcpDesk *desk, const AditPcpHost *host, const guint8 *bytes, gsize len,
             AditPcpExchange *ret)
{
    AditNatpmpRequest request = { 0 };
    const AditNatpmpResult result = adit_natpmp_request_decode(bytes, len, &request);
    AditNatpmpReply reply = { .opcode = request.opcode,
                              .result = (guint16)result,
                              .epoch = desk->epoch,
                              .external = host->reported };
    AditPcpRequest pcp;

    if (result == ADIT_NATPMP_SILENCE)
        return FALSE;
    if (result == ADIT_NATPMP_SUCCESS && request.opcode != ADIT_NATPMP_ADDRESS) {
        pcp = as_pcp(&request, host);
        ret->natpmp_opcode = request.opcode;
        answer(desk, host, &pcp, ret);
        return TRUE;
    }
    if (result == ADIT_NATPMP_SUCCESS && !adit_addr_is_set(&reply.external))
        reply.result = ADIT_NATPMP_NETWORK_FAILURE;
    encode_natpmp(ret, &reply);
    return TRUE;
}

gboolean
adit_pcp_exchange_begin(const AditPcpDesk *desk, const AditPcpHost *host, const guint8 *bytes,
                        gsize len, AditPcpExchange *ret)
{
    memset(ret, 0, G_STRUCT_OFFSET(AditPcpExchange, bytes));
    ret->version = ADIT_PCP_VERSION;
    if (adit_ask_is_one(bytes, len))
        return begin_ask(desk, host, bytes, len, ret);
    if (len < 2 || bytes[0] != 0 || host->addr.family != AF_INET || !desk->rules->natpmp)
        return begin_pcp(desk, host, bytes, len, ret);
    ret->version = 0;
    return begin_natpmp(desk, host, bytes, len, ret);
}

void
adit_pcp_exchange_fail(AditPcpExchange *exchange)
{
    exchange->reply.result = ADIT_PCP_NETWORK_FAILURE;
    exchange->reply.lifetime = ADIT_PCP_ERROR_SHORT;
    memset(&exchange->reply.options, 0, sizeof(exchange->reply.options));
    memset(&exchange->external, 0, sizeof(exchange->external));
}

gsize
adit_pcp_exchange_end(AditPcpExchange *exchange)
{
    const AditPcpReply *reply = &exchange->reply;
    const AditNatpmpReply natpmp = { .opcode = exchange->natpmp_opcode,
                                     .result =
                                         (guint16)adit_natpmp_result_from_pcp(reply->result),
                                     .epoch = reply->epoch,
                                     .internal_port = reply->body.internal_port,
                                     .external_port = reply->lifetime > 0 && reply->result == 0
                                                          ? reply->body.external_port
                                                          : 0,
                                     .lifetime = reply->result == 0 ? reply->lifetime : 0 };

    if (exchange->len == 0 && exchange->is_ask)
        exchange->len = adit_ask_reply_encode(&exchange->ask, exchange->bytes);
    else if (exchange->len == 0 && exchange->version == 0)
        encode_natpmp(exchange, &natpmp);
    else if (exchange->len == 0)
        exchange->len = adit_pcp_reply_encode(reply, exchange->bytes);
    return exchange->len;
}
