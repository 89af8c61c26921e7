/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libadit/core/inet.h"

/* A UDP socket of one family that knows which of its addresses a packet was sent to, and
 * answers from that address. Never blocks. */

#define ADIT_UDP_BATCH 32        /* packets a call takes or gives at most */
#define ADIT_UDP_PACKET_MAX 2048 /* octets; what is longer is cut */

typedef struct _AditUdp AditUdp;

typedef struct {
    guint8 family;
    const char *device; /* nothing comes or goes by another; NULL: any */
    guint32 mark;       /* 0: none */
    AditAddr local;     /* unset: every address */
    guint16 port;       /* 0: a random one */
    AditSockAddr peer;  /* address unset: any; else nobody else is heard */
    gboolean share;     /* several programs may hold the port */
} AditUdpConfig;

typedef struct {
    AditSockAddr peer;   /* in: from; out: to (ignored when the socket has a peer) */
    AditAddr local;      /* in: the address that was asked; out: to answer from, unset: any */
    guint ifindex;       /* in: arrived by; out: leaves by, 0: as the routes say */
    const guint8 *bytes; /* in: valid until the thread's next receive */
    gsize len;
    gboolean cut; /* in: it was longer than ADIT_UDP_PACKET_MAX */
    int error;    /* out: 0 sent, EAGAIN not tried for want of room, else why it was not */
} AditUdpPacket;

AditUdp *adit_udp_open(const AditUdpConfig *config, GError **error);
int adit_udp_get_fd(const AditUdp *udp);
guint16 adit_udp_get_port(const AditUdp *udp);
/* The address it is bound to, by itself or by its peer; unspecified: every one. */
AditAddr adit_udp_get_local(const AditUdp *udp);
/* At most @max (and ADIT_UDP_BATCH) packets; how many, 0 when none waits, -1 on failure. The
 * peer of a socket that has one may refuse: TIMEOUT, and the socket goes on. */
int adit_udp_receive(AditUdp *udp, AditUdpPacket *ret, guint max, GError **error);
/* How many of @n went out. One that cannot go (its peer is unknown to WireGuard, say) does not
 * hold back the others: each tells its own error. */
guint adit_udp_send(AditUdp *udp, AditUdpPacket *packets, guint n);
void adit_udp_close(AditUdp *udp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditUdp, adit_udp_close)
