/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/finding.h"
#include "tunnel-server/arrivals.h"

/* What became of visitors, in words. Pure. */

typedef struct {
    const AditArrival *arrival;
    const char *device; /* whose it is; NULL: it leads nowhere */
    const char *key;    /* of the forward or pinhole, for its verbs; NULL: a redirect */
    gboolean off;       /* by the operator's word */
    const char *drop;   /* whose firewall drops what is forwarded: "sentence; run: command" */
} AditArrivalSight;

/* "203.0.113.7:443/tcp" */
char *adit_arrival_name(const AditArrival *arrival);
/* Adds one finding. */
void adit_arrival_judge(const AditArrivalSight *sight, GPtrArray *findings);
