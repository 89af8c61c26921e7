/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/change.h"

/* Gateways that somebody else made, by GNOME, nmcli or a hand: taken over, followed, let go. */

/* @word: its id, or what people call it. */
void adit_adopt(AditDaemon *daemon, AditBackendKind kind, const char *word, AditChangeDone done,
                gpointer data);
/* The same, and for all users and at boot from then on; one that is a gateway becomes that. */
void adit_adopt_for_everyone(AditDaemon *daemon, AditBackendKind kind, const char *word,
                             AditChangeDone done, gpointer data);
/* As it was before, and no gateway any more. */
void adit_unadopt(AditDaemon *daemon, const char *name, AditChangeDone done, gpointer data);
/* Somebody has edited it by its manager's means: looked at now, or when a change of it is over.
 */
void adit_adopt_edited(AditDaemon *daemon, const char *name);
/* Its manager may have lost it while a change of it was under way, which is over. */
void adit_adopt_gone(AditDaemon *daemon, const char *name);
/* From now on what managers say is followed. */
void adit_adopt_watch(AditDaemon *daemon);
