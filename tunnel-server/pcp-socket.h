/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/udp.h"

/* The PCP server's two sockets: bound to the tunnel's device, so that nothing answers on the
 * WAN, and opened anew when the device has become another one: a socket stays with the old
 * number, deaf. */

typedef struct _AditPcpSockets AditPcpSockets;

/* Something has arrived. */
typedef void (*AditPcpSocketsFunc)(gpointer data);

AditPcpSockets *adit_pcp_sockets_new(const char *device, AditPcpSocketsFunc func,
                                     gpointer data);
/* Opens what is not open on the device as it is now; closes both when there is none. Happens by
 * itself when the kernel tells of links. */
void adit_pcp_sockets_check(AditPcpSockets *sockets);
/* Counts the devices there were: another one knows no peers yet. */
guint adit_pcp_sockets_generation(const AditPcpSockets *sockets);
/* NULL: closed. @family: AF_INET or AF_INET6. */
AditUdp *adit_pcp_sockets_get(AditPcpSockets *sockets, guint8 family);
void adit_pcp_sockets_free(AditPcpSockets *sockets);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpSockets, adit_pcp_sockets_free)
