/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/wire/msg.h"

/* What listens on this machine: TCP sockets that listen, UDP sockets that are bound and
 * connected to nobody. */
typedef struct {
    guint8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    AditAddr addr;   /* 0.0.0.0 or :: for a wildcard */
    guint16 port;
    guint32 ifindex; /* of the device it is bound to; 0: any */
    gint8 v6only;    /* 1, 0, or -1: the kernel did not say; a wildcard with 0 takes IPv4 too */
    guint32 inode;   /* finds the process below /proc */
} AditListening;

/* The request of a dump: one family and one protocol at a time. */
void adit_listening_get_put(AditMsg *m, guint8 family, guint8 protocol);
/* One answer to it. FALSE: malformed, or not of a listening socket. */
gboolean adit_listening_get(const struct nlmsghdr *nlh, guint8 protocol, AditListening *ret);
int adit_listening_cmp(const AditListening *a, const AditListening *b);
