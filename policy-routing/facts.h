/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/addresses.h"
#include "policy-routing/plan.h"

/* Reads what the planner wants to know of this machine; links in @ours (NULL-terminated, may be
 * NULL) are left out. */
gboolean adit_facts_read(const char *const *ours, AditFacts *ret, GError **error);
void adit_facts_clear(AditFacts *facts);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditFacts, adit_facts_clear)
