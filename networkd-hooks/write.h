/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "networkd-hooks/render.h"

#include <sys/types.h>

/* The rendered files on disk. networkd reads none of them before it is told to reload. */

/* The group networkd reads as; NOT_FOUND where there is no networkd. */
gboolean adit_networkd_group(gid_t *ret, GError **error);
/* All of @files (of AditNetworkdFile) whole and in their order, 0640 and of @group; then the
 * keys of peers that @link has no more are removed. Drop-ins of an admin stay. */
gboolean adit_networkd_write(const char *folder, const char *link, const GPtrArray *files,
                             gid_t group, GError **error);
gboolean adit_networkd_write_one(const char *folder, const AditNetworkdFile *file, gid_t group,
                                 GError **error);
/* Every file of @link; the link itself stays until somebody deletes it. */
gboolean adit_networkd_remove(const char *folder, const char *link, GError **error);
