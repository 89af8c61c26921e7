/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Everything the kinds differ in: identity, contents, deep parts. The rest of core is written
 * once, over the table at the end. */

#define COMPARE(x, y) (((x) > (y)) - ((x) < (y)))

/* Mostly equal and padded alike, which is two loads; strncmp() is a call. */
static inline int
name_cmp(const char *a, const char *b)
{
    if (memcmp(a, b, ADIT_NAME_LEN) == 0)
        return 0;
    return strncmp(a, b, ADIT_NAME_LEN);
}

G_STATIC_ASSERT(ADIT_SET_NAME_LEN == ADIT_NAME_LEN);

static int
link_cmp(const void *a, const void *b)
{
    return name_cmp(((const AditLink *)a)->name, ((const AditLink *)b)->name);
}

static gboolean
link_satisfies(const void *have, const void *want)
{
    const AditLink *h = have, *w = want;

    return (w->mtu == 0 || h->mtu == w->mtu) && !h->up == !w->up;
}

static int
device_cmp(const void *a, const void *b)
{
    return name_cmp(((const AditDevice *)a)->link, ((const AditDevice *)b)->link);
}

/* The kernel clamps a private key before it keeps it, so a profile with an unclamped one would
 * differ for ever. */
static gboolean
private_key_matches(const AditKey *have, const AditKey *want)
{
    g_auto(AditKey) h = *have;
    g_auto(AditKey) w = *want;

    if (adit_key_is_zero(have) || adit_key_is_zero(want))
        return adit_key_equal(have, want);

    adit_key_clamp(&h);
    adit_key_clamp(&w);
    return adit_key_equal(&h, &w);
}

static gboolean
device_satisfies(const void *have, const void *want)
{
    const AditDevice *h = have, *w = want;

    return (w->listen_port == 0 || h->listen_port == w->listen_port) &&
           h->fwmark == w->fwmark && private_key_matches(&h->private_key, &w->private_key);
}

static int
address_cmp(const void *a, const void *b)
{
    const AditAddress *x = a, *y = b;
    int c = name_cmp(x->link, y->link);

    if (c == 0)
        c = adit_addr_cmp(&x->prefix.addr, &y->prefix.addr);
    if (c == 0 && x->prefix.addr.family == AF_INET)
        c = COMPARE(x->prefix.len, y->prefix.len);
    return c;
}

static gboolean
address_satisfies(const void *have, const void *want)
{
    const AditAddress *h = have, *w = want;

    return h->prefix.len == w->prefix.len && !h->deprecated == !w->deprecated &&
           !h->no_prefix_route == !w->no_prefix_route;
}

static int
route_cmp(const void *a, const void *b)
{
    const AditRoute *x = a, *y = b;
    int c = COMPARE(x->dst.addr.family, y->dst.addr.family);

    if (c == 0)
        c = COMPARE(x->table, y->table);
    if (c == 0)
        c = adit_prefix_cmp(&x->dst, &y->dst);
    if (c == 0)
        c = COMPARE(x->metric, y->metric);
    return c;
}

/* A route that drops has neither link nor gateway; IPv6 shows one of its own on "lo". */
static gboolean
route_satisfies(const void *have, const void *want)
{
    const AditRoute *h = have, *w = want;

    if (h->type != w->type)
        return FALSE;
    if (w->type != ADIT_ROUTE_UNICAST)
        return TRUE;
    return name_cmp(h->link, w->link) == 0 && adit_addr_cmp(&h->gateway, &w->gateway) == 0 &&
           adit_addr_cmp(&h->prefsrc, &w->prefsrc) == 0;
}

static int
rule_selector_cmp(const AditRule *x, const AditRule *y)
{
    int c = COMPARE(x->mask, y->mask);

    if (c == 0)
        c = COMPARE(x->mark, y->mark);
    if (c == 0)
        c = adit_prefix_cmp(&x->src, &y->src);
    if (c == 0)
        c = adit_prefix_cmp(&x->dst, &y->dst);
    if (c == 0)
        c = name_cmp(x->iif, y->iif);
    if (c == 0)
        c = name_cmp(x->oif, y->oif);
    return c;
}

static int
rule_cmp(const void *a, const void *b)
{
    const AditRule *x = a, *y = b;
    int c = COMPARE(x->family, y->family);

    if (c == 0)
        c = COMPARE(x->priority, y->priority);
    if (c == 0)
        c = COMPARE(x->action, y->action);
    if (c == 0)
        c = COMPARE(x->table, y->table);
    if (c == 0)
        c = COMPARE(!x->suppress, !y->suppress);
    if (c == 0)
        c = COMPARE(!x->service, !y->service);
    return c != 0 ? c : rule_selector_cmp(x, y);
}

static int
peer_cmp(const void *a, const void *b)
{
    const AditPeer *x = a, *y = b;
    int c = name_cmp(x->link, y->link);

    return c != 0 ? c : adit_key_cmp(&x->public_key, &y->public_key);
}

static gboolean
peer_satisfies(const void *have, const void *want)
{
    const AditPeer *h = have, *w = want;

    if (h->keepalive != w->keepalive || h->n_allowed != w->n_allowed ||
        !adit_key_equal(&h->preshared_key, &w->preshared_key))
        return FALSE;
    if (adit_addr_is_set(&w->endpoint.addr) &&
        adit_sockaddr_cmp(&h->endpoint, &w->endpoint) != 0)
        return FALSE;

    for (guint i = 0; i < w->n_allowed; i++)
        if (adit_prefix_cmp(&h->allowed[i], &w->allowed[i]) != 0)
            return FALSE;
    return TRUE;
}

