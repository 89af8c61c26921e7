/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pcp-client/pool.h"

/* What the two halves of a pool share: pool.c asks, pool-receive.c listens. */

struct _AditPool {
    AditAddr server, client;
    GPtrArray *mappings;
    guint cursor; /* whose turn it is when the rate is used up */
    AditDialect dialect;
    gint64 natpmp_failed_at; /* the server offered it and then refused it; or ADIT_NEVER */
    AditAddr external;       /* NAT-PMP tells it apart from mappings */
    gboolean heard;
    guint32 epoch;
    gint64 epoch_at; /* seconds */
    gint64 alive_at; /* milliseconds: last sign of life */
    gint64 lost_at;
    guint storm_losses;
    guint32 storm_ms;
    gint64 announce_at;
    guint announce_tries; /* 0: none is out */
    guint32 announce_interval;
    gint64 rate_at; /* the time up to which the rate is used */
    GQueue packets; /* GBytes */
    GQueue news;    /* AditPoolNews */
    AditPoolCounts counts;
};

/* One event to one mapping, and what follows of it: a packet, news, another dialect. */
void adit_pool_step(AditPool *pool, AditMapping *mapping, AditMappingEvent *event);
/* RESET to all of them, with @event's pause and reason; @scatter: and not all at once. */
void adit_pool_reset_all(AditPool *pool, AditMappingEvent *event, gboolean scatter);
void adit_pool_tell(AditPool *pool, AditMapping *mapping, AditMappingNews what);
void adit_pool_speak(AditPool *pool, AditDialect dialect, gint64 now);
/* @at ADIT_NEVER: none is due any more. */
void adit_pool_start_announce(AditPool *pool, gint64 at);
