/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease.h"

#include <string.h>
#include <sys/socket.h>

/* Every request finds its lease by a hash, whatever their number: by the inside end, the
 * outside end, the redirect, the device. A sequence has them in the order of their ends. One
 * lease costs about 300 bytes in all of that together. */

#define FREED_MAX 65536 /* outside ports remembered; the oldest makes room */
#define NO_CHANGE G_MAXUINT

typedef GPtrArray Owned; /* the leases of one device */

struct _AditLeaseNode {
    AditLease lease;
    GSequenceIter *order;
    guint at;     /* in the array of its device */
    guint change; /* in the list of changes */
};

typedef struct {
    AditSockAddr external;
    guint8 proto;
    gint64 device, until_ms;
} Freed;

struct _AditLeaseTable {
    GHashTable *by_internal, *by_external, *by_redirect; /* sets of AditLease */
    GHashTable *by_device;                               /* gint64 -> Owned */
    GSequence *by_end;
    GHashTable *freed; /* a set of Freed */
    GQueue freed_order;
    GArray *changes; /* AditLeaseChange */
};

static guint
hash_end(const AditAddr *addr, guint16 port, guint8 more)
{
    guint64 half[2], h;

    memcpy(half, addr->bytes, sizeof(half));
    h = (half[0] ^ (half[1] << 7 | half[1] >> 57) ^ addr->family) +
        ((guint64)port << 8 | more) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    h *= G_GUINT64_CONSTANT(0xff51afd7ed558ccd);
    return (guint)(h ^ h >> 32);
}

static gboolean
same_end(const AditAddr *a, guint16 a_port, const AditAddr *b, guint16 b_port)
{
    return a_port == b_port && memcmp(a, b, sizeof(*a)) == 0;
}

static guint
hash_internal(gconstpointer key)
{
    const AditLeaseEnds *ends = &((const AditLease *)key)->ends;

    return hash_end(&ends->internal, ends->internal_port,
                    (guint8)(ends->proto << 1 | (ends->flags & ADIT_LEASE_SECOND)));
}

static gboolean
same_internal(gconstpointer a, gconstpointer b)
{
    const AditLeaseEnds *x = &((const AditLease *)a)->ends;
    const AditLeaseEnds *y = &((const AditLease *)b)->ends;

    return x->proto == y->proto &&
           (x->flags & ADIT_LEASE_SECOND) == (y->flags & ADIT_LEASE_SECOND) &&
           same_end(&x->internal, x->internal_port, &y->internal, y->internal_port);
}

static guint
hash_external(gconstpointer key)
{
    const AditLeaseEnds *ends = &((const AditLease *)key)->ends;

    return hash_end(&ends->external, ends->external_port, ends->proto);
}

static gboolean
same_external(gconstpointer a, gconstpointer b)
{
    const AditLeaseEnds *x = &((const AditLease *)a)->ends;
    const AditLeaseEnds *y = &((const AditLease *)b)->ends;

    return x->proto == y->proto &&
           same_end(&x->external, x->external_port, &y->external, y->external_port);
}

static guint
hash_redirect(gconstpointer key)
{
    const AditLease *lease = key;

    return hash_end(&lease->ends.external, lease->redirect.external_port, 0);
}

static gboolean
same_redirect(gconstpointer a, gconstpointer b)
{
    const AditLease *x = a, *y = b;

    return same_end(&x->ends.external, x->redirect.external_port, &y->ends.external,
                    y->redirect.external_port);
}

static guint
hash_freed(gconstpointer key)
{
    const Freed *freed = key;

    return hash_end(&freed->external.addr, freed->external.port, freed->proto);
}

static gboolean
same_freed(gconstpointer a, gconstpointer b)
{
    const Freed *x = a, *y = b;

    return x->proto == y->proto &&
           same_end(&x->external.addr, x->external.port, &y->external.addr, y->external.port);
}

static void
clear(AditLease *lease)
{
    g_free(lease->filters);
    g_free(lease->description);
}

