/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* The server's side of adit-redirect: waits for it in the runtime directory and hands it the
 * sockets it answers on. */

typedef struct _AditResponder AditResponder;

AditResponder *adit_responder_new(const char *runtime_dir, GError **error);
/* Where it shall answer from now on; nothing happens when it does so already. */
void adit_responder_set(AditResponder *self, const AditSockAddr *at, guint n);
/* Whether somebody is there to answer. */
gboolean adit_responder_is_there(const AditResponder *self);
void adit_responder_free(AditResponder *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditResponder, adit_responder_free)
