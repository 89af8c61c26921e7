/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libadit/sys/udp.h"

/* The way to one PCP server: a socket for requests, one for notices, a timer, and an ear for
 * links and addresses that come and go; all behind one descriptor. It needs no privilege. While
 * the device or the address is missing there is no way; it is found again by itself. */

typedef struct _AditPort AditPort;

typedef struct {
    const char *device; /* nothing comes or goes by another; NULL: any */
    AditAddr server;
    AditAddr own; /* to ask from; unset: what the kernel would answer the server from */
} AditPortConfig;

AditPort *adit_port_open(const AditPortConfig *config, GError **error);
/* Readable when something arrived, changed or is due. */
int adit_port_get_fd(const AditPort *port);
/* When to become readable by itself: milliseconds of CLOCK_BOOTTIME; G_MAXINT64: never. */
void adit_port_set_timer(AditPort *port, gint64 at);
/* Another address to ask from (unset: the kernel's choice), from the next look on. */
void adit_port_set_own(AditPort *port, const AditAddr *own);
/* Likewise another server, of the same family. */
void adit_port_set_server(AditPort *port, const AditAddr *server);
/* Takes in what the timer and the kernel have to say; TRUE: a look is called for. */
gboolean adit_port_is_stirred(AditPort *port);
/* Opens what can be opened and drops what no longer holds; TRUE: the sockets are new. */
gboolean adit_port_look(AditPort *port);
/* The address asked from; unset: no way at present. */
AditAddr adit_port_get_own(const AditPort *port);
/* Why there is no way, or no ear for notices; NULL. */
const GError *adit_port_get_error(const AditPort *port);
/* As adit_udp_receive(); @notice says which socket to read. -1: the server refused. */
int adit_port_receive(AditPort *port, gboolean notice, AditUdpPacket *ret, guint max);
/* 0, or why it could not go. */
int adit_port_send(AditPort *port, const guint8 *bytes, gsize len);
void adit_port_close(AditPort *port);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPort, adit_port_close)