static void
lease_free(gpointer data)
{
    AditLease *lease = data;

    if (!lease)
        return;
    clear(lease);
    if (lease->node)
        g_free(lease->node); /* which the lease is a part of */
    else
        g_free(lease);
}

static AditLease
copy_of(const AditLease *lease)
{
    AditLease copy = *lease;

    copy.filters = g_memdup2(lease->filters, lease->n_filters * sizeof(AditPrefix));
    copy.description = g_strdup(lease->description);
    copy.node = NULL;
    return copy;
}

AditLeaseTable *
adit_lease_table_new(void)
{
    AditLeaseTable *table = g_new0(AditLeaseTable, 1);

    table->by_internal = g_hash_table_new(hash_internal, same_internal);
    table->by_external = g_hash_table_new(hash_external, same_external);
    table->by_redirect = g_hash_table_new(hash_redirect, same_redirect);
    table->by_device = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                             (GDestroyNotify)g_ptr_array_unref);
    table->by_end = g_sequence_new(lease_free);
    table->freed = g_hash_table_new_full(hash_freed, same_freed, g_free, NULL);
    table->changes = g_array_new(FALSE, TRUE, sizeof(AditLeaseChange));
    return table;
}

void
adit_lease_table_free(AditLeaseTable *table)
{
    if (!table)
        return;
    adit_lease_settle(table);
    g_array_unref(table->changes);
    g_hash_table_unref(table->by_internal);
    g_hash_table_unref(table->by_external);
    g_hash_table_unref(table->by_redirect);
    g_hash_table_unref(table->by_device);
    g_sequence_free(table->by_end);
    g_queue_clear(&table->freed_order);
    g_hash_table_unref(table->freed);
    g_free(table);
}

guint
adit_lease_table_len(const AditLeaseTable *table)
{
    return g_hash_table_size(table->by_external);
}

guint
adit_lease_table_count(const AditLeaseTable *table, gint64 device)
{
    const Owned *owned = g_hash_table_lookup(table->by_device, &device);

    return owned ? owned->len : 0;
}

guint
adit_lease_table_count_low(const AditLeaseTable *table, gint64 device)
{
    const Owned *owned = g_hash_table_lookup(table->by_device, &device);
    guint n = 0;

    for (guint i = 0; owned && i < owned->len; i++) {
        const AditLease *lease = g_ptr_array_index(owned, i);

        n += lease->ends.external_port < 1024 && lease->ends.external.family == AF_INET;
    }
    return n;
}

const AditLease *
adit_lease_find_internal(const AditLeaseTable *table, const AditLeaseEnds *ends)
{
    const AditLease probe = { .ends = *ends };

    return g_hash_table_lookup(table->by_internal, &probe);
}

static AditLease
probe_external(guint8 proto, const AditSockAddr *external)
{
    const AditLease probe = {
        .ends = { .external = external->addr, .external_port = external->port, .proto = proto },
        .redirect = { .external_port = external->port }
    };

    return probe;
}

const AditLease *
adit_lease_find_external(const AditLeaseTable *table, guint8 proto,
                         const AditSockAddr *external)
{
    const AditLease probe = probe_external(proto, external);

    return g_hash_table_lookup(table->by_external, &probe);
}

const AditLease *
adit_lease_find_redirect(const AditLeaseTable *table, const AditSockAddr *external)
{
    const AditLease probe = probe_external(0, external);

    return g_hash_table_lookup(table->by_redirect, &probe);
}

/* -- ports that were somebody's -- */

static void
forget_freed(AditLeaseTable *table, Freed *freed)
{
    g_queue_remove(&table->freed_order, freed); /* near the head: they end in that order */
    g_hash_table_remove(table->freed, freed);
}

static void
remember_freed(AditLeaseTable *table, const AditLease *lease, gint64 now_ms, gint64 until_ms)
{
    const Freed probe = { adit_lease_external(lease), lease->ends.proto, lease->device,
                          until_ms };
    Freed *freed = g_hash_table_lookup(table->freed, &probe);

    if (freed) { /* stays where it is in the order: it is only looked at again a bit early */
        *freed = probe;
        return;
    }
    while ((freed = g_queue_peek_head(&table->freed_order)) &&
           (freed->until_ms <= now_ms || table->freed_order.length >= FREED_MAX))
        forget_freed(table, freed);
    freed = g_memdup2(&probe, sizeof(probe));
    g_hash_table_add(table->freed, freed);
    g_queue_push_tail(&table->freed_order, freed);
}

