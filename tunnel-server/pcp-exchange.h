/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/natpmp.h"
#include "tunnel-server/pcp-ask.h"

/* One packet of a device and what goes back, PCP or NAT-PMP. In two halves, because an answer
 * goes out after the kernel has done what it says. Pure. */

typedef struct {
    guint8 version; /* 2: PCP, 0: NAT-PMP */
    AditPcpReply reply;
    guint8 natpmp_opcode;
    gboolean is_ask, is_change; /* neither PCP nor NAT-PMP: see pcp-ask.h */
    AditAskReply ask;
    AditSockAddr external; /* of the mapping that was granted; unset: none was */
    guint16 size;          /* ports in a row from there on */
    AditPcpRefusal refusal;
    gsize len; /* of @bytes: an error that needs nothing of the above; 0: none */
    guint8 bytes[ADIT_PCP_MAX];
} AditPcpExchange;

/* FALSE: there is no answer. */
gboolean adit_pcp_exchange_begin(const AditPcpDesk *desk, const AditPcpHost *host,
                                 const guint8 *bytes, gsize len, AditPcpExchange *ret);
/* The kernel has refused the mapping. */
void adit_pcp_exchange_fail(AditPcpExchange *exchange);
/* The octets of the answer, which are then in @exchange->bytes. */
gsize adit_pcp_exchange_end(AditPcpExchange *exchange);
