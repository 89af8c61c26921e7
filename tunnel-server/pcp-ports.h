/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/pcp-answer.h"

/* Which outside port a device can have, and who is in its way. */

typedef enum {
    ADIT_PCP_PORT_FREE,
    ADIT_PCP_PORT_HELD,      /* by a lease */
    ADIT_PCP_PORT_RECYCLING, /* somebody else's until a moment ago */
    ADIT_PCP_PORT_MANUAL,
    ADIT_PCP_PORT_RESERVED,
} AditPcpPortState;

typedef struct {
    guint8 proto;
    AditSockAddr external; /* port 0: any */
    gint64 device;         /* who asks */
    guint16 size;          /* of a row of ports; 0 and 1: a single one */
    gboolean parity;       /* odd or even like the inside port */
} AditPcpPort;

typedef struct {
    AditPcpPortState state;
    guint16 port;       /* the first */
    guint16 size;       /* fewer than asked for, if no row is that long */
    guint32 lifetime;   /* not free: seconds after which asking again has a point */
    const char *holder; /* not free: who, in words */
} AditPcpVerdict;

/* One port. */
AditPcpVerdict adit_pcp_port_look(const AditPcpDesk *desk, const AditPcpPort *port);
/* The port (or row of them) that is asked for, else @internal, else another one; @exactly: else
 * none. */
AditPcpVerdict adit_pcp_port_choose(const AditPcpDesk *desk, const AditPcpPort *port,
                                    guint16 internal, gboolean exactly);
/* What becomes of the redirect that @lease asks for. */
AditPcpRedirectStatus adit_pcp_redirect_status(const AditPcpDesk *desk, const AditLease *lease);
