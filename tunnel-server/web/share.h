/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

#define ADIT_WEB_GROUP "adit-web" /* of the page's user, and of nobody else */

/* Gives what root wrote to the page to read: its group and this mode. Without such a group, or
 * not as root, only the mode. */
gboolean adit_web_share(const char *path, mode_t mode, GError **error);
