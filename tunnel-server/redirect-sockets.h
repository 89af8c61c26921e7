/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* How adit-redirect gets its listening sockets: adit-server makes them and hands them over on a
 * socket in the runtime directory, the whole set in one message whenever it changes. So the
 * responder needs no privilege, no network of its own, and cannot listen elsewhere. */

#define ADIT_REDIRECT_SOCKET "redirect.sock"
#define ADIT_REDIRECT_SOCKETS_MAX 128

/* The server's end. */
gboolean adit_redirect_sockets_send(int channel, const int *fds, guint n, GError **error);
/* The responder's end. NOT_FOUND, DENIED: no server there, or not for us. -1 on failure. */
int adit_redirect_sockets_connect(const char *runtime_dir, GError **error);
/* Waits for nothing. How many came (ADIT_REDIRECT_SOCKETS_MAX at most, owned by the caller);
 * -1: nothing yet (no error), or the server has gone (error). */
int adit_redirect_sockets_receive(int channel, int *ret, GError **error);
/* Sockets that systemd passed to this process (sd_listen_fds(3)). */
guint adit_redirect_sockets_from_systemd(int *ret);
