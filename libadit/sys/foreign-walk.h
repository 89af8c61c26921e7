/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/foreign-set.h"

/* Other people's rules, kept to be gone through with a packet in mind. */

typedef struct {
    AditNl *nl;       /* sets are asked for when a rule asks */
    GPtrArray *rules; /* in the order of their dump, which is theirs in each chain */
    const GPtrArray *sets;
} AditForeignWalk;

AditForeignWalk *adit_foreign_walk_new(AditNl *nl, const GPtrArray *sets);
void adit_foreign_walk_add(AditForeignWalk *self, guint8 family, const char *table,
                           const char *chain, const struct nlattr *exprs);
/* Whether each such packet is dropped by a rule, where the chain begins. */
gboolean adit_foreign_walk_drops(const AditForeignWalk *self, guint8 family, const char *table,
                                 const char *chain, const AditNftPacket *packet);
void adit_foreign_walk_free(AditForeignWalk *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditForeignWalk, adit_foreign_walk_free)
