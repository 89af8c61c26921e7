/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/kernel.h"

#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "libadit/sys/kernel-private.h"
#include "libadit/sys/sysctl.h"
#include "libadit/wire/rtnl-address.h"
#include "libadit/wire/rtnl-neighbour.h"
#include "libadit/wire/rtnl-route.h"
#include "libadit/wire/rtnl-rule.h"

/* One dump under way. The objects wait here, since a dump that somebody interrupted begins anew
 * and what it brought before is void. */
typedef struct {
    AditKernel *kernel;
    const AditScope *scope;
    const AditState *want; /* or NULL */
    guint8 family;         /* of a route dump */
    GArray *objects;
} Dump;

static gboolean
in_scope(const AditScope *scope, const char *link)
{
    return scope->links != NULL && g_strv_contains(scope->links, link);
}

static gboolean
is_own(const AditScope *scope, const AditAddress *address)
{
    return scope->own && strcmp(address->link, scope->own->link) == 0 &&
           adit_addr_cmp(&address->prefix.addr, &scope->own->prefix.addr) == 0;
}

static void
forget(gpointer data)
{
    Dump *dump = data;

    g_array_set_size(dump->objects, 0);
}

/* FALSE: a link that came after we looked. Who made it will tell us, and we look again. */
static gboolean
fill_link(const Dump *dump, guint32 ifindex, char ret[ADIT_NAME_LEN])
{
    const char *name = adit_kernel_name_of(dump->kernel, ifindex);

    if (name == NULL)
        return FALSE;
    g_strlcpy(ret, name, ADIT_NAME_LEN);
    return TRUE;
}

static gboolean
on_address(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;
    AditAddress address;
    guint32 ifindex;

    if (adit_address_get(nlh, &address, &ifindex) && fill_link(dump, ifindex, address.link) &&
        (in_scope(dump->scope, address.link) || is_own(dump->scope, &address)))
        g_array_append_val(dump->objects, address);
    return TRUE;
}

/* A kernel without IPv6 answers for all families at once: hence the family. */
static gboolean
on_route(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;
    AditRoute route;
    guint32 ifindex;

    if (adit_route_get(nlh, &route, &ifindex) && route.dst.addr.family == dump->family &&
        (!dump->scope->only_table || route.table == dump->scope->only_table) &&
        (!dump->scope->not_table || route.table != dump->scope->not_table) &&
        (ifindex == 0 || fill_link(dump, ifindex, route.link)))
        g_array_append_val(dump->objects, route);
    return TRUE;
}

static gboolean
on_rule(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;
    AditRule rule;

    if (adit_rule_get(nlh, &rule))
        g_array_append_val(dump->objects, rule);
    return TRUE;
}

static gboolean
is_wanted(const AditState *want, AditKind kind, gconstpointer object)
{
    guint low = 0, high = want == NULL ? 0 : adit_state_len(want, kind);

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const int c = adit_object_cmp(kind, adit_state_get(want, kind, middle), object);

        if (c == 0)
            return TRUE;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return FALSE;
}

/* The kernel has one entry for an address, whoever made it, and adding it once more would make
 * it ours, to be deleted later. So an entry of somebody else's is there as long as we want it,
 * and none of our business otherwise. */
static gboolean
on_neighbour(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;
    AditNeighbour neighbour;
    guint32 ifindex;
    gboolean ours;

    if (adit_neighbour_get(nlh, &neighbour, &ifindex, &ours) &&
        fill_link(dump, ifindex, neighbour.link) &&
        (ours || is_wanted(dump->want, ADIT_KIND_NEIGHBOUR, &neighbour)))
        g_array_append_val(dump->objects, neighbour);
    return TRUE;
}

static gboolean
add_dump(Dump *dump, AditKind kind, AditMsg *request, AditNlFunc func, AditState *ret,
         GError **error)
{
    const gsize size = adit_object_size(kind);

    dump->objects = g_array_new(FALSE, TRUE, size);
    if (!adit_nl_dump(dump->kernel->nl, request, func, forget, dump, error)) {
        g_prefix_error(error, "reading %s: ", adit_kind_name(kind));
        g_array_unref(dump->objects);
        return FALSE;
    }
    for (guint i = 0; i < dump->objects->len; i++)
        adit_state_add(ret, kind, dump->objects->data + i * size);
    g_array_unref(dump->objects);
    return TRUE;
}

