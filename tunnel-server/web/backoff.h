/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* How long an address that guessed wrong has to wait before it may guess again: doubling from
 * the third wrong guess on, up to a minute, forgotten after an hour of silence. Pure: the time
 * is passed in, in seconds of any clock that only goes forward. */

typedef struct _AditWebBackoff AditWebBackoff;

AditWebBackoff *adit_web_backoff_new(void);
void adit_web_backoff_free(AditWebBackoff *self);
/* Seconds @who has to wait; 0: go ahead. */
guint adit_web_backoff_wait(AditWebBackoff *self, const char *who, gint64 now);
void adit_web_backoff_failed(AditWebBackoff *self, const char *who, gint64 now);
void adit_web_backoff_passed(AditWebBackoff *self, const char *who);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWebBackoff, adit_web_backoff_free)
