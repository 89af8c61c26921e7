/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/diff.h"

static void
push(GArray *ops, AditOpVerb verb, AditKind kind, const void *object, const void *before)
{
    const AditOp op = { .verb = verb, .kind = kind, .object = object, .before = before };

    g_array_append_val(ops, op);
}

static const void *
get_or_null(const AditState *state, AditKind kind, guint i)
{
    return i < adit_state_len(state, kind) ? adit_state_get(state, kind, i) : NULL;
}

/* Of several present objects of one identity (adit_state_seal_dump()), the one to keep: the
 * first that is as wanted, which is TRUE, else the first. */
static gboolean
find_keeper(const AditState *have, AditKind kind, guint first, const void *want, guint *ret)
{
    const void *object = adit_state_get(have, kind, first);
    guint i = first;

    do {
        if (adit_object_satisfies(kind, object, want)) {
            *ret = i;
            return TRUE;
        }
        object = get_or_null(have, kind, ++i);
    } while (object && adit_object_cmp(kind, object, want) == 0);

    *ret = first;
    return FALSE;
}

/* Brings the objects from @first on that share the identity of @w to one; returns how many. */
static guint
diff_same(GArray *ops, AditKind kind, const AditState *have, guint first, const void *w)
{
    guint i = first, keeper;

    if (!find_keeper(have, kind, first, w, &keeper))
        push(ops, ADIT_OP_CHANGE, kind, w, adit_state_get(have, kind, keeper));

    for (const void *h = adit_state_get(have, kind, first);
         h && adit_object_cmp(kind, h, w) == 0; h = get_or_null(have, kind, ++i))
        if (i != keeper)
            push(ops, ADIT_OP_DELETE, kind, h, NULL);
    return i - first;
}

static void
diff_kind(GArray *ops, AditKind kind, const AditState *have, const AditState *want)
{
    for (guint i = 0, j = 0;;) {
        const void *h = get_or_null(have, kind, i), *w = get_or_null(want, kind, j);
        int c;

        if (!h && !w)
            break;

        c = !h ? 1 : !w ? -1 : adit_object_cmp(kind, h, w);
        if (c < 0)
            push(ops, ADIT_OP_DELETE, kind, h, NULL);
        if (c > 0)
            push(ops, ADIT_OP_ADD, kind, w, NULL);
        i += c < 0 ? 1 : c == 0 ? diff_same(ops, kind, have, i, w) : 0;
        j += c >= 0;
    }
}

AditOps *
adit_diff(const AditState *have, const AditState *want)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof(AditOp));
    AditOps *ops = g_new0(AditOps, 1);

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        diff_kind(array, kind, have, want);

    ops->len = array->len;
    ops->op = (AditOp *)(gpointer)g_array_free(array, FALSE);
    adit_ops_order(ops);
    return ops;
}

char *
adit_op_to_string(const AditOp *op)
{
    static const char signs[] = {
        [ADIT_OP_ADD] = '+',
        [ADIT_OP_CHANGE] = '~',
        [ADIT_OP_DELETE] = '-',
    };
    g_autofree char *words = adit_object_to_command(op->kind, op->verb, op->object);

    return g_strdup_printf("%c %s", signs[op->verb], words);
}

char *
adit_ops_to_string(const AditOps *ops)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < ops->len; i++) {
        g_autofree char *line = adit_op_to_string(&ops->op[i]);

        g_string_append_printf(out, "%s\n", line);
    }
    return g_string_free(out, FALSE);
}

void
adit_ops_free(AditOps *ops)
{
    if (!ops)
        return;

    g_free(ops->op);
    g_free(ops);
}
