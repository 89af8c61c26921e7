/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

typedef struct {
    AditOpVerb verb;
    AditKind kind;
    gconstpointer object; /* wanted one for add and change, present one for delete; borrowed */
    gconstpointer before; /* the present one, for change */
} AditOp;

/* Borrowed from both states: they outlive it. */
typedef struct {
    AditOp *op;
    guint len;
} AditOps;

/* What turns @have into @want, in the order that leaks nothing (DESIGN.md section 3): guards
 * (blackhole routes), rules (a lookup before the terminal rule behind it), links and devices,
 * addresses, unicast routes, peers, elements, sysctls, neighbours; then the deletions, the
 * other way round. What is added stands before what it replaces goes. */
AditOps *adit_diff(const AditState *have, const AditState *want);
/* The order by itself; adit_diff() ends with it. */
void adit_ops_order(AditOps *ops);
/* "+ ip rule add pref 1740 ..." */
char *adit_op_to_string(const AditOp *op);
char *adit_ops_to_string(const AditOps *ops); /* a line an operation: the dry run */
void adit_ops_free(AditOps *ops);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditOps, adit_ops_free)
