/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* What comes to some ports while somebody looks, and what becomes of it, counted by the kernel
 * in a table of its own that is there only for that time. */

/* Of TCP what begins a connection, of UDP every packet. */
typedef struct {
    guint64 came;     /* before anybody else's table has seen it */
    guint64 passed;   /* sent on to a device, or taken in by a program of this machine */
    guint64 answered; /* "yes" */
    guint64 refused;  /* "nobody listens here" */
} AditArrived;

typedef struct {
    guint8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
    AditSockAddr external;
    AditArrived seen;
} AditArrival;

typedef struct _AditArrivals AditArrivals;

/* @ends: AditArrival; copied. One at a time in a network namespace: it takes away what another
 * has left. */
AditArrivals *adit_arrivals_new(const GArray *ends, GError **error);
/* As counted until now, in the order of @ends; the object's. */
const GArray *adit_arrivals_look(AditArrivals *self, GError **error);
void adit_arrivals_free(AditArrivals *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditArrivals, adit_arrivals_free)
