/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/cli.h"

/* Prints what is published: forwards (4), pinholes (6) or both (0). */
gboolean adit_cli_list_mappings(AditCli *cli, guchar family, GError **error);
