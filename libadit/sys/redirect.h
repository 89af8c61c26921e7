/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* The 308 responder: reads a request, answers, hangs up. One thread, bounded in memory, time
 * and connections; the oldest connection makes room for a new one. Times are those of
 * g_get_monotonic_time(). */

#define ADIT_REDIRECT_CONNECTIONS 512
#define ADIT_REDIRECT_TIME (5 * G_USEC_PER_SEC) /* of a connection, from its first byte */

typedef struct _AditRedirect AditRedirect;

AditRedirect *adit_redirect_new(GError **error);
/* Answers on these listening sockets from now on, and on no other; takes them. */
void adit_redirect_listen(AditRedirect *self, const int *fds, guint n);
/* Readable when there is something to dispatch; */
int adit_redirect_get_fd(const AditRedirect *self);
/* or when this time has come. 0: nothing to wait for. */
gint64 adit_redirect_deadline(const AditRedirect *self);
void adit_redirect_dispatch(AditRedirect *self, gint64 now);
guint adit_redirect_connections(const AditRedirect *self);
void adit_redirect_free(AditRedirect *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditRedirect, adit_redirect_free)
