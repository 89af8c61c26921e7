/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nftdev-private.h"

#include <linux/netlink.h>
#include <string.h>

#include "libadit/core/error.h"
#include "libadit/wire/nft-element.h"
#include "libadit/wire/nft-shape.h"

/* Elements change under our hands: a lease runs out between the dump and the transaction, and
 * then a deletion finds nothing (ENOENT), or an addition something (EEXIST). One such element
 * must not cost the others theirs, so a refused batch is made anew from a fresh dump, and if
 * that is refused too, each element goes alone. */

AditNftDev *
adit_nftdev_open(const AditNftBlueprint *bp, GError **error)
{
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_NETFILTER, error);
    AditNftDev *dev;

    if (nl == NULL)
        return NULL;
    dev = g_new0(AditNftDev, 1);
    dev->nl = g_steal_pointer(&nl);
    dev->bp = bp;
    return dev;
}

void
adit_nftdev_set_blueprint(AditNftDev *dev, const AditNftBlueprint *bp)
{
    g_assert(g_str_equal(bp->table, dev->bp->table));
    dev->bp = bp;
}

void
adit_nftdev_close(AditNftDev *dev)
{
    if (dev == NULL)
        return;
    adit_nl_close(dev->nl);
    g_free(dev);
}

#define DUMP_TRIES 16

/* A dump of what lies in a table that is not there. */
static gboolean
is_absent(const GError *error)
{
    return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
}

typedef struct {
    const AditNftDev *dev;
    GString *lines;   /* of the part being dumped */
    GArray *elements; /* of the set being dumped */
} Dump;

static gboolean
on_shape(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;

    if (adit_nft_shape_get(nlh, dump->dev->bp->table, dump->lines))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                "nftables: table %s: an answer of the kernel makes no sense",
                dump->dev->bp->table);
    return FALSE;
}

static void
forget_lines(gpointer data)
{
    g_string_truncate(((Dump *)data)->lines, 0);
}

/* What stands where our table should, in the lines of adit_nft_shape_of(). */
static char *
read_shape(AditNftDev *dev, GError **error)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (AditNftPart part = 0; part < ADIT_NFT_N_PARTS; part++) {
        g_autoptr(AditMsg) request = adit_msg_new();
        g_autoptr(GString) lines = g_string_new(NULL);
        g_autoptr(GError) local = NULL;
        Dump dump = { dev, lines, NULL };

        adit_nft_shape_put_dump(request, part, dev->bp->table);
        if (adit_nl_dump(dev->nl, request, on_shape, forget_lines, &dump, &local)) {
            g_string_append(all, lines->str);
        } else if (!is_absent(local)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return NULL;
        }
    }
    return g_strdup(all->str);
}

static void
on_element(const AditElement *element, gpointer data)
{
    g_array_append_vals(((Dump *)data)->elements, element, 1);
}

static gboolean
fail_element(const AditNftDev *dev, GError **error)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                "nftables: table %s: an element of the kernel makes no sense", dev->bp->table);
    return FALSE;
}

static gboolean
on_elements(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;

    return adit_nft_elements_get(nlh, dump->dev->bp->table, on_element, dump) ||
           fail_element(dump->dev, error);
}

static void
forget_elements(gpointer data)
{
    g_array_set_size(((Dump *)data)->elements, 0);
}

/* Whether an element of the kernel's set would go into ours of that name. */
static gboolean
fits(const AditNftSet *set, const AditElement *e)
{
    const guint ends = (set->flags & ADIT_NFT_INTERVAL) != 0 ? 2 : 1;

    return e->key_len == ends * adit_nft_set_key_len(set) &&
           e->data_len == adit_nft_set_data_len(set);
}

