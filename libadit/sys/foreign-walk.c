/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/foreign-walk.h"

#define DEPTH_MAX 16 /* the kernel's own */

typedef struct {
    guint8 family;
    char *table, *chain;
    GBytes *exprs; /* the attribute, header and all */
} Rule;

/* One way through the chains of a table. */
typedef struct {
    const AditForeignWalk *walk;
    const AditNftPacket *packet;
    guint8 family;
    const char *table;
} Way;

static void
rule_free(gpointer data)
{
    Rule *rule = data;

    g_bytes_unref(rule->exprs);
    g_free(rule->table);
    g_free(rule->chain);
    g_free(rule);
}

AditForeignWalk *
adit_foreign_walk_new(AditNl *nl, const GPtrArray *sets)
{
    AditForeignWalk *self = g_new0(AditForeignWalk, 1);

    self->nl = nl;
    self->sets = sets;
    self->rules = g_ptr_array_new_with_free_func(rule_free);
    return self;
}

void
adit_foreign_walk_free(AditForeignWalk *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->rules);
    g_free(self);
}

void
adit_foreign_walk_add(AditForeignWalk *self, guint8 family, const char *table,
                      const char *chain, const struct nlattr *exprs)
{
    Rule *rule = g_new0(Rule, 1);

    rule->family = family;
    rule->table = g_strdup(table);
    rule->chain = g_strdup(chain);
    rule->exprs = g_bytes_new(exprs, exprs->nla_len);
    g_ptr_array_add(self->rules, rule);
}

static AditNftAnswer
has(const char *name, gconstpointer key, gsize len, gpointer data)
{
    const Way *way = data;

    for (guint i = 0; i < way->walk->sets->len; i++) {
        const AditForeignSet *set = g_ptr_array_index(way->walk->sets, i);

        if (set->family == way->family && g_str_equal(set->table, way->table) &&
            g_str_equal(set->name, name))
            return set->key_len <= len ? adit_foreign_set_has(way->walk->nl, set, key)
                                       : ADIT_NFT_WHO_KNOWS;
    }
    return ADIT_NFT_WHO_KNOWS;
}

/* NEXT: the end of the chain is reached. */
static AditNftFate
go(Way *way, const char *chain, guint depth)
{
    for (guint i = 0; depth < DEPTH_MAX && i < way->walk->rules->len; i++) {
        const Rule *rule = g_ptr_array_index(way->walk->rules, i);
        const char *target = NULL;
        AditNftFate fate;

        if (rule->family != way->family || !g_str_equal(rule->table, way->table) ||
            !g_str_equal(rule->chain, chain))
            continue;
        fate =
            adit_nft_judge(g_bytes_get_data(rule->exprs, NULL), way->packet, has, way, &target);
        switch (fate) {
        case ADIT_NFT_FATE_NEXT: continue;
        case ADIT_NFT_FATE_GOTO: return go(way, target, depth + 1);
        case ADIT_NFT_FATE_RETURN: return ADIT_NFT_FATE_NEXT;
        case ADIT_NFT_FATE_JUMP: fate = go(way, target, depth + 1); break;
        case ADIT_NFT_FATE_ACCEPT:
        case ADIT_NFT_FATE_DROP:
        case ADIT_NFT_FATE_UNKNOWN: return fate;
        }
        if (fate != ADIT_NFT_FATE_NEXT)
            return fate;
    }
    return depth < DEPTH_MAX ? ADIT_NFT_FATE_NEXT : ADIT_NFT_FATE_UNKNOWN;
}

gboolean
adit_foreign_walk_drops(const AditForeignWalk *self, guint8 family, const char *table,
                        const char *chain, const AditNftPacket *packet)
{
    Way way = { self, packet, family, table };

    return go(&way, chain, 0) == ADIT_NFT_FATE_DROP;
}
