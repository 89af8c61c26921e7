/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/rotor.h"

/* Makes gateways follow what their servers say of them (site.h): another address is taken over
 * in place, and another key made when one is wanted. */

typedef struct _AditFollow AditFollow;

/* All are borrowed. */
AditFollow *adit_follow_new(AditDaemon *daemon, AditInband *inband, AditRotor *rotor);
/* What was told is another, or a gateway is. */
void adit_follow_look(AditFollow *self);
void adit_follow_free(AditFollow *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditFollow, adit_follow_free)
