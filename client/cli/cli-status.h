/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"

/* adit list, adit status. */

extern const GOptionEntry adit_status_options[];

gboolean adit_cmd_list(AditCli *cli, char **args, GError **error);
gboolean adit_cmd_status(AditCli *cli, char **args, GError **error);
