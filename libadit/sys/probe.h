/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* Asks hosts whether they are there, several at once and bounded in time: by echo, by a
 * datagram, by a TCP connection that is closed at once. What comes back is not looked into. */

typedef enum {
    ADIT_PROBE_ECHO, /* needs net.ipv4.ping_group_range, no privilege */
    ADIT_PROBE_UDP,
    ADIT_PROBE_TCP,
} AditProbeKind;

typedef enum {
    ADIT_PROBE_NOT_SENT, /* for the reason in .error */
    ADIT_PROBE_SILENT,
    ADIT_PROBE_ANSWERED,
    ADIT_PROBE_REFUSED, /* the host is there, and says that nothing listens */
    ADIT_PROBE_NO_WAY,  /* this machine, or somebody on the way, knows no way or forbids it */
} AditProbeOutcome;

typedef struct {
    AditProbeKind kind;
    AditSockAddr to;
    AditAddr from;            /* unset: the kernel's choice */
    char link[ADIT_NAME_LEN]; /* leaves by it; "": as the routes say */
    guint32 mark;             /* 0: none */
    guint size;          /* ECHO: of the whole packet, never cut in pieces; 0: a small one */
    const guint8 *bytes; /* UDP: what is sent; borrowed */
    gsize len;
    AditProbeOutcome outcome; /* from here on: the result */
    int error;
} AditProbe;

typedef struct _AditProber AditProber;

/* @probes: AditProbe with their outcomes; the prober's. It is over then, and may be freed. */
typedef void (*AditProberDone)(const GArray *probes, gpointer data);

/* Asks again every 400 ms; done when all have answered, or after @wait_ms. Takes @probes. Never
 * calls @done before it returns. */
AditProber *adit_prober_new(GArray *probes, guint wait_ms, AditProberDone done, gpointer data);
void adit_prober_free(AditProber *prober);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditProber, adit_prober_free)
