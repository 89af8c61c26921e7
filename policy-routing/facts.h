/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/addresses.h"
#include "libadit/sys/nl.h"
#include "policy-routing/plan.h"

/* Reads what the planner wants to know of this machine; links in @ours (NULL-terminated, may be
 * NULL) are left out. @main is from adit_facts_read_main() (may be NULL): it is long where the
 * machine has many routes, and changes rarely. @memory: the file of values from before us, or
 * NULL. */
gboolean adit_facts_read(const char *const *ours, const GArray *main, const char *memory,
                         AditFacts *ret, GError **error);
/* Where the main table leads, but for link-local networks: AditAddress. */
GArray *adit_facts_read_main(AditNl *nl, GError **error);
/* Whether routes of @family by the gateway's link can be made now: it is up and has the address
 * they speak of, among @own (adit_addresses_read()). For links that a network manager makes. */
gboolean adit_facts_is_ready(const AditGateway *gateway, guint8 family, const GArray *own);
void adit_facts_clear(AditFacts *facts);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditFacts, adit_facts_clear)
