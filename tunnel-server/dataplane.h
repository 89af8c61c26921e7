/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft.h"

/* The server's data path (DESIGN.md section 6): one table of constant rules, and the elements
 * that say what is open, to where, and who belongs together. */

#define ADIT_DATAPLANE_TABLE "adit_server"
#define ADIT_DATAPLANE_PCP_PORT 5351
/* Where adit-redirect listens on the tunnel's own addresses. */
#define ADIT_DATAPLANE_RESPONDER_PORT 8308

/* On the conntrack entry of a flow that lives by a mapping. Outside the client's marks, so that
 * a server can be a client of another one. */
#define ADIT_DATAPLANE_CT_MAPPED 0x80000000u
/* Besides: it was closed, and stays so. Forgotten, its device would begin it anew with what it
 * sends once more. */
#define ADIT_DATAPLANE_CT_ENDED 0x00800000u

/* One open port: v4 forward, v6 pinhole, or v6 forward to another port of the same device. */
typedef struct {
    guint8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
    AditSockAddr external;
    AditSockAddr internal; /* the same as external: accepted without translation */
    guint64 timeout_ms;    /* 0: until it is taken away */
    guint64 expires_ms;    /* 0: the whole timeout is ahead */
    const guint8 *user;    /* kept with the mapping in the kernel (device, nonce) */
    guint8 user_len;
    guint32 connections; /* at once; 0: no limit */
} AditDataplaneMapping;

/* @device_limits: with what adit_dataplane_add_device_limit() needs. */
const AditNftBlueprint *adit_dataplane_blueprint(gboolean device_limits);

/* Elements of one thing each, added to @state (unsealed). */
void adit_dataplane_add_tunnel(AditState *state, const char *ifname);
/* Devices in these networks may talk: those of one subnet, of one family. Networks inside
 * others of the list are left out: the kernel refuses ranges that overlap. */
void adit_dataplane_add_networks(AditState *state, const AditPrefix *networks, guint n);
/* What comes from @inside through @ifname leaves as @outside. */
void adit_dataplane_add_snat(AditState *state, const char *ifname, const AditPrefix *inside,
                             const AditAddr *outside);
/* What comes from @inside alone, whatever its network does. */
void adit_dataplane_add_snat_host(AditState *state, const char *ifname, const AditAddr *inside,
                                  const AditAddr *outside);
/* All mappings of a device together have so many connections at once. */
void adit_dataplane_add_device_limit(AditState *state, const AditAddr *device,
                                     guint32 connections);
void adit_dataplane_add_mapping(AditState *state, const AditDataplaneMapping *mapping);
/* The redirect of @of, a mapping like any other: @port of its address leads to @responder,
 * which answers 308 to https://, or, without one, to where @of leads, as it is. It has the end
 * and the user data of @of. */
AditDataplaneMapping adit_dataplane_redirect(const AditDataplaneMapping *of, guint16 port,
                                             const AditSockAddr *responder);
/* Only visitors from these networks reach the mapping; without this call, everybody does. Those
 * of the other family, and those inside others of the list, are left out; none left: nobody. */
void adit_dataplane_add_allow(AditState *state, guint8 proto, const AditSockAddr *external,
                              const AditPrefix *from, guint n);
/* A port of the server's own that is reached only through a mapping (the 308 responder). */
void adit_dataplane_add_responder(AditState *state, guint8 proto, guint16 port);

/* What went through a mapping: visitors' packets in, the device's answers out. */
typedef struct {
    guint64 packets_in, bytes_in, packets_out, bytes_out;
} AditTraffic;

/* The sets that count, ended by NULL. */
extern const char *const adit_dataplane_counters[];
/* Adds what an element of theirs has counted to @ret, and says whose it is; FALSE: no counter.
 */
gboolean adit_dataplane_traffic_from_element(const AditElement *element, guint8 *ret_proto,
                                             AditSockAddr *ret_external, AditTraffic *ret);

/* The mapping that an element of open4 or open6 stands for, without its target. */
gboolean adit_dataplane_mapping_from_element(const AditElement *element,
                                             AditDataplaneMapping *ret);