/* Appends the elements of @set to @ret; none, if there is no such set. */
static gboolean
read_set(AditNftDev *dev, const AditNftSet *set, GArray *ret, GError **error)
{
    g_autoptr(AditMsg) request = adit_msg_new();
    g_autoptr(GArray) elements = g_array_new(FALSE, FALSE, sizeof(AditElement));
    g_autoptr(GError) local = NULL;
    Dump dump = { dev, NULL, elements };

    adit_nft_elements_put_dump(request, dev->bp->table, set->name);
    if (!adit_nl_dump(dev->nl, request, on_elements, forget_elements, &dump, &local)) {
        if (is_absent(local))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    for (guint i = 0; i < elements->len; i++) {
        const AditElement *e = &g_array_index(elements, AditElement, i);

        if (fits(set, e))
            g_array_append_vals(ret, e, 1);
    }
    return TRUE;
}

static int
element_cmp(gconstpointer a, gconstpointer b)
{
    return adit_object_cmp(ADIT_KIND_ELEMENT, a, b);
}

/* Sorts, and drops what came twice. FALSE: something did. */
static gboolean
make_unique(GArray *elements)
{
    guint n = 0;

    g_array_sort(elements, element_cmp);
    for (guint i = 0; i < elements->len; i++) {
        const AditElement *e = &g_array_index(elements, AditElement, i);

        if (n > 0 && element_cmp(&g_array_index(elements, AditElement, n - 1), e) == 0)
            continue;
        g_array_index(elements, AditElement, n++) = *e;
    }
    if (n == elements->len)
        return TRUE;
    g_array_set_size(elements, n);
    return FALSE;
}

static gboolean
read_sets(AditNftDev *dev, gboolean dynamic, GArray *ret, GError **error)
{
    for (guint i = 0; i < dev->bp->n_sets; i++) {
        const AditNftSet *set = &dev->bp->sets[i];

        if (((set->flags & ADIT_NFT_DYNAMIC) != 0) == dynamic &&
            !read_set(dev, set, ret, error))
            return FALSE;
    }
    return TRUE;
}

/* The kernel walks a hash table in pieces and counts how far it got. If it makes the table
 * larger or smaller between two pieces, which it does in the background after a change, some
 * elements come twice and as many not at all; no flag tells. So a dump in which none came twice
 * is whole, and another one is begun again. */
gboolean
adit_nftdev_read_elements(AditNftDev *dev, gboolean dynamic, GArray *ret, GError **error)
{
    for (guint i = 0; i < DUMP_TRIES; i++) {
        g_array_set_size(ret, 0);
        if (!read_sets(dev, dynamic, ret, error))
            return FALSE;
        if (make_unique(ret) || dynamic) /* rules never stop changing theirs */
            return TRUE;
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                "nftables: table %s: no dump is whole, of %d: somebody keeps changing it",
                dev->bp->table, DUMP_TRIES);
    return FALSE;
}

typedef struct {
    AditNftDev *dev;
    AditNftElementFunc func;
    gpointer data;
} Walk;

static gboolean
on_walk(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    const Walk *walk = data;

    if (adit_nft_elements_get(nlh, walk->dev->bp->table, walk->func, walk->data))
        return TRUE;
    return fail_element(walk->dev, error);
}

gboolean
adit_nftdev_foreach(AditNftDev *dev, const char *set, AditNftElementFunc func, gpointer data,
                    GError **error)
{
    g_autoptr(AditMsg) request = adit_msg_new();
    Walk walk = { dev, func, data };

    adit_nft_elements_put_dump(request, dev->bp->table, set);
    return adit_nl_dump(dev->nl, request, on_walk, NULL, &walk, error);
}

gboolean
adit_nftdev_ask(AditNftDev *dev, const AditElement *const *elements, guint n,
                AditNftElementFunc func, gpointer data, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    Walk walk = { dev, func, data };

    for (guint i = 0; i < n; i++)
        adit_nft_elements_put(m, dev->bp, ADIT_NFT_ELEMENT_GET, &elements[i], 1);
    return adit_nl_call(dev->nl, m, on_walk, &walk, NULL, error);
}

gboolean
adit_nftdev_dump(AditNftDev *dev, AditState *ret, gboolean *ret_intact, GError **error)
{
    g_autofree char *shape = read_shape(dev, error);
    g_autofree char *wanted = adit_nft_shape_of(dev->bp);
    g_autoptr(GArray) elements = g_array_new(FALSE, FALSE, sizeof(AditElement));

    if (shape == NULL || !adit_nftdev_read_elements(dev, FALSE, elements, error))
        return FALSE;
    for (guint i = 0; i < elements->len; i++)
        adit_state_add_element(ret, &g_array_index(elements, AditElement, i));
    *ret_intact = g_str_equal(shape, wanted);
    return TRUE;
}

const AditElement *
adit_nftdev_find(const AditState *state, const AditElement *key)
{
    guint low = 0, high = adit_state_len(state, ADIT_KIND_ELEMENT);

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const AditElement *e = adit_state_get(state, ADIT_KIND_ELEMENT, middle);
        const int c = adit_object_cmp(ADIT_KIND_ELEMENT, e, key);

        if (c == 0)
            return e;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Elements of one verb, in the order of the operations. */
static void
put_verb(AditMsg *m, const AditNftBlueprint *bp, AditNftElementVerb verb, GPtrArray *elements)
{
    adit_nft_elements_put(m, bp, verb, (const AditElement *const *)elements->pdata,
                          elements->len);
}

static gboolean
same_data(const AditElement *a, const AditElement *b)
{
    return a->data_len == b->data_len && memcmp(a->data, b->data, a->data_len) == 0;
}

/* A change in place is refreshed by newer kernels only: so it is a deletion and an addition in
 * one transaction, with what @counted has of it. When only time or user data change, the
 * deletion is made certain to find something. Deletions come first: a bounded set may be full.
 */
static void
put_ops(AditMsg *m, const AditNftBlueprint *bp, const AditOp *op, guint n, GHashTable *counted)
{
    g_autoptr(GPtrArray) touch = g_ptr_array_new();
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    g_autoptr(GPtrArray) added = g_ptr_array_new();

    for (guint i = 0; i < n; i++) {
        gpointer object = (gpointer)op[i].object, known;

        switch (op[i].verb) {
        case ADIT_OP_ADD: g_ptr_array_add(added, object); break;
        case ADIT_OP_DELETE: g_ptr_array_add(gone, object); break;
        case ADIT_OP_CHANGE:
            if (same_data(op[i].object, op[i].before))
                g_ptr_array_add(touch, object);
            g_ptr_array_add(gone, object);
            known = g_hash_table_lookup(counted, object);
            g_ptr_array_add(added, known ? known : object);
            break;
        }
    }
    put_verb(m, bp, ADIT_NFT_ELEMENT_TOUCH, touch);
    put_verb(m, bp, ADIT_NFT_ELEMENT_DELETE, gone);
    put_verb(m, bp, ADIT_NFT_ELEMENT_ENSURE, added);
}

gboolean
adit_nftdev_send(AditNftDev *dev, AditMsg *m, GError **error)
{
    if (!adit_nl_transaction(dev->nl, m, NULL, error))
        return FALSE;
    dev->sent += adit_msg_count(m) > 0;
    return TRUE;
}

/* Renewals by themselves, and the rest. */
static void
divide(const AditNftDev *dev, const AditOp *op, guint n, GArray *renewals, GArray *rest)
{
    for (guint i = 0; i < n; i++)
        g_array_append_vals(adit_nftdev_is_renewal(dev, &op[i]) ? renewals : rest, &op[i], 1);
}

static gboolean
send_ops(AditNftDev *dev, const AditOp *op, guint n, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GArray) renewals = g_array_new(FALSE, FALSE, sizeof(AditOp));
    g_autoptr(GArray) rest = g_array_new(FALSE, FALSE, sizeof(AditOp));
    g_autoptr(GHashTable) counted = NULL;
    const AditOp *renewal, *telling = NULL;

    divide(dev, op, n, renewals, rest);
    renewal = (AditOp *)(gpointer)renewals->data;
    if (dev->renews == ADIT_NFT_RENEWS_PERHAPS && renewals->len > 0) {
        if (!adit_nftdev_find_telling(dev, renewal, renewals->len, &telling, error))
            return FALSE;
        if (telling == NULL) {
            g_array_append_vals(rest, renewals->data, renewals->len);
            g_array_set_size(renewals, 0);
        }
    }
    op = (AditOp *)(gpointer)rest->data;
    counted = adit_nftdev_counted(dev, op, rest->len, error);
    if (counted == NULL)
        return FALSE;
    put_ops(m, dev->bp, op, rest->len, counted);
    if (renewals->len > 0)
        adit_nftdev_put_renewals(m, dev, renewal, renewals->len);
    if (!adit_nftdev_send(dev, m, error))
        return FALSE;
    if (telling == NULL)
        return TRUE;
    if (!adit_nftdev_see_renewal(dev, telling, error))
        return FALSE;
    /* Not in place, or not known: once more, by new ones. */
    return dev->renews == ADIT_NFT_RENEWS || send_ops(dev, renewal, renewals->len, error);
}

static gboolean
is_stale(const GError *error)
{
    return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND) ||
           g_error_matches(error, ADIT_ERROR, ADIT_ERROR_BUSY);
}

