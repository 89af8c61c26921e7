/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/diff.h"

#include <string.h>

/* In which order operations leak nothing (DESIGN.md section 3).
 *
 * A gateway's table is closed by its guard before any rule leads into it, and rules stand
 * before a link exists that could bring traffic. Deletions come after everything is added or
 * changed, and the other way round: first what carries traffic, then the rules, the guards at
 * last.
 *
 * Rules are put in as they are consulted, so that the exceptions of a policy stand before the
 * policy. They go in the reverse order, save for one thing: a rule that drops goes after the
 * lookups it backs, for if lo flaps in between, IPv6 has lost its guard route and that rule is
 * all there is. */

typedef enum {
    PHASE_GUARD,
    PHASE_RULE,
    PHASE_LINK,
    PHASE_DEVICE,
    PHASE_IPV6, /* where it is off no address can be given */
    PHASE_ADDRESS,
    PHASE_ROUTE,
    PHASE_ROUTE_VIA, /* its gateway is found through a route of the phase before */
    PHASE_PEER,
    PHASE_ELEMENT,
    PHASE_SYSCTL,
    PHASE_FORWARDING, /* makes a host forget its router, unless accept_ra says otherwise by then
                       */
    PHASE_NEIGHBOUR,
    N_PHASES,
} Phase;

static Phase
route_phase(const AditRoute *route)
{
    if (route->type != ADIT_ROUTE_UNICAST)
        return PHASE_GUARD;
    return adit_addr_is_set(&route->gateway) ? PHASE_ROUTE_VIA : PHASE_ROUTE;
}

static Phase
sysctl_phase(const AditSysctl *sysctl)
{
    if (g_str_has_suffix(sysctl->path, "/disable_ipv6"))
        return PHASE_IPV6;
    return g_str_has_suffix(sysctl->path, "/forwarding") ? PHASE_FORWARDING : PHASE_SYSCTL;
}

static Phase
object_phase(const AditOp *op)
{
    switch (op->kind) {
    case ADIT_KIND_LINK: return PHASE_LINK;
    case ADIT_KIND_DEVICE: return PHASE_DEVICE;
    case ADIT_KIND_ADDRESS: return PHASE_ADDRESS;
    case ADIT_KIND_ROUTE: return route_phase(op->object);
    case ADIT_KIND_RULE: return PHASE_RULE;
    case ADIT_KIND_PEER: return PHASE_PEER;
    case ADIT_KIND_ELEMENT: return PHASE_ELEMENT;
    case ADIT_KIND_SYSCTL: return sysctl_phase(op->object);
    case ADIT_KIND_NEIGHBOUR: return PHASE_NEIGHBOUR;
    }
    g_assert_not_reached();
}

static guint
op_phase(const AditOp *op)
{
    Phase phase = object_phase(op);

    return op->verb == ADIT_OP_DELETE ? 2 * N_PHASES - 1 - phase : phase;
}

/* A rule on its way out, and the priority at whose turn it goes. */
typedef struct {
    AditOp op;
    guint32 turn;
} Leaving;

static int
selector_cmp(const AditRule *a, const AditRule *b)
{
    AditRule x = *a, y = *b;

    x.priority = y.priority = x.table = y.table = 0;
    x.action = y.action = ADIT_RULE_LOOKUP;
    x.suppress = y.suppress = FALSE;
    return adit_object_cmp(ADIT_KIND_RULE, &x, &y);
}

static int
by_selector(gconstpointer a, gconstpointer b)
{
    const AditRule *x = ((const Leaving *)a)->op.object, *y = ((const Leaving *)b)->op.object;
    int c = selector_cmp(x, y);

    return c != 0 ? c : adit_object_cmp(ADIT_KIND_RULE, x, y);
}

static int
by_turn(gconstpointer a, gconstpointer b)
{
    const Leaving *x = a, *y = b;
    const AditRule *r = x->op.object, *s = y->op.object;

    if (x->turn != y->turn)
        return x->turn < y->turn ? 1 : -1;
    if (r->action != s->action)
        return r->action < s->action ? -1 : 1;
    return -adit_object_cmp(ADIT_KIND_RULE, r, s);
}

/* A rule that drops takes the turn of the last lookup before it for the same packets. */
static void
give_turns(Leaving *leaving, guint len)
{
    const AditRule *lookup = NULL;

    for (guint i = 0; i < len; i++) {
        const AditRule *rule = leaving[i].op.object;

        if (lookup && selector_cmp(lookup, rule) != 0)
            lookup = NULL;
        if (rule->action == ADIT_RULE_LOOKUP)
            lookup = rule;
        leaving[i].turn = lookup ? lookup->priority : rule->priority;
    }
}

static void
order_leaving_rules(AditOp *op, guint len)
{
    g_autofree Leaving *leaving = g_new(Leaving, len);

    for (guint i = 0; i < len; i++)
        leaving[i] = (Leaving){ .op = op[i] };

    qsort(leaving, len, sizeof(Leaving), by_selector);
    give_turns(leaving, len);
    qsort(leaving, len, sizeof(Leaving), by_turn);

    for (guint i = 0; i < len; i++)
        op[i] = leaving[i].op;
}

/* Both families of one preference together: neither is ahead of the other by a whole policy. */
static int
by_consultation(gconstpointer a, gconstpointer b)
{
    const AditRule *x = ((const AditOp *)a)->object, *y = ((const AditOp *)b)->object;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    if (x->action != y->action)
        return x->action < y->action ? -1 : 1;
    return adit_object_cmp(ADIT_KIND_RULE, x, y);
}

static void
reverse(AditOp *op, guint len)
{
    for (guint i = 0; i < len / 2; i++) {
        AditOp swap = op[i];

        op[i] = op[len - 1 - i];
        op[len - 1 - i] = swap;
    }
}

static void
order_within(AditOp *op, guint len, guint phase)
{
    if (len < 2)
        return;

    if (phase == PHASE_RULE)
        qsort(op, len, sizeof(AditOp), by_consultation);
    else if (phase == 2 * N_PHASES - 1 - PHASE_RULE)
        order_leaving_rules(op, len);
    else if (phase >= N_PHASES)
        reverse(op, len);
}

void
adit_ops_order(AditOps *ops)
{
    guint start[2 * N_PHASES + 1] = { 0 }, next[2 * N_PHASES];
    g_autofree AditOp *ordered = g_new(AditOp, ops->len);

    if (ops->len < 2)
        return; /* nothing to put in order, and maybe no array at all */
    for (guint i = 0; i < ops->len; i++)
        start[op_phase(&ops->op[i]) + 1]++;
    for (guint phase = 0; phase < 2 * N_PHASES; phase++)
        start[phase + 1] += start[phase];

    memcpy(next, start, sizeof(next));
    for (guint i = 0; i < ops->len; i++)
        ordered[next[op_phase(&ops->op[i])]++] = ops->op[i];

    for (guint phase = 0; phase < 2 * N_PHASES; phase++)
        order_within(ordered + start[phase], start[phase + 1] - start[phase], phase);
    memcpy(ops->op, ordered, ops->len * sizeof(AditOp));
}
