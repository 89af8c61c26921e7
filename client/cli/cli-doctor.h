/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"

gboolean adit_cmd_doctor(AditCli *cli, char **args, GError **error);