/* What is left to do of @op in the light of @have; FALSE: nothing. */
static gboolean
refresh_op(const AditState *have, const AditOp *op, AditOp *ret)
{
    const AditElement *present = adit_nftdev_find(have, op->object);

    *ret = *op;
    ret->before = present;
    if (op->verb == ADIT_OP_DELETE)
        return present != NULL;
    ret->verb = present != NULL ? ADIT_OP_CHANGE : ADIT_OP_ADD;
    return present == NULL || !adit_object_satisfies(ADIT_KIND_ELEMENT, present, op->object);
}

static AditState *
read_present(AditNftDev *dev, GError **error)
{
    g_autoptr(AditState) have = adit_state_new();
    gboolean intact;

    if (!adit_nftdev_dump(dev, have, &intact, error))
        return NULL;
    return adit_state_seal(g_steal_pointer(&have));
}

static gboolean
resend(AditNftDev *dev, const AditOp *op, guint n, GError **error)
{
    g_autoptr(AditState) have = read_present(dev, error);
    g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(AditOp));

    if (have == NULL)
        return FALSE;
    for (guint i = 0; i < n; i++) {
        AditOp fresh;

        if (refresh_op(have, &op[i], &fresh))
            g_array_append_val(left, fresh);
    }
    g_debug("nftables: %u of %u element operations are sent again", left->len, n);
    return send_ops(dev, (AditOp *)(gpointer)left->data, left->len, error);
}

