/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/doctor/doctor.h"

/* A machine where all is well, one thing of it otherwise in each row: which hops are broken,
 * and what is said to do. */

typedef struct {
    AditDoctorGateway *g;
    AditDoctorReach *r;
    gboolean no_publisher, no_gateway;
} World;

typedef struct {
    const char *name;
    void (*change)(World *w);
    const char *broken; /* hops, by blanks */
    const char *remedy; /* words of it */
} Case;

World make_world(void);
void world_clear(World *w);
void swap(char **text, const char *with);
/* A test each: judged, nothing else is broken, and no hop is left out. */
void add_cases(const Case *cases, guint n);
/* The tunnel's server has not been heard for so many seconds. */
void silent(AditDoctorGateway *g, gint64 silence);
