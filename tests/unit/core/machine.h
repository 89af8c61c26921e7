/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* What the client planner is to want of a home machine (DESIGN.md section 3), in miniature. */

#define MACHINE_GATEWAYS 3

typedef struct {
    struct {
        gboolean enrolled;
        gboolean connected; /* only while enrolled */
    } gateways[MACHINE_GATEWAYS];
    guint selected; /* 1 is the first gateway, which is enrolled; 0: none */
    AditRouteType guard;
} Machine;

Machine machine_random(GRand *rand);
guint32 machine_table(guint gateway);
guint32 machine_mark(guint gateway);
AditAddr machine_addr(guint gateway, guint8 family);
const char *machine_link(guint gateway);
AditState *machine_plan(const Machine *machine);
