/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* @path is relative to /proc/sys: "net/ipv4/conf/wg0/rp_filter". What lies under net/ belongs
 * to the network namespace of the caller. */

/* The value without its newline, its fields one blank apart. NOT_FOUND: no such setting (now:
 * it may come with its link). */
char *adit_sysctl_read(const char *path, GError **error);
gboolean adit_sysctl_write(const char *path, const char *value, GError **error);
