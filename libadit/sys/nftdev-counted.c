/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nftdev-private.h"
#include "libadit/wire/nft-element.h"

#include "libadit/core/error.h"

/* What changes an element is a new one in its place (so is a renewal, before Linux 6.12:
 * nftdev-renewal.c), and what its traffic was so far is asked for just before. What comes in
 * between is not counted: some packets an hour. */

static guint
element_hash(gconstpointer data)
{
    const AditElement *e = data;
    guint h = g_str_hash(e->set);

    for (guint i = 0; i < e->key_len; i++)
        h = h * 33 + e->key[i];
    return h;
}

static gboolean
element_equal(gconstpointer a, gconstpointer b)
{
    return adit_object_cmp(ADIT_KIND_ELEMENT, a, b) == 0;
}

static void
on_present(const AditElement *present, gpointer data)
{
    AditElement *e = g_hash_table_lookup(data, present);

    if (e != NULL) {
        e->packets = present->packets;
        e->bytes = present->bytes;
    }
}

static gboolean
is_absent(const GError *error)
{
    return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
}

/* All that count, because some of ours are gone: a lease has just run out. */
static gboolean
read_all(AditNftDev *dev, GHashTable *counted, GError **error)
{
    for (guint i = 0; i < dev->bp->n_sets; i++) {
        const AditNftSet *set = &dev->bp->sets[i];
        g_autoptr(GError) local = NULL;

        if ((set->flags & ADIT_NFT_COUNTER) == 0 ||
            adit_nftdev_foreach(dev, set->name, on_present, counted, &local) ||
            is_absent(local))
            continue;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return TRUE;
}

static gboolean
read_some(AditNftDev *dev, GPtrArray *elements, GHashTable *counted, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (adit_nftdev_ask(dev, (const AditElement *const *)elements->pdata, elements->len,
                        on_present, counted, &local))
        return TRUE;
    if (is_absent(local))
        return read_all(dev, counted, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

GHashTable *
adit_nftdev_counted(AditNftDev *dev, const AditOp *op, guint n, GError **error)
{
    g_autoptr(GHashTable) counted =
        g_hash_table_new_full(element_hash, element_equal, g_free, NULL);
    g_autoptr(GPtrArray) elements = g_ptr_array_new();

    for (guint i = 0; i < n; i++) {
        const AditElement *e = op[i].object;

        if (op[i].verb == ADIT_OP_CHANGE &&
            (adit_nft_blueprint_set(dev->bp, e->set)->flags & ADIT_NFT_COUNTER) != 0) {
            AditElement *copy = g_memdup2(e, sizeof(*e));

            g_hash_table_add(counted, copy);
            g_ptr_array_add(elements, copy);
        }
    }
    if (elements->len > 0 && !read_some(dev, elements, counted, error))
        return NULL;
    return g_steal_pointer(&counted);
}
