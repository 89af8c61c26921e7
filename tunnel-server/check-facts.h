/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/admin.h"
#include "tunnel-server/check.h"

/* Gathers what `adit-server check` judges. */

typedef struct _AditCheckRun AditCheckRun;

/* @findings: AditFinding. The run is over then, and may be freed. */
typedef void (*AditCheckDone)(const GPtrArray *findings, gpointer data);

/* Looks at the machine, and asks the router of IPv6 for at most 1 s. Never calls @done before
 * it returns. @admin is up. */
AditCheckRun *adit_check_run_new(AditAdmin *admin, AditCheckDone done, gpointer data);
void adit_check_run_free(AditCheckRun *run);
