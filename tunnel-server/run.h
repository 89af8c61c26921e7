/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"

/* adit-server run: the daemon under its main loop. */
gboolean adit_server_run(AditCli *cli, char **args, GError **error);