gint64
adit_lease_freed_by(const AditLeaseTable *table, guint8 proto, const AditSockAddr *external,
                    gint64 now_ms)
{
    const Freed probe = { .external = *external, .proto = proto };
    const Freed *freed = g_hash_table_lookup(table->freed, &probe);

    return freed && freed->until_ms > now_ms ? freed->device : 0;
}

/* -- changes -- */

static AditLeaseChange *
change_at(const AditLeaseTable *table, guint i)
{
    return &g_array_index(table->changes, AditLeaseChange, i);
}

/* The first of a turn remembers what was. */
static AditLeaseChange *
note_change(AditLeaseTable *table, AditLease *lease, gboolean is_new)
{
    AditLeaseChange change = { .lease = lease };

    if (lease->node->change == NO_CHANGE) {
        if (!is_new) {
            const AditLease before = copy_of(lease);

            change.before = g_memdup2(&before, sizeof(before));
        }
        lease->node->change = table->changes->len;
        g_array_append_val(table->changes, change);
    }
    return change_at(table, lease->node->change);
}

static int
cmp_end(gconstpointer a, gconstpointer b, gpointer unused)
{
    const AditLease *x = a, *y = b;

    return x->expires_ms < y->expires_ms ? -1 : x->expires_ms > y->expires_ms;
}

static void
index_redirect(AditLeaseTable *table, AditLease *lease)
{
    if (lease->redirect.external_port && lease->redirect.status == ADIT_PCP_REDIRECT_ACTIVE)
        g_hash_table_add(table->by_redirect, lease);
}

static void
unindex_redirect(AditLeaseTable *table, AditLease *lease)
{
    if (g_hash_table_lookup(table->by_redirect, lease) == lease)
        g_hash_table_remove(table->by_redirect, lease);
}

static void
join_device(AditLeaseTable *table, AditLease *lease)
{
    Owned *owned = g_hash_table_lookup(table->by_device, &lease->device);

    if (!owned) {
        owned = g_ptr_array_new();
        g_hash_table_insert(table->by_device, g_memdup2(&lease->device, sizeof(gint64)), owned);
    }
    lease->node->at = owned->len;
    g_ptr_array_add(owned, lease);
}

static void
leave_device(AditLeaseTable *table, AditLease *lease)
{
    Owned *owned = g_hash_table_lookup(table->by_device, &lease->device);
    AditLease *last = g_ptr_array_index(owned, owned->len - 1);

    last->node->at = lease->node->at;
    g_ptr_array_remove_index_fast(owned, lease->node->at);
    if (owned->len == 0)
        g_hash_table_remove(table->by_device, &lease->device);
}

const AditLease *
adit_lease_add(AditLeaseTable *table, const AditLease *lease)
{
    AditLeaseNode *node = g_new0(AditLeaseNode, 1);
    AditLease *own = &node->lease;

    G_STATIC_ASSERT(G_STRUCT_OFFSET(AditLeaseNode, lease) == 0);
    *own = copy_of(lease);
    own->node = node;
    node->change = NO_CHANGE;
    node->order = g_sequence_insert_sorted(table->by_end, own, cmp_end, NULL);
    g_hash_table_add(table->by_internal, own);
    g_hash_table_add(table->by_external, own);
    index_redirect(table, own);
    join_device(table, own);
    note_change(table, own, TRUE);
    return own;
}

/* @next's own parts are taken over. */
static void
replace(AditLeaseTable *table, AditLease *own, AditLease *next)
{
    AditLeaseNode *node = own->node;
    const AditLeaseEnds ends = own->ends;
    const gint64 device = own->device;

    unindex_redirect(table, own);
    clear(own);
    *own = *next;
    own->ends = ends;
    own->ends.flags = next->ends.flags;
    own->device = device;
    own->node = node;
    index_redirect(table, own);
    g_sequence_sort_changed(node->order, cmp_end, NULL);
}

