/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/ack.h"
#include "libadit/wire/rtnl-address.h"
#include "libadit/wire/rtnl-link.h"
#include "libadit/wire/rtnl-neighbour.h"
#include "libadit/wire/rtnl-route.h"
#include "libadit/wire/rtnl-rule.h"
#include "libadit/wire/rtnl-seen.h"
#include "tests/fuzz/target.h"

#include <string.h>
#include <sys/socket.h>

/* One netlink message; its length field is made true, as the socket would have it. */

static const struct nlmsghdr *
header(AditMsg *m)
{
    gsize len;

    return (const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len);
}

static void
assert_same(AditKind kind, gconstpointer a, gconstpointer b)
{
    g_assert_cmpint(adit_object_cmp(kind, a, b), ==, 0);
    g_assert_true(adit_object_satisfies(kind, a, b));
}

static void
try_rule(const struct nlmsghdr *nlh)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    AditRule rule, again;

    if (!adit_rule_get(nlh, &rule))
        return;
    adit_rule_put(m, ADIT_OP_ADD, &rule);
    g_assert_true(adit_rule_get(header(m), &again));
    assert_same(ADIT_KIND_RULE, &rule, &again);
}

static void
try_route(const struct nlmsghdr *nlh)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    AditRoute route, again;
    guint32 ifindex, ifindex_again;

    if (!adit_route_get(nlh, &route, &ifindex))
        return;
    adit_route_put(m, ADIT_OP_ADD, &route, ifindex);
    g_assert_true(adit_route_get(header(m), &again, &ifindex_again));
    assert_same(ADIT_KIND_ROUTE, &route, &again);
    g_assert_cmpuint(ifindex, ==, ifindex_again);
}

static void
try_address(const struct nlmsghdr *nlh)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    AditAddress address, again;
    guint32 ifindex, ifindex_again;

    if (!adit_address_get(nlh, &address, &ifindex))
        return;
    adit_address_put(m, ADIT_OP_ADD, &address, ifindex);
    g_assert_true(adit_address_get(header(m), &again, &ifindex_again));
    assert_same(ADIT_KIND_ADDRESS, &address, &again);
    g_assert_cmpuint(ifindex, ==, ifindex_again);
}

static void
try_neighbour(const struct nlmsghdr *nlh)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    AditNeighbour neighbour, again;
    guint32 ifindex, ifindex_again;
    gboolean ours;

    if (!adit_neighbour_get(nlh, &neighbour, &ifindex, &ours))
        return;
    adit_neighbour_put(m, ADIT_OP_ADD, &neighbour, ifindex);
    g_assert_true(adit_neighbour_get(header(m), &again, &ifindex_again, &ours));
    g_assert_true(ours);
    assert_same(ADIT_KIND_NEIGHBOUR, &neighbour, &again);
    g_assert_cmpuint(ifindex, ==, ifindex_again);
}

static void
try_link(const struct nlmsghdr *nlh)
{
    AditLink link;
    guint32 ifindex;
    char kind[ADIT_NAME_LEN];

    if (!adit_link_get(nlh, &link, &ifindex, kind))
        return;
    g_assert_cmpuint(strlen(link.name), <, ADIT_NAME_LEN);
    g_assert_cmpuint(strlen(kind), <, ADIT_NAME_LEN);
    g_assert_cmpuint(ifindex, >, 0);
}

/* Of others, only read. */
static void
try_seen(const struct nlmsghdr *nlh)
{
    AditSeenRoute route;
    AditSeenRule rule;

    if (adit_seen_route_get(nlh, &route))
        g_assert_cmpuint(route.n_hops, <=, ADIT_SEEN_HOPS_MAX);
    if (adit_seen_rule_get(nlh, &rule))
        g_assert_true(rule.family == AF_INET || rule.family == AF_INET6);
}

static void
try_ack(const struct nlmsghdr *nlh)
{
    g_autoptr(GError) error = NULL;

    if (!adit_ack_get(nlh, nlh, &error))
        g_assert_nonnull(error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *copy = g_memdup2(data, size); /* aligned, and exact */
    const guint32 len = size;

    if (size < NLMSG_HDRLEN || size > 65536)
        return 0;
    memcpy(copy, &len, sizeof(len));
    try_rule((const struct nlmsghdr *)(gpointer)copy);
    try_route((const struct nlmsghdr *)(gpointer)copy);
    try_address((const struct nlmsghdr *)(gpointer)copy);
    try_neighbour((const struct nlmsghdr *)(gpointer)copy);
    try_link((const struct nlmsghdr *)(gpointer)copy);
    try_seen((const struct nlmsghdr *)(gpointer)copy);
    try_ack((const struct nlmsghdr *)(gpointer)copy);
    return 0;
}
