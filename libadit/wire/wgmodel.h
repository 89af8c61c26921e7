/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/diff.h"

/* What both ways to a WireGuard device carry (wire/wg: kernel, wire/uapi: userspace): a device
 * as it was read, and a change to be made. */

/* What only the device itself knows of a peer. */
typedef struct {
    AditSockAddr endpoint;  /* where it was last heard from; unset: never */
    gint64 handshake_sec;   /* of the last handshake, since 1970; 0: none yet */
    guint32 handshake_nsec; /* its fraction */
    guint64 rx_bytes, tx_bytes;
} AditPeerStatus;

typedef struct {
    AditPeer peer;
    AditPeerStatus status;
} AditWgPeer;

/* A device as it was read. Filled peer by peer, sealed, and const from there on. */
typedef struct {
    AditDevice device;
    GPtrArray *peers; /* AditWgPeer, each in memory of its own: growing copies no key */
} AditWgDump;

AditWgDump *adit_wg_dump_new(const char *link);
/* The peer of @public_key: the last one again if it is that (a long peer comes in pieces). */
AditWgPeer *adit_wg_dump_peer(AditWgDump *dump, const AditKey *public_key);
void adit_wg_peer_allow(AditWgPeer *peer, const AditPrefix *prefix);
/* Sorts peers by public key and their allowed IPs; FALSE: a peer came twice. */
gboolean adit_wg_dump_seal(AditWgDump *dump, GError **error);
/* Of a sealed one; NULL: no such peer. */
const AditWgPeer *adit_wg_dump_find(const AditWgDump *dump, const AditKey *public_key);
void adit_wg_dump_reset(AditWgDump *dump); /* forgets everything but the name */
void adit_wg_dump_free(AditWgDump *dump);  /* wipes keys */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWgDump, adit_wg_dump_free)

/* One peer in a change. ADD makes or overwrites it; CHANGE touches only what differs from
 * @before and never makes one that is gone; DELETE needs the public key only. */
typedef struct {
    AditOpVerb verb;
    const AditPeer *peer;
    const AditPeer *before; /* for change; NULL: not known, everything is written */
} AditPeerChange;

/* A change of one device; borrows everything. */
typedef struct {
    const char *link;
    const AditDevice *device; /* NULL: leave */
    gboolean replace_peers;   /* peers not named here go */
    const AditPeerChange *peers;
    guint n_peers;
} AditWgSet;

/* A change in the words of the protocols, which agree on them. */
typedef struct {
    const AditPeer *peer;
    gboolean remove;      /* and nothing else */
    gboolean update_only; /* not when it is gone */
    gboolean
        replace_allowed; /* first take all away: packets drop in between, so only if needed */
    gboolean preshared_key, endpoint, keepalive; /* which are written */
    const AditPrefix **allowed;                  /* the ones to add; borrowed elements */
    guint n_allowed;
} AditPeerEdit;

void adit_peer_edit_init(AditPeerEdit *edit, const AditPeerChange *change);
void adit_peer_edit_clear(AditPeerEdit *edit);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditPeerEdit, adit_peer_edit_clear)
