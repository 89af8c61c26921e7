/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/change.h"
#include "client/inband.h"

/* Gives gateways new keys (switchover.h): makes them here, offers the public half by way of the
 * publisher, and has the profile updated in place. The preshared key of the peer stays, and
 * never travels. */

typedef struct _AditRotor AditRotor;

/* Takes up what an earlier process has left half done. Both are borrowed. */
AditRotor *adit_rotor_new(AditDaemon *daemon, AditInband *inband);
void adit_rotor_free(AditRotor *self); /* the next process goes on */
/* @done (may be NULL): the server holds the new key; TIMEOUT: not yet, it is tried further;
 * else the old one stands. BUSY: one is under way. */
void adit_rotor_rotate(AditRotor *self, const char *name, AditChangeDone done, gpointer data);
gboolean adit_rotor_is_at(const AditRotor *self, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditRotor, adit_rotor_free)
