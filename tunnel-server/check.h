/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/finding.h"
#include "libadit/sys/probe.h"
#include "tunnel-server/model.h"

/* `adit-server check`: is this VPS fit to be a tunnel server? Facts in, findings out. Pure. */

/* Ended by a zero; settings, daemon and clock are judged where the command runs. */
extern const AditHop adit_check_hops[];

/* The IPv6 prefix of a subnet. */
typedef struct {
    char *subnet;
    AditPrefix prefix;
    gboolean on_link;       /* in a network of the WAN: neighbours ask for each address */
    AditProbeOutcome echo;  /* of the router, asked from an address of the prefix */
    AditProbeOutcome plain; /* the same from the WAN's own address */
} AditCheckPrefix;

typedef struct {
    char wan[ADIT_NAME_LEN];
    AditAddr wan4; /* unset: it has none */
    gboolean has_way4, has_way6;
    GPtrArray
        *missing; /* char *: addresses that subnets or devices name and the machine has not */
    gboolean wants6;
    char *forward4, *forward6, *accept_ra, *proxy_ndp; /* as they are; NULL: no such setting */
    GPtrArray *prefixes;                               /* AditCheckPrefix */
    GPtrArray *drift;   /* char *: what the kernel has otherwise than planned */
    GPtrArray *foreign; /* char *: "sentence; run: command" */
    guint16 port;
    guint n_devices;
    gboolean silent;      /* no packet of any device has ever come */
    gint64 handshake_age; /* of the last one, in seconds; -1: none */
    gint64 flows, flows_max;
    gint64 files, files_max;
} AditCheckFacts;

/* Array of AditFinding. */
GPtrArray *adit_check_judge(const AditCheckFacts *facts);
void adit_check_prefix_free(AditCheckPrefix *prefix);
void adit_check_facts_clear(AditCheckFacts *facts);
