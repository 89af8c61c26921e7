/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/routes.h"

#include "libadit/core/error.h"
#include "libadit/wire/rtnl-rule.h"

#include <net/if.h>

typedef struct {
    guint32 table;
    guint8 family;
    guint32 ifindex; /* the last one asked for, and its name: routes come in runs */
    char name[IF_NAMESIZE];
    GArray *found;
} Dump;

static gboolean
name_link(Dump *dump, guint32 ifindex)
{
    if (ifindex != dump->ifindex) {
        dump->ifindex = ifindex;
        if (!if_indextoname(ifindex, dump->name))
            dump->name[0] = '\0'; /* gone since */
    }
    return dump->name[0] != '\0';
}

static gboolean
on_route(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;
    AditSeenRoute route;

    if (!adit_seen_route_get(nlh, &route) || route.table != dump->table ||
        route.dst.addr.family != dump->family)
        return TRUE;
    for (guint i = 0; i < route.n_hops; i++) {
        AditAddress row = { .prefix = route.dst };

        if (!name_link(dump, route.ifindex[i]))
            continue;
        g_strlcpy(row.link, dump->name, sizeof(row.link));
        g_array_append_val(dump->found, row);
    }
    return TRUE;
}

static gboolean
on_rule(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditSeenRule rule;

    if (adit_seen_rule_get(nlh, &rule))
        g_array_append_val(((Dump *)data)->found, rule);
    return TRUE;
}

static void
forget(gpointer data)
{
    g_array_set_size(((Dump *)data)->found, 0);
}

GArray *
adit_routes_read(AditNl *nl, guint8 family, guint32 table, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GArray) found = g_array_new(FALSE, TRUE, sizeof(AditAddress));
    g_autoptr(GError) local = NULL;
    Dump dump = { .table = table, .family = family, .found = found };

    adit_seen_route_put_dump(m, family, table);
    /* A table nobody has used yet is no table: ENOENT. */
    if (!adit_nl_dump(nl, m, on_route, forget, &dump, &local) &&
        !g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
        g_propagate_prefixed_error(error, g_steal_pointer(&local),
                                   "routes of table %u: ", table);
        return NULL;
    }
    return g_steal_pointer(&found);
}

GArray *
adit_rules_read(AditNl *nl, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GArray) found = g_array_new(FALSE, TRUE, sizeof(AditSeenRule));
    Dump dump = { .found = found };

    adit_rule_put_dump(m);
    if (adit_nl_dump(nl, m, on_rule, forget, &dump, error))
        return g_steal_pointer(&found);
    g_prefix_error(error, "rules: ");
    return NULL;
}
