/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/plan.h"

/* Sees to it that a tunnel which should be heard is: names looked up anew, another address
 * tried, the server told where this machine has gone. Sleeps while all is well. */

typedef struct _AditCare AditCare;
typedef struct _AditDaemon AditDaemon;

AditCare *adit_care_new(AditDaemon *daemon);
/* Now, and from here on when it is time; after a change of gateways. TRUE: somebody's health is
 * another than at the last look. */
gboolean adit_care_look(AditCare *care);
/* If the ways out are others than those of the last call. */
void adit_care_roam(AditCare *care, const AditFacts *facts);
void adit_care_free(AditCare *care);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditCare, adit_care_free)