static int
prefix_cmp(const void *a, const void *b)
{
    return adit_prefix_cmp(a, b);
}

void
adit_peer_normalise(AditPeer *peer)
{
    guint kept = 0;

    for (guint i = 0; i < peer->n_allowed; i++)
        peer->allowed[i] = adit_prefix_network(&peer->allowed[i]);
    if (peer->n_allowed > 1)
        qsort(peer->allowed, peer->n_allowed, sizeof(AditPrefix), prefix_cmp);
    for (guint i = 0; i < peer->n_allowed; i++)
        if (kept == 0 || adit_prefix_cmp(&peer->allowed[kept - 1], &peer->allowed[i]) != 0)
            peer->allowed[kept++] = peer->allowed[i];
    peer->n_allowed = kept;
}

static void
peer_copy(void *dst, const void *src)
{
    AditPeer *d = dst;
    const AditPeer *s = src;

    *d = *s;
    d->allowed = g_memdup2(s->allowed, s->n_allowed * sizeof(AditPrefix));
}

static void
peer_clear(void *object)
{
    AditPeer *peer = object;

    g_free(peer->allowed);
}

static int
element_cmp(const void *a, const void *b)
{
    const AditElement *x = a, *y = b;
    int c = name_cmp(x->set, y->set);

    if (c == 0)
        c = COMPARE(x->key_len, y->key_len);
    return c != 0 ? c : memcmp(x->key, y->key, x->key_len);
}

static gboolean
element_satisfies(const void *have, const void *want)
{
    const AditElement *h = have, *w = want;

    return h->timeout_ms == w->timeout_ms && h->limit == w->limit &&
           h->data_len == w->data_len && h->user_len == w->user_len &&
           memcmp(h->data, w->data, w->data_len) == 0 &&
           memcmp(h->user, w->user, w->user_len) == 0;
}

static int
sysctl_cmp(const void *a, const void *b)
{
    return strcmp(((const AditSysctl *)a)->path, ((const AditSysctl *)b)->path);
}

static gboolean
sysctl_satisfies(const void *have, const void *want)
{
    return g_str_equal(((const AditSysctl *)have)->value, ((const AditSysctl *)want)->value);
}

static void
sysctl_copy(void *dst, const void *src)
{
    AditSysctl *d = dst;
    const AditSysctl *s = src;

    d->path = g_strdup(s->path);
    d->value = g_strdup(s->value);
}

static void
sysctl_clear(void *object)
{
    AditSysctl *sysctl = object;

    g_free(sysctl->path);
    g_free(sysctl->value);
}

static int
neighbour_cmp(const void *a, const void *b)
{
    const AditNeighbour *x = a, *y = b;
    int c = name_cmp(x->link, y->link);

    return c != 0 ? c : adit_addr_cmp(&x->addr, &y->addr);
}

static gboolean
always_satisfies(const void *have, const void *want)
{
    return TRUE; /* the identity is everything */
}

static const struct {
    const char *name;
    gsize size;
    int (*cmp)(const void *a, const void *b);
    gboolean (*satisfies)(const void *have, const void *want);
    void (*copy)(void *dst, const void *src); /* NULL: flat */
    void (*clear)(void *object);
} kinds[ADIT_N_KINDS] = {
    [ADIT_KIND_LINK] = { "link", sizeof(AditLink), link_cmp, link_satisfies },
    [ADIT_KIND_DEVICE] = { "device", sizeof(AditDevice), device_cmp, device_satisfies },
    [ADIT_KIND_ADDRESS] = { "address", sizeof(AditAddress), address_cmp, address_satisfies },
    [ADIT_KIND_ROUTE] = { "route", sizeof(AditRoute), route_cmp, route_satisfies },
    [ADIT_KIND_RULE] = { "rule", sizeof(AditRule), rule_cmp, always_satisfies },
    [ADIT_KIND_PEER] = { "peer", sizeof(AditPeer), peer_cmp, peer_satisfies, peer_copy,
                         peer_clear },
    [ADIT_KIND_ELEMENT] = { "element", sizeof(AditElement), element_cmp, element_satisfies },
    [ADIT_KIND_SYSCTL] = { "sysctl", sizeof(AditSysctl), sysctl_cmp, sysctl_satisfies,
                           sysctl_copy, sysctl_clear },
    [ADIT_KIND_NEIGHBOUR] = { "neighbour", sizeof(AditNeighbour), neighbour_cmp,
                              always_satisfies },
};

gsize
adit_object_size(AditKind kind)
{
    return kinds[kind].size;
}

int
adit_object_cmp(AditKind kind, const void *a, const void *b)
{
    return kinds[kind].cmp(a, b);
}

gboolean
adit_object_satisfies(AditKind kind, const void *have, const void *want)
{
    return kinds[kind].satisfies(have, want);
}

void
adit_object_copy(AditKind kind, void *dst, const void *src)
{
    if (kinds[kind].copy)
        kinds[kind].copy(dst, src);
    else
        memcpy(dst, src, kinds[kind].size);
}

void
adit_object_clear(AditKind kind, void *object)
{
    if (kinds[kind].clear)
        kinds[kind].clear(object);
    explicit_bzero(object, kinds[kind].size);
}

const char *
adit_kind_name(AditKind kind)
{
    return kinds[kind].name;
}
