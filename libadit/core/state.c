/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/state.h"

#include <string.h>

/* One flat array a kind. Keys lie in some, and realloc() or a library's sort would leave copies
 * behind in freed memory; so growing and sorting both write a new block and wipe the old. There
 * are no keys in the others, and up to hundreds of thousands of elements. */

typedef struct {
    guint8 *items;
    guint len, room;
} Items;

struct _AditState {
    Items kinds[ADIT_N_KINDS];
    gboolean sealed;
};

static guint8 *
item(const Items *items, AditKind kind, guint i)
{
    return items->items + i * adit_object_size(kind);
}

static gboolean
has_keys(AditKind kind)
{
    return kind == ADIT_KIND_DEVICE || kind == ADIT_KIND_PEER;
}

static void
wipe(Items *items, AditKind kind)
{
    if (items->items && has_keys(kind))
        explicit_bzero(items->items, items->len * adit_object_size(kind));
    g_clear_pointer(&items->items, g_free);
}

static void
grow(Items *items, AditKind kind)
{
    Items bigger = { .len = items->len, .room = MAX(16, items->room * 2) };

    if (!has_keys(kind)) {
        bigger.items =
            g_realloc_n(g_steal_pointer(&items->items), bigger.room, adit_object_size(kind));
    } else {
        bigger.items = g_malloc_n(bigger.room, adit_object_size(kind));
        if (items->len > 0)
            memcpy(bigger.items, items->items, items->len * adit_object_size(kind));
    }
    wipe(items, kind);
    *items = bigger;
}

AditState *
adit_state_new(void)
{
    return g_new0(AditState, 1);
}

void
adit_state_add(AditState *state, AditKind kind, const void *object)
{
    Items *items = &state->kinds[kind];
    guint8 *slot;

    g_assert(!state->sealed);

    if (items->len == items->room)
        grow(items, kind);
    slot = item(items, kind, items->len++);
    adit_object_copy(kind, slot, object);
    if (kind == ADIT_KIND_PEER)
        adit_peer_normalise((gpointer)slot);
}

void
adit_state_add_link(AditState *state, const AditLink *link)
{
    adit_state_add(state, ADIT_KIND_LINK, link);
}

void
adit_state_add_device(AditState *state, const AditDevice *device)
{
    adit_state_add(state, ADIT_KIND_DEVICE, device);
}

void
adit_state_add_address(AditState *state, const AditAddress *address)
{
    adit_state_add(state, ADIT_KIND_ADDRESS, address);
}

void
adit_state_add_route(AditState *state, const AditRoute *route)
{
    adit_state_add(state, ADIT_KIND_ROUTE, route);
}

void
adit_state_add_rule(AditState *state, const AditRule *rule)
{
    adit_state_add(state, ADIT_KIND_RULE, rule);
}

void
adit_state_add_peer(AditState *state, const AditPeer *peer)
{
    adit_state_add(state, ADIT_KIND_PEER, peer);
}

void
adit_state_add_element(AditState *state, const AditElement *element)
{
    adit_state_add(state, ADIT_KIND_ELEMENT, element);
}

void
adit_state_add_sysctl(AditState *state, const AditSysctl *sysctl)
{
    adit_state_add(state, ADIT_KIND_SYSCTL, sysctl);
}

void
adit_state_add_setting(AditState *state, const char *value, const char *path, ...)
{
    g_autofree char *copy = g_strdup(value), *whole = NULL;
    va_list args;

    va_start(args, path);
    whole = g_strdup_vprintf(path, args);
    va_end(args);
    adit_state_add_sysctl(state, &(AditSysctl){ whole, copy });
}

void
adit_state_add_neighbour(AditState *state, const AditNeighbour *neighbour)
{
    adit_state_add(state, ADIT_KIND_NEIGHBOUR, neighbour);
}

static int
pointer_cmp(gconstpointer a, gconstpointer b, gpointer data)
{
    return adit_object_cmp(GPOINTER_TO_UINT(data), *(gconstpointer *)a, *(gconstpointer *)b);
}

static gboolean
is_sorted(const Items *items, AditKind kind)
{
    for (guint i = 1; i < items->len; i++)
        if (adit_object_cmp(kind, item(items, kind, i - 1), item(items, kind, i)) >= 0)
            return FALSE;
    return TRUE;
}

/* Whether @object, the next in order, only repeats the last one kept. */
static gboolean
is_repeat(const Items *kept, AditKind kind, const void *object, gboolean dump)
{
    const void *last = kept->len > 0 ? item(kept, kind, kept->len - 1) : NULL;
    g_autofree char *words = NULL;

    if (!last || adit_object_cmp(kind, last, object) != 0)
        return FALSE;
    if (adit_object_satisfies(kind, last, object) && adit_object_satisfies(kind, object, last))
        return TRUE;
    if (dump)
        return FALSE;

    words = adit_object_to_string(kind, object);
    g_error("planned twice, differently: %s", words);
}

static void
sort(Items *items, AditKind kind, gboolean dump)
{
    g_autofree gpointer *order = g_new(gpointer, items->len);
    Items sorted = { .room = items->len };

    for (guint i = 0; i < items->len; i++)
        order[i] = item(items, kind, i);
    g_qsort_with_data(order, items->len, sizeof(gpointer), pointer_cmp, GUINT_TO_POINTER(kind));

    sorted.items = g_malloc_n(sorted.room, adit_object_size(kind));
    for (guint i = 0; i < items->len; i++) {
        if (is_repeat(&sorted, kind, order[i], dump))
            adit_object_clear(kind, order[i]);
        else
            memcpy(item(&sorted, kind, sorted.len++), order[i], adit_object_size(kind));
    }
    wipe(items, kind);
    *items = sorted;
}

static AditState *
seal(AditState *state, gboolean dump)
{
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        if (!is_sorted(&state->kinds[kind], kind))
            sort(&state->kinds[kind], kind, dump);
    state->sealed = TRUE;
    return state;
}

AditState *
adit_state_seal(AditState *state)
{
    return seal(state, FALSE);
}

AditState *
adit_state_seal_dump(AditState *state)
{
    return seal(state, TRUE);
}

guint
adit_state_len(const AditState *state, AditKind kind)
{
    return state->kinds[kind].len;
}

const void *
adit_state_get(const AditState *state, AditKind kind, guint i)
{
    g_assert(i < state->kinds[kind].len);
    return item(&state->kinds[kind], kind, i);
}

static gboolean
kind_equal(const AditState *a, const AditState *b, AditKind kind)
{
    if (adit_state_len(a, kind) != adit_state_len(b, kind))
        return FALSE;

    for (guint i = 0; i < adit_state_len(a, kind); i++) {
        const void *x = adit_state_get(a, kind, i), *y = adit_state_get(b, kind, i);

        if (adit_object_cmp(kind, x, y) != 0 || !adit_object_satisfies(kind, x, y) ||
            !adit_object_satisfies(kind, y, x))
            return FALSE;
    }
    return TRUE;
}

gboolean
adit_state_equal(const AditState *a, const AditState *b)
{
    g_assert(a->sealed && b->sealed);

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        if (!kind_equal(a, b, kind))
            return FALSE;
    return TRUE;
}

void
adit_state_free(AditState *state)
{
    if (!state)
        return;

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++) {
        for (guint i = 0; i < state->kinds[kind].len; i++)
            adit_object_clear(kind, item(&state->kinds[kind], kind, i));
        g_free(state->kinds[kind].items);
    }
    g_free(state);
}
