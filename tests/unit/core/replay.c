/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/replay.h"

#include <sys/socket.h>

#include "tests/unit/core/sample.h"

#define MAIN_TABLE 254

struct _Replay {
    GPtrArray *kinds[ADIT_N_KINDS];
};

static gpointer
copy_object(AditKind kind, const void *object)
{
    gpointer copy = g_malloc0(adit_object_size(kind));

    adit_object_copy(kind, copy, object);
    return copy;
}

static void
free_object(AditKind kind, gpointer object)
{
    adit_object_clear(kind, object);
    g_free(object);
}

Replay *
replay_new(const AditState *have)
{
    Replay *replay = g_new0(Replay, 1);

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++) {
        replay->kinds[kind] = g_ptr_array_new();
        for (guint i = 0; i < adit_state_len(have, kind); i++)
            g_ptr_array_add(replay->kinds[kind],
                            copy_object(kind, adit_state_get(have, kind, i)));
    }
    return replay;
}

/* The place of the object of that identity; of several, of the one equal to @object. */
static gboolean
find(const Replay *replay, AditKind kind, const void *object, guint *ret)
{
    const GPtrArray *objects = replay->kinds[kind];
    gboolean found = FALSE;

    for (guint i = 0; i < objects->len; i++) {
        if (adit_object_cmp(kind, objects->pdata[i], object) != 0)
            continue;
        if (!found || adit_object_satisfies(kind, objects->pdata[i], object))
            *ret = i;
        found = TRUE;
    }
    return found;
}

void
replay_perform(Replay *replay, const AditOp *op)
{
    GPtrArray *objects = replay->kinds[op->kind];
    guint at = 0;

    switch (op->verb) {
    case ADIT_OP_ADD:
        g_assert_null(op->before);
        g_assert_false(find(replay, op->kind, op->object, &at)); /* EEXIST */
        g_ptr_array_add(objects, copy_object(op->kind, op->object));
        break;
    case ADIT_OP_CHANGE:
        g_assert_nonnull(op->before);
        g_assert_cmpint(adit_object_cmp(op->kind, op->before, op->object), ==, 0);
        g_assert_true(find(replay, op->kind, op->before, &at)); /* ENOENT */
        free_object(op->kind, objects->pdata[at]);
        objects->pdata[at] = copy_object(op->kind, op->object);
        break;
    case ADIT_OP_DELETE:
        g_assert_null(op->before);
        g_assert_true(find(replay, op->kind, op->object, &at)); /* ENOENT */
        g_assert_true(adit_object_satisfies(op->kind, objects->pdata[at], op->object));
        free_object(op->kind, g_ptr_array_remove_index(objects, at));
        break;
    }
}

AditState *
replay_get_state(const Replay *replay)
{
    AditState *state = adit_state_new();

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        for (guint i = 0; i < replay->kinds[kind]->len; i++)
            adit_state_add(state, kind, replay->kinds[kind]->pdata[i]);
    return adit_state_seal_dump(state);
}

guint
replay_count(const Replay *replay, AditKind kind)
{
    return replay->kinds[kind]->len;
}

void
replay_free(Replay *replay)
{
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++) {
        for (guint i = 0; i < replay->kinds[kind]->len; i++)
            free_object(kind, replay->kinds[kind]->pdata[i]);
        g_ptr_array_unref(replay->kinds[kind]);
    }
    g_free(replay);
}

static gboolean
rule_matches(const AditRule *rule, const Packet *packet)
{
    return rule->family == packet->family && (packet->mark & rule->mask) == rule->mark &&
           (!adit_addr_is_set(&rule->src.addr) ||
            adit_prefix_contains(&rule->src, &packet->src)) &&
           (!adit_addr_is_set(&rule->dst.addr) ||
            adit_prefix_contains(&rule->dst, &packet->dst));
}

static gboolean
link_exists(const Replay *replay, const char *name)
{
    AditLink link = sample_link(name);
    guint at;

    return find(replay, ADIT_KIND_LINK, &link, &at);
}

static const AditRoute *
find_route(const Replay *replay, guint32 table, const Packet *packet, gboolean lo_flapped)
{
    const GPtrArray *routes = replay->kinds[ADIT_KIND_ROUTE];
    const AditRoute *best = NULL;

    for (guint i = 0; i < routes->len; i++) {
        const AditRoute *route = routes->pdata[i];

        if (route->table != table || !adit_prefix_contains(&route->dst, &packet->dst))
            continue;
        if (route->type == ADIT_ROUTE_UNICAST ? !link_exists(replay, route->link) : lo_flapped)
            continue;
        if (!best || route->dst.len > best->dst.len ||
            (route->dst.len == best->dst.len && route->metric < best->metric))
            best = route;
    }
    return best;
}

static Road
route_in_main(const Packet *packet)
{
    AditPrefix lan =
        sample_prefix(packet->family == AF_INET ? "192.168.1.0/24" : "fd00:1::/64");

    return adit_prefix_contains(&lan, &packet->dst) ? ROAD_LAN : ROAD_UPLINK;
}

/* FALSE: the walk goes on. */
static gboolean
consult(const Replay *replay, const AditRule *rule, const Packet *packet, gboolean lo_flapped,
        Road *ret)
{
    const AditRoute *route;

    *ret = ROAD_DROPPED;
    if (rule->action != ADIT_RULE_LOOKUP)
        return TRUE;
    if (rule->table == MAIN_TABLE) {
        *ret = route_in_main(packet);
        return *ret != ROAD_UPLINK || !rule->suppress;
    }

    route = find_route(replay, rule->table, packet, lo_flapped);
    if (!route || (rule->suppress && route->dst.len == 0))
        return FALSE;
    if (route->type == ADIT_ROUTE_UNICAST)
        *ret = ROAD_TUNNEL + (route->link[2] - '0');
    return TRUE;
}

static int
consultation_cmp(gconstpointer a, gconstpointer b)
{
    const AditRule *x = *(const AditRule *const *)a, *y = *(const AditRule *const *)b;

    return (x->priority > y->priority) - (x->priority < y->priority);
}

Road
replay_route(const Replay *replay, const Packet *packet, gboolean lo_flapped)
{
    const GPtrArray *all = replay->kinds[ADIT_KIND_RULE];
    g_autoptr(GPtrArray) rules = g_ptr_array_new();
    Road road;

    for (guint i = 0; i < all->len; i++)
        g_ptr_array_add(rules, all->pdata[i]);
    g_ptr_array_sort(rules, consultation_cmp); /* stable: of one priority the older first */

    for (guint i = 0; i < rules->len; i++) {
        const AditRule *rule = rules->pdata[i];

        if (rule_matches(rule, packet) && consult(replay, rule, packet, lo_flapped, &road))
            return road;
    }
    return route_in_main(packet);
}
