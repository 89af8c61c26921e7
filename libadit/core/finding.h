/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* What a check has found, hop by hop: of `adit doctor` and of `adit-server check`. Never ok
 * untested. */

typedef enum {
    ADIT_VERDICT_OK,
    ADIT_VERDICT_BROKEN,
    ADIT_VERDICT_NOT_TESTED,
} AditVerdict;
#define ADIT_N_VERDICTS (ADIT_VERDICT_NOT_TESTED + 1)

/* A step on the way; a table of them, ended by a zero, has the order and the exit codes. */
typedef struct {
    const char *name;
    int exit_code; /* of a check whose first broken hop this is */
    const char *question;
} AditHop;

typedef struct {
    char *hop;
    char *about; /* "home", "443/tcp IPv4 at home" */
    AditVerdict verdict;
    char *what;   /* what was seen; of a hop that is not tested: why not */
    char *why;    /* broken: what it comes from; else "" */
    char *remedy; /* broken: one command that mends it, or what to do; else "" */
} AditFinding;

const char *adit_verdict_to_string(AditVerdict verdict);
GPtrArray *adit_findings_new(void); /* of AditFinding */
/* Takes the three texts; NULL is "". */
void adit_findings_add(GPtrArray *findings, const char *hop, const char *about,
                       AditVerdict verdict, char *what, char *why, char *remedy);
/* The first that is broken; NULL: none is. */
const AditFinding *adit_findings_broken(const GPtrArray *findings);
/* 0, or what @hops says of the first broken one. */
int adit_findings_exit_code(const GPtrArray *findings, const AditHop *hops);
/* Over the bus: a(ssssss), floating. */
#define ADIT_FINDINGS_TYPE "a(ssssss)"
GVariant *adit_findings_to_variant(const GPtrArray *findings);
/* An unknown verdict is not tested. */
GPtrArray *adit_findings_from_variant(GVariant *variant);
/* {"broken": hop or null, "findings": [...]} */
void adit_findings_add_json(JsonBuilder *json, const GPtrArray *findings);
/* What mends a drift: a setting is written as the operation says, for its daemon has tried in
 * vain; anything else by @otherwise. */
char *adit_drift_remedy(const char *op, const char *otherwise);
void adit_finding_free(AditFinding *finding);
