/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/lease.h"
#include "tunnel-server/pcp-site.h"

/* What a PCP request of a device leads to: an answer, and perhaps a change in the table of
 * leases. No socket, clock or dice in here. */

typedef struct {
    const AditServerSettings *rules;
    const AditPcpSite *site;
    AditLeaseTable *table;
    gint64 now_ms; /* of the boot clock */
    guint32 epoch;
    guint32 dice;  /* where the search for a free port begins */
    gint64 wall_s; /* since 1970 */
} AditPcpDesk;

/* Why a port was refused, for the operator. */
typedef struct {
    guint8 proto;
    AditSockAddr external;
    const char *holder; /* in words; NULL: nothing was refused. Valid while the site is */
} AditPcpRefusal;

extern const AditPcpOffer adit_pcp_server_offer;

/* A request that was decoded, from @host. @ret_refusal may be NULL. */
void adit_pcp_answer(const AditPcpDesk *desk, const AditPcpHost *host,
                     const AditPcpRequest *request, AditPcpReply *ret,
                     AditPcpRefusal *ret_refusal);
