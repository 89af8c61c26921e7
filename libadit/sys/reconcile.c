/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/reconcile.h"

#include <string.h>

#include "libadit/core/error.h"
#include "libadit/sys/kernel-private.h"
#include "libadit/wire/rtnl-rule.h"

#define ROUNDS_MAX 8 /* two will do; each more is somebody else at work, or sparse rules */
#define LOOK_AROUND                                                                            \
    32 /* rules of one preference; with more we look again rather than compare */

/* The first rule of @have that stands where @rule would, or behind it. */
static guint
find_rule(const AditState *have, const AditRule *rule)
{
    guint low = 0, high = adit_state_len(have, ADIT_KIND_RULE);

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (adit_object_cmp(ADIT_KIND_RULE, adit_state_get(have, ADIT_KIND_RULE, middle),
                            rule) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A rule is deleted by description, and a sparse one fits other rules of ours too. Those stand
 * around it: a state is sorted by what a description always holds. */
static gboolean
may_hit_another(const AditRule *rule, const AditState *have)
{
    const guint n = adit_state_len(have, ADIT_KIND_RULE), at = find_rule(have, rule);

    for (guint side = 0; side < 2; side++)
        for (guint i = 1; i <= LOOK_AROUND; i++) {
            const guint where = side == 0 ? at - i : at + i; /* below 0 wraps beyond n */
            const AditRule *other =
                where < n ? adit_state_get(have, ADIT_KIND_RULE, where) : NULL;

            if (other == NULL || other->priority != rule->priority)
                break;
            if (i == LOOK_AROUND || adit_rule_delete_hits(rule, other))
                return TRUE;
        }
    return FALSE;
}

/* Whether @op can change more than it names, so that a second look is due. */
static gboolean
has_side_effects(const AditOp *op, const AditState *have)
{
    switch (op->kind) {
    case ADIT_KIND_LINK:
    case ADIT_KIND_ADDRESS: return op->verb != ADIT_OP_ADD; /* routes hang on both */
    case ADIT_KIND_RULE: return op->verb == ADIT_OP_DELETE && may_hit_another(op->object, have);
    case ADIT_KIND_DEVICE:
    case ADIT_KIND_ROUTE:
    case ADIT_KIND_PEER:
    case ADIT_KIND_ELEMENT:
    case ADIT_KIND_SYSCTL:
    case ADIT_KIND_NEIGHBOUR: return FALSE;
    }
    return FALSE;
}

static void
count(AditReconcileResult *result, const AditOps *ops, guint done)
{
    for (guint i = 0; i < done; i++)
        switch (ops->op[i].verb) {
        case ADIT_OP_ADD: result->added++; break;
        case ADIT_OP_CHANGE: result->changed++; break;
        case ADIT_OP_DELETE: result->deleted++; break;
        }
}

static void
assert_in_scope(const AditState *want, const AditScope *scope)
{
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        g_assert((scope->kinds & ADIT_KIND_BIT(kind)) != 0 || adit_state_len(want, kind) == 0);
}

/* What one round came to. */
typedef enum {
    ROUND_EQUAL, /* nothing to do */
    ROUND_DONE,
    ROUND_AGAIN,   /* done, but with side effects */
    ROUND_REFUSED, /* by the kernel, at one operation; @error */
    ROUND_FAILED,  /* @error */
} Round;

static Round
play_round(AditKernel *kernel, const AditState *want, const AditScope *scope,
           AditReconcileResult *result, GError **error)
{
    g_autoptr(AditState) have = adit_kernel_dump(kernel, scope, want, error);
    g_autoptr(AditOps) ops = have != NULL ? adit_diff(have, want) : NULL;
    guint done = 0;
    gboolean ok;

    if (ops == NULL)
        return ROUND_FAILED;
    if (ops->len == 0)
        return ROUND_EQUAL;
    result->rounds++;
    ok = adit_kernel_apply(kernel, ops, &done, error);
    count(result, ops, done);
    if (!ok)
        return ROUND_REFUSED;
    for (guint i = 0; i < ops->len; i++)
        if (has_side_effects(&ops->op[i], have))
            return ROUND_AGAIN;
    return ROUND_DONE;
}

/* A refusal is worth a second look, for somebody may have been faster. The same once more is
 * the kernel's last word. */
static gboolean
is_final(const GError *refusal, const GError *before)
{
    return refusal->code == ADIT_ERROR_DENIED ||
           (before != NULL && strcmp(refusal->message, before->message) == 0);
}

gboolean
adit_reconcile(AditKernel *kernel, const AditState *want, const AditScope *scope,
               AditReconcileResult *ret, GError **error)
{
    AditReconcileResult result = { 0 };
    g_autoptr(GError) refusal = NULL;

    assert_in_scope(want, scope);
    for (guint i = 0; i < ROUNDS_MAX; i++) {
        g_autoptr(GError) local = NULL;
        Round round;

        kernel->insist = i > 0;
        round = play_round(kernel, want, scope, &result, &local);
        if (round == ROUND_EQUAL || round == ROUND_DONE) {
            if (ret != NULL)
                *ret = result;
            return TRUE;
        }
        if (round == ROUND_FAILED || (round == ROUND_REFUSED && is_final(local, refusal))) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        if (round == ROUND_REFUSED)
            g_debug("%s; looking again", local->message);
        g_clear_error(&refusal);
        refusal = g_steal_pointer(&local);
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                "reconcile: not settled after %d rounds: somebody keeps changing it%s%s",
                ROUNDS_MAX, refusal != NULL ? ": " : "",
                refusal != NULL ? refusal->message : "");
    return FALSE;
}

gboolean
adit_reconcile_step(AditKernel *kernel, const AditState *had, const AditState *want,
                    AditReconcileResult *ret, GError **error)
{
    g_autoptr(AditOps) ops = adit_diff(had, want);
    AditReconcileResult result = { .rounds = ops->len > 0 };
    guint done = 0;

    kernel->insist = FALSE;
    for (guint i = 0; i < ops->len; i++)
        if (has_side_effects(&ops->op[i], had)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                        "reconcile: a change that changes more than it names");
            return FALSE;
        }
    if (ops->len > 0 && (!adit_kernel_look(kernel, NULL, error) ||
                         !adit_kernel_apply(kernel, ops, &done, error)))
        return FALSE;
    count(&result, ops, ops->len);
    if (ret != NULL)
        *ret = result;
    return TRUE;
}
