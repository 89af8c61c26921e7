/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/pool.h"

#include <netinet/in.h>

#define T0 5000000
#define HALF 0x80000000u
#define LIFETIME 3600

/* A pool with two mappings, and the last request of each. */
typedef struct {
    AditPool *pool;
    AditMapping *m[2];
    AditPcpRequest asked[2];
    gint64 now;
} Fixture;

extern const AditAddr server4, client4, other4, wan4;
extern const AditWish wish443;

void fixture_set_up(Fixture *f, gconstpointer data);
void fixture_tear_down(Fixture *f, gconstpointer data);
/* What waits to be sent, thrown away: how many packets. */
guint drain(Fixture *f);
/* The same after a turn. */
guint dispatch(Fixture *f);
AditMappingNews next_news(Fixture *f);
/* From the server; @notice: at the port of notices. */
void hear(Fixture *f, const guint8 *bytes, gsize len, gboolean notice);
/* To mapping @i: granted. */
AditPcpReply reply_to(const Fixture *f, guint i, guint32 epoch);
void hear_reply(Fixture *f, const AditPcpReply *reply, gboolean notice);
void grant(Fixture *f, guint i, guint32 epoch);
void hear_announce(Fixture *f, guint32 epoch, gboolean notice);
/* Both granted, at T0 and epoch 1000. */
void grant_both(Fixture *f);
void assert_both(const Fixture *f, AditMappingState state);

#define ADD(name, func)                                                                        \
    g_test_add("/pcp-client/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