void
adit_lease_update(AditLeaseTable *table, const AditLease *lease, const AditLease *next)
{
    AditLease *own = &lease->node->lease;
    AditLease copy = copy_of(next);

    note_change(table, own, FALSE);
    replace(table, own, &copy);
}

static void
drop(AditLeaseTable *table, AditLease *own)
{
    unindex_redirect(table, own);
    g_hash_table_remove(table->by_internal, own);
    g_hash_table_remove(table->by_external, own);
    leave_device(table, own);
    g_sequence_remove(own->node->order);
}

void
adit_lease_remove(AditLeaseTable *table, const AditLease *lease, gint64 now_ms,
                  gint64 recycle_ms)
{
    AditLease *own = &lease->node->lease;

    note_change(table, own, FALSE)->lease = NULL;
    if (recycle_ms > 0)
        remember_freed(table, own, now_ms, now_ms + recycle_ms);
    drop(table, own);
}

const AditLease *
adit_lease_first_to_end(const AditLeaseTable *table)
{
    GSequenceIter *first = g_sequence_get_begin_iter(table->by_end);

    return g_sequence_iter_is_end(first) ? NULL : g_sequence_get(first);
}

void
adit_lease_foreach(const AditLeaseTable *table, AditLeaseFunc func, gpointer data)
{
    GSequenceIter *i = g_sequence_get_begin_iter(table->by_end);

    while (!g_sequence_iter_is_end(i)) {
        const AditLease *lease = g_sequence_get(i);

        i = g_sequence_iter_next(i);
        func(lease, data);
    }
}

void
adit_lease_foreach_of(const AditLeaseTable *table, gint64 device, AditLeaseFunc func,
                      gpointer data)
{
    for (guint i = adit_lease_table_count(table, device); i-- > 0;) {
        const Owned *owned = g_hash_table_lookup(table->by_device, &device);

        func(g_ptr_array_index(owned, i), data);
    }
}

const AditLeaseChange *
adit_lease_changes(const AditLeaseTable *table, guint *ret_n)
{
    *ret_n = table->changes->len;
    return (const AditLeaseChange *)(gconstpointer)table->changes->data;
}

void
adit_lease_undo(AditLeaseTable *table, guint i)
{
    AditLeaseChange *change = change_at(table, i);
    AditLease *own = change->lease ? &change->lease->node->lease : NULL;

    if (own && change->before) {
        AditLease copy = copy_of(change->before);

        replace(table, own, &copy);
    } else if (own) {
        drop(table, own);
        change->lease = NULL;
    }
}

void
adit_lease_settle(AditLeaseTable *table)
{
    for (guint i = 0; i < table->changes->len; i++) {
        AditLeaseChange *change = change_at(table, i);

        if (change->lease)
            change->lease->node->change = NO_CHANGE;
        lease_free(change->before);
    }
    g_array_set_size(table->changes, 0);
}

/* -- what a lease says -- */

gboolean
adit_lease_is_on(const AditLease *lease)
{
    return !(lease->ends.flags & ADIT_LEASE_OFF);
}

gboolean
adit_lease_is_held(const AditLease *lease)
{
    return !adit_lease_is_on(lease) && !(lease->ends.flags & ADIT_LEASE_BY_DEVICE);
}

guint32
adit_lease_left(const AditLease *lease, gint64 now_ms)
{
    const gint64 left = (lease->expires_ms - now_ms + 999) / 1000;

    return left > 0 ? (guint32)MIN(left, G_MAXUINT32) : 0;
}

AditSockAddr
adit_lease_external(const AditLease *lease)
{
    const AditSockAddr at = { .addr = lease->ends.external, .port = lease->ends.external_port };

    return at;
}

AditSockAddr
adit_lease_internal(const AditLease *lease)
{
    const AditSockAddr at = { .addr = lease->ends.internal, .port = lease->ends.internal_port };

    return at;
}