/* One by one. The first error is kept. */
static gboolean
send_singly(AditNftDev *dev, const AditOp *op, guint n, gboolean *ret_lost, GError **error)
{
    g_autoptr(AditState) have = read_present(dev, error);
    g_autoptr(GError) first = NULL;

    if (have == NULL)
        return FALSE;
    for (guint i = 0; i < n; i++) {
        g_autoptr(GError) local = NULL;
        AditOp fresh;

        if (!refresh_op(have, &op[i], &fresh) || send_ops(dev, &fresh, 1, &local))
            continue;
        if (ret_lost != NULL)
            ret_lost[i] = TRUE;
        if (first == NULL)
            first = g_steal_pointer(&local);
    }
    if (first == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&first));
    return FALSE;
}

gboolean
adit_nftdev_apply(AditNftDev *dev, const AditOp *op, guint n, gboolean *ret_lost,
                  GError **error)
{
    for (guint i = 0; ret_lost != NULL && i < n; i++)
        ret_lost[i] = FALSE;

    for (guint try = 0; try < 2; try++) {
        g_autoptr(GError) local = NULL;

        if (try == 0 ? send_ops(dev, op, n, &local) : resend(dev, op, n, &local))
            return TRUE;
        if (is_stale(local))
            continue;
        for (guint i = 0; ret_lost != NULL && i < n; i++)
            ret_lost[i] = TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return send_singly(dev, op, n, ret_lost, error);
}

const AditNl *
adit_nftdev_socket(const AditNftDev *dev)
{
    return dev->nl;
}
