/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"

/* adit publish, unpublish, published, share, unshare. */

extern const GOptionEntry adit_publish_options[];
extern const GOptionEntry adit_share_options[];

gboolean adit_cmd_publish(AditCli *cli, char **args, GError **error);
gboolean adit_cmd_unpublish(AditCli *cli, char **args, GError **error);
gboolean adit_cmd_published(AditCli *cli, char **args, GError **error);
gboolean adit_cmd_share(AditCli *cli, char **args, GError **error);
gboolean adit_cmd_unshare(AditCli *cli, char **args, GError **error);
