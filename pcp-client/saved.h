/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pcp-client/mapping.h"

/* What of a pool must survive a restart of ours: without the nonce a server takes its own
 * client for a stranger until the lease ends. Text of core/conf, for a file that nobody else
 * may read: a nonce is a password. */

#define ADIT_SAVED_MAX 4096 /* mappings of one server */

typedef struct {
    guint8 protocol;
    guint16 internal_port;
    gboolean shares;    /* the second mapping of its internal port */
    gboolean withdrawn; /* wanted no more, and the server does not know it */
    guint8 nonce[ADIT_PCP_NONCE];
    AditSockAddr external; /* port 0: never granted */
    guint32 lifetime;
    gint64 until; /* seconds since 1970; the lease may live on at the server until then */
} AditSavedMapping;

typedef struct {
    AditAddr server;
    AditAddr client; /* unset: there was none when it was written */
    guint n_mappings;
    AditSavedMapping *mappings;
} AditSaved;

/* @wall_ms - @now: from the clock of the mappings to that of the calendar. */
void adit_saved_take(const AditMapping *mapping, gint64 now, gint64 wall_ms,
                     AditSavedMapping *ret);
/* To what is just added to a pool: its nonce, and what to suggest. */
void adit_saved_give(const AditSavedMapping *saved, AditMapping *mapping);
/* The one for this wish; NULL. */
const AditSavedMapping *adit_saved_find(const AditSaved *saved, const AditWish *wish);
char *adit_saved_print(const AditSaved *saved);
/* @name is for messages only. */
AditSaved *adit_saved_parse(const char *name, const char *text, gsize len, GError **error);
void adit_saved_free(AditSaved *saved);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditSaved, adit_saved_free)
