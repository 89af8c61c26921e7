/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/admin.h"

/* Tells devices what has passed at their ports here, and whose firewall drops it: what the
 * kernel says is looked at within bounds, however many ask. */

typedef struct _AditWitness AditWitness;

AditWitness *adit_witness_new(AditAdmin *admin);
void adit_witness_free(AditWitness *self);
