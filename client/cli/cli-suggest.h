/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"

/* adit publish --suggest: what listens here and could be published. Changes nothing. */
gboolean adit_suggest(AditCli *cli, GError **error);
