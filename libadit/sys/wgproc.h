/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* The process of a userspace WireGuard device: one a link, found again by its socket, so that
 * the device outlives the daemon that asked for it. */

/* Runs "@program @link" and waits until its socket answers. @ret_pid is our child: the caller
 * reaps it. */
gboolean adit_wgproc_start(const char *program, const char *rundir, const char *link,
                           GPid *ret_pid, GError **error);
/* Ends the process behind @fd (a connection to its socket) and waits until it is gone, with its
 * link and its socket. */
gboolean adit_wgproc_stop(const char *rundir, const char *link, int fd, GError **error);
/* Collects @pid if it is our child and has ended. */
gboolean adit_wgproc_reap(GPid pid);
