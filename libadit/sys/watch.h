/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nl.h"

/* Hears what others do to the kernel, and asks its owner to look again: soon after an event
 * that may concern us, and seldom without one. Idle, it costs nothing. */

typedef struct _AditWatch AditWatch;

typedef gboolean (*AditWatchFunc)(gpointer data); /* FALSE: failed, ask again before long */

/* Runs in the thread's default main context. */
AditWatch *adit_watch_new(AditWatchFunc func, gpointer data, GError **error);
/* Tables of nftables and links that are ours. Copied. */
void adit_watch_set_ours(AditWatch *watch, const char *table, const char *const *links);
/* Reads what has arrived; TRUE once after each time that main's routes may have changed, and
 * the first time. A look that was called for will come all the same. */
gboolean adit_watch_take_main(AditWatch *watch);
/* The same of our table in nftables, for who is at such a look and is about to see the rest. */
gboolean adit_watch_take_table(AditWatch *watch);
/* Reads what has arrived; TRUE while something was heard, or asked for, that has not been
 * looked after since; and while deaf. */
gboolean adit_watch_is_due(AditWatch *watch);
/* Deaf for nftables, while we do so much there that telling it costs more than doing it. */
void adit_watch_set_deaf(AditWatch *watch, gboolean deaf);
/* What @who does to nftables needs no look: it is ours, and there is much of it. */
gboolean adit_watch_ignore(AditWatch *watch, const AditNl *who, GError **error);
/* Looks again in a second: what is there now may be on its way to something else. */
void adit_watch_again(AditWatch *watch);
/* The same for routes. Links and IPv6 addresses are heard all the same: there the kernel does
 * not say who it was. */
gboolean adit_watch_ignore_routes(AditWatch *watch, const AditNl *who, GError **error);
void adit_watch_free(AditWatch *watch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWatch, adit_watch_free)
