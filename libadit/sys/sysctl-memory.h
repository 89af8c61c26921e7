/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* What settings were before us, in a file that outlives the daemon: the one thing that cannot
 * be read off the kernel. */

/* Notes the present value of every sysctl in @want that @file does not know yet. Call before
 * the first change. A setting that does not exist is not noted. */
gboolean adit_sysctl_remember(const char *file, const AditState *want, GError **error);
/* Writes all noted values back, then forgets them. A setting that has gone with its link is
 * passed over. Without the file nothing happens. */
gboolean adit_sysctl_restore(const char *file, GError **error);
/* What @file knows: path -> value. */
GHashTable *adit_sysctl_noted(const char *file, GError **error);
