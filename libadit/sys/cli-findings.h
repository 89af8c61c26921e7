/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/finding.h"
#include "libadit/sys/cli.h"

/* The findings of a check for a person, or with --json for a program; the exit code is that of
 * @hops. */
void adit_cli_print_findings(AditCli *cli, const GPtrArray *findings, const AditHop *hops);
