/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* Telling every device that the server has started (RFC 6887 section 14.1.3), one by one: no
 * multicast crosses cryptokey routing. In rounds, at a steady pace; the first is for all (what
 * was heard by then may have been one program of several, or a question whose answer nobody
 * waits for any more), and whoever was heard is left out of the next ones. Pure: what to send
 * when. */

#define ADIT_PCP_ANNOUNCE_PER_SECOND 6400
#define ADIT_PCP_ANNOUNCE_TICK_MS 5

typedef struct _AditPcpAnnounce AditPcpAnnounce;

typedef struct {
    AditAddr peer, server; /* to whom, from where */
} AditPcpTarget;

AditPcpAnnounce *adit_pcp_announce_new(void);
/* All of @targets are to hear of it, from now on. Ends what was under way. */
void adit_pcp_announce_begin(AditPcpAnnounce *announce, const AditPcpTarget *targets, guint n,
                             gint64 now_ms);
void adit_pcp_announce_heard(AditPcpAnnounce *announce, const AditAddr *peer);
/* At most @max targets to send to now; how many. */
guint adit_pcp_announce_next(AditPcpAnnounce *announce, gint64 now_ms, AditPcpTarget *ret,
                             guint max);
/* When to ask for the next ones; G_MAXINT64: all is said. */
gint64 adit_pcp_announce_deadline(const AditPcpAnnounce *announce);
void adit_pcp_announce_free(AditPcpAnnounce *announce);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpAnnounce, adit_pcp_announce_free)
