/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"

typedef struct {
    guint added, changed, deleted; /* operations carried out */
    guint rounds;                  /* how often something was sent; 0: all was as wanted */
} AditReconcileResult;

/* Dump, diff, apply: the kernel becomes as @want says, within @scope. Sends nothing when it is
 * so already. Looks again, a bounded number of times, when an operation was refused (somebody
 * may have been faster) or may have had effects beside its own (a deleted IPv4 address takes
 * others along); the same refusal twice is the error. Objects of a kind outside @scope in @want
 * are our own bug: asserted. @ret may be NULL. */
gboolean adit_reconcile(AditKernel *kernel, const AditState *want, const AditScope *scope,
                        AditReconcileResult *ret, GError **error);
/* From @had to @want, without a dump: for who knows that all of @had is in the kernel, because
 * it was put there and nobody else was heard of since. Where that turns out wrong it fails, or
 * leaves others' changes alone: adit_reconcile() mends them. @ret may be NULL. */
gboolean adit_reconcile_step(AditKernel *kernel, const AditState *had, const AditState *want,
                             AditReconcileResult *ret, GError **error);
