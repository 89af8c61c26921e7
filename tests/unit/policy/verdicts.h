/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/plan.h"

/* tests/data/verdicts.txt, and the machine it speaks of. */

#define VERDICT_SLOTS 3

typedef struct {
    char *words; /* as in the file */
    gboolean enrolled[VERDICT_SLOTS], down[VERDICT_SLOTS], v4[VERDICT_SLOTS];
    int selected[2]; /* -1: none */
    gboolean strict, clash, offline, tailscale, bare, names;
} VerdictScenario;

typedef struct {
    const VerdictScenario *scenario;
    guint line;
    gboolean belt;
    AditAddr dst, src; /* src unset: any */
    guint32 mark;
    char link[ADIT_NAME_LEN]; /* oif=, or out= */
    guint16 sport, dport;     /* 0: neither TCP nor UDP is said */
    char *verdict;
} VerdictRow;

typedef struct {
    GPtrArray *scenarios;
    GArray *rows;
} Verdicts;

Verdicts *verdicts_load(void);
void verdicts_free(Verdicts *verdicts);
GPtrArray *verdicts_gateways(const VerdictScenario *scenario); /* AditGateway */
/* Routes of main and networks of the links. */
void verdicts_facts(const VerdictScenario *scenario, AditFacts *ret);
AditAddr verdicts_addr(const char *text);
AditPrefix verdicts_prefix(const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verdicts, verdicts_free)
