/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/pcp-ask.h"

#include <gio/gio.h>

/* One question to a tunnel server (libadit/core/pcp-ask.h), repeated until it is answered. */

#define ADIT_ASKER_TRIES 6 /* within 8 s */

/* Where to ask; borrowed for the call. */
typedef struct {
    const char *link;
    AditAddr own, server;
} AditAskerWay;

/* @reply: SUCCESS; else @error: DENIED, BUSY, PROTOCOL (it does not know the question),
 * TIMEOUT. */
typedef void (*AditAskerDone)(const AditAskReply *reply, const GError *error, gpointer data);

typedef struct _AditAsker AditAsker;

/* @ask: the question; nonce and client are put in. The answer comes later, once, and frees it.
 */
AditAsker *adit_asker_new(const AditAskerWay *way, const AditAsk *ask, AditAskerDone done,
                          gpointer data);
void adit_asker_free(AditAsker *self); /* unanswered */
