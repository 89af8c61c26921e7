/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* The socket of a userspace WireGuard device. */

#define ADIT_UAPI_RUNDIR "/var/run/wireguard" /* what wireguard-go has built in */

char *adit_uapi_path(const char *rundir, const char *link);
/* A connection, or -1. NOT_FOUND: nobody listens, or not in this network namespace. */
int adit_uapi_connect(const char *rundir, const char *link, GError **error);
/* Sends @request and reads the whole answer; free it with adit_key_string_free(). */
char *adit_uapi_ask(int fd, const char *link, const char *request, gsize *ret_len,
                    GError **error);
/* The process behind the connection; 0: not known (one that forked after it listened). */
GPid adit_uapi_get_pid(int fd, const char *link);
/* Removes a socket that nobody listens on any more: its process was killed. */
void adit_uapi_sweep(const char *rundir, const char *link);
