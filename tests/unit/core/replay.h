/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/diff.h"

/* A kernel of arrays: performs operations one by one, fails the test where the real one would
 * refuse, and tells where a packet would go at that moment. */

typedef struct _Replay Replay;

Replay *replay_new(const AditState *have);
void replay_perform(Replay *replay, const AditOp *op);
AditState *replay_get_state(const Replay *replay); /* sealed copy */
guint replay_count(const Replay *replay, AditKind kind);
void replay_free(Replay *replay);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replay, replay_free)

typedef struct {
    guint8 family;
    guint32 mark;
    AditAddr src, dst;
} Packet;

typedef enum {
    ROAD_UPLINK, /* by the default route of main: into the open */
    ROAD_LAN,    /* by a specific route of main */
    ROAD_DROPPED,
    ROAD_TUNNEL, /* wg0, and the next number for the next link */
} Road;

/* The rule walk of the kernel. Main has a default and 192.168.1.0/24, fd00:1::/64. With
 * @lo_flapped no guard route counts, as after an IPv6 flap of lo. */
Road replay_route(const Replay *replay, const Packet *packet, gboolean lo_flapped);
