/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/wire/msg.h"

/* Conntrack entries over ctnetlink: the flows the kernel knows. */

/* One direction of a flow. ICMP has no ports, but a type, a code and an id. */
typedef struct {
    guint8 proto;
    AditAddr src, dst;
    guint16 sport, dport;
    guint8 icmp_type, icmp_code;
    guint16 icmp_id;
} AditFlowTuple;

typedef struct {
    AditFlowTuple original, reply;
    guint32 mark;
    guint32 status; /* IPS_... */
    guint32 id;     /* tells an entry from a later one of the same tuple */
    guint16 zone;
} AditFlow;

/* Which flows; every unset member means any. */
typedef struct {
    guint8 family;
    guint32 mark, mask; /* mask 0: any */
    gboolean by_zone;
    guint16 zone;
    guint8 proto;
    AditSockAddr dst; /* where the first packet went, before NAT; port 0: any */
} AditFlowFilter;

/* The request of a dump. The kernel filters what it can; check each with
 * adit_flow_matches(). */
void adit_flow_put_dump(AditMsg *m, const AditFlowFilter *filter);
/* Exactly this entry; ENOENT if it is gone, or another flow has taken its tuple. */
void adit_flow_put_delete(AditMsg *m, const AditFlow *flow);
/* Ends it, and sets @bits in its mark, by which it is known from now on: TCP counts as closed,
 * so that a SYN of the same ports begins another. Of a tuple; the kernel does not ask which. */
void adit_flow_put_end(AditMsg *m, const AditFlow *flow, guint32 bits);
/* Takes the bits away again. What TCP there was is over. */
void adit_flow_put_reopen(AditMsg *m, const AditFlow *flow, guint32 bits);
/* FALSE: not a conntrack entry, or one that makes no sense. */
gboolean adit_flow_get(const struct nlmsghdr *nlh, AditFlow *ret);
gboolean adit_flow_matches(const AditFlow *flow, const AditFlowFilter *filter);
int adit_flow_tuple_cmp(const AditFlowTuple *a, const AditFlowTuple *b);
/* "tcp 198.51.100.9:40000 > 203.0.113.7:443" */
char *adit_flow_to_string(const AditFlow *flow);