static gboolean
add_links(AditKernel *kernel, const AditScope *scope, AditState *ret, GError **error)
{
    g_autoptr(GArray) links = g_array_new(FALSE, TRUE, sizeof(AditLink));

    if (!adit_kernel_look(kernel, links, error)) {
        g_prefix_error(error, "reading links: ");
        return FALSE;
    }
    for (guint i = 0; i < links->len; i++) {
        const AditLink *link = &g_array_index(links, AditLink, i);

        if ((scope->kinds & ADIT_KIND_BIT(ADIT_KIND_LINK)) != 0 && in_scope(scope, link->name))
            adit_state_add_link(ret, link);
    }
    return TRUE;
}

/* Nobody owns a sysctl: it is looked up where one is wanted. */
static gboolean
add_sysctls(const AditState *want, AditState *ret, GError **error)
{
    const guint n = want == NULL ? 0 : adit_state_len(want, ADIT_KIND_SYSCTL);

    for (guint i = 0; i < n; i++) {
        const AditSysctl *wanted = adit_state_get(want, ADIT_KIND_SYSCTL, i);
        g_autoptr(GError) local = NULL;
        g_autofree char *value = adit_sysctl_read(wanted->path, &local);
        const AditSysctl present = { wanted->path, value };

        if (value != NULL) {
            adit_state_add_sysctl(ret, &present);
        } else if (!g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
add_routes(Dump *dump, AditState *ret, GError **error)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };

    for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
        g_autoptr(AditMsg) m = adit_msg_new();

        dump->family = families[i];
        adit_route_put_dump(m, dump->family);
        if (!add_dump(dump, ADIT_KIND_ROUTE, m, on_route, ret, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
add_kind(AditKernel *kernel, AditKind kind, const AditScope *scope, const AditState *want,
         AditState *ret, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    Dump dump = { .kernel = kernel, .scope = scope, .want = want };

    switch (kind) {
    case ADIT_KIND_ADDRESS:
        adit_address_put_dump(m);
        return add_dump(&dump, kind, m, on_address, ret, error);
    case ADIT_KIND_ROUTE: return add_routes(&dump, ret, error);
    case ADIT_KIND_RULE:
        adit_rule_put_dump(m);
        return add_dump(&dump, kind, m, on_rule, ret, error);
    case ADIT_KIND_NEIGHBOUR:
        adit_neighbour_put_dump(m);
        return add_dump(&dump, kind, m, on_neighbour, ret, error);
    case ADIT_KIND_SYSCTL: return add_sysctls(want, ret, error);
    case ADIT_KIND_LINK:
    case ADIT_KIND_DEVICE:
    case ADIT_KIND_PEER:
    case ADIT_KIND_ELEMENT: return TRUE; /* looked at already, or a front's */
    }
    return TRUE;
}

/* Each front once, with all the kinds that are asked of it. */
static gboolean
add_fronts(AditKernel *kernel, const AditScope *scope, AditState *ret, GError **error)
{
    guint left = scope->kinds & ~ADIT_KIND_BIT(ADIT_KIND_LINK);

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++) {
        const AditFront *front = &kernel->front[kind];
        const guint kinds = front->kinds & left;

        if (kinds == 0)
            continue;
        if (!front->dump(front->data, kinds, scope, ret, error)) {
            g_prefix_error(error, "reading %s: ", adit_kind_name(kind));
            return FALSE;
        }
        left &= ~kinds;
    }
    return TRUE;
}

AditState *
adit_kernel_dump(AditKernel *kernel, const AditScope *scope, const AditState *want,
                 GError **error)
{
    g_autoptr(AditState) have = adit_state_new();

    if (!add_links(kernel, scope, have, error))
        return NULL;
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        if ((scope->kinds & ADIT_KIND_BIT(kind)) != 0 &&
            !add_kind(kernel, kind, scope, want, have, error))
            return NULL;
    if (!add_fronts(kernel, scope, have, error))
        return NULL;
    return adit_state_seal_dump(g_steal_pointer(&have));
}
