/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/sample.h"

#include <string.h>
#include <sys/socket.h>

#define COPY_NAME(dst, src) g_strlcpy(dst, src, sizeof(dst))

AditAddr
sample_addr(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditAddr addr = { 0 };

    if (text[0] != '\0')
        adit_addr_parse(text, &addr, &error);
    g_assert_no_error(error);
    return addr;
}

AditPrefix
sample_prefix(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditPrefix prefix = { 0 };

    if (text[0] != '\0')
        adit_prefix_parse(text, &prefix, &error);
    g_assert_no_error(error);
    return prefix;
}

AditKey
sample_key(guint32 n)
{
    AditKey key = { 0 };
    guint32 big_endian = g_htonl(n);

    if (n != 0)
        memset(&key, 0x40, sizeof(key)); /* what clamping leaves alone */
    memcpy(key.bytes + 4, &big_endian, sizeof(big_endian));
    return key;
}

AditLink
sample_link(const char *name)
{
    AditLink link = { .mtu = 1420, .up = TRUE };

    COPY_NAME(link.name, name);
    return link;
}

AditDevice
sample_device(const char *link)
{
    AditDevice device = { .private_key = sample_key(1),
                          .listen_port = 51820,
                          .fwmark = 0x3f000000 };

    COPY_NAME(device.link, link);
    return device;
}

AditAddress
sample_address(const char *link, const char *prefix)
{
    AditAddress address = { .prefix = sample_prefix(prefix) };

    COPY_NAME(address.link, link);
    return address;
}

AditRoute
sample_route(const char *dst, guint32 table, AditRouteType type, const char *link)
{
    AditRoute route = { .dst = sample_prefix(dst), .table = table, .type = type };

    COPY_NAME(route.link, link);
    if (type != ADIT_ROUTE_UNICAST)
        route.metric = G_MAXUINT32;
    else if (route.dst.addr.family == AF_INET6)
        route.metric = 1024;
    return route;
}

AditRule
sample_rule(guint8 family, guint32 priority, AditRuleAction action, guint32 table)
{
    return (
        AditRule){ .family = family, .priority = priority, .action = action, .table = table };
}

AditPeer
sample_peer(const char *link, guint32 n, const char *const *allowed)
{
    AditPeer peer = { .public_key = sample_key(n), .keepalive = 25 };

    COPY_NAME(peer.link, link);
    peer.n_allowed = g_strv_length((char **)allowed);
    peer.allowed = g_new0(AditPrefix, peer.n_allowed);
    for (guint i = 0; i < peer.n_allowed; i++)
        peer.allowed[i] = sample_prefix(allowed[i]);
    return peer;
}

AditElement
sample_element(const char *set, guint32 key, guint32 data)
{
    AditElement element = { .key_len = 8, .data_len = data != 0 ? 4 : 0 };

    COPY_NAME(element.set, set);
    for (guint i = 0; i < 4; i++) {
        element.key[i] = key >> (24 - 8 * i);
        element.data[i] = data >> (24 - 8 * i);
    }
    element.key[4] = 6;
    return element;
}

AditNeighbour
sample_neighbour(const char *link, const char *addr)
{
    AditNeighbour neighbour = { .addr = sample_addr(addr) };

    COPY_NAME(neighbour.link, link);
    return neighbour;
}

static void
add_both_families(AditState *state, guint8 family, const char *any)
{
    AditRoute guard = sample_route(any, 20101, ADIT_ROUTE_BLACKHOLE, "");
    AditRoute route = sample_route(any, 20101, ADIT_ROUTE_UNICAST, "wg0");
    AditRule rule = sample_rule(family, 1740, ADIT_RULE_LOOKUP, 20101);

    adit_state_add_route(state, &route);
    adit_state_add_route(state, &guard);
    rule.mark = 0x1000000;
    rule.mask = 0x3f000000;
    adit_state_add_rule(state, &rule);
    rule.priority = 1741;
    rule.action = ADIT_RULE_BLACKHOLE;
    rule.table = 0;
    adit_state_add_rule(state, &rule);
    rule = sample_rule(family, 20060, ADIT_RULE_LOOKUP, 254);
    rule.suppress = TRUE;
    adit_state_add_rule(state, &rule);
}

AditState *
sample_state(void)
{
    g_autoptr(AditState) state = adit_state_new();
    const char *allowed[] = { "0.0.0.0/1", "10.59.0.1/32", "2000::/3", NULL };
    AditLink link = sample_link("wg0");
    AditDevice device = sample_device("wg0");
    AditAddress address4 = sample_address("wg0", "10.59.0.2/24");
    AditAddress address6 = sample_address("wg0", "2001:db8::2/128");
    AditPeer peer = sample_peer("wg0", 7, allowed);
    AditElement element = sample_element("gateways", 0x77673000, 0x1000000);
    AditElement open = sample_element("open4", 0xcb007107, 0);
    AditNeighbour neighbour = sample_neighbour("eth0", "2001:db8::2");

    add_both_families(state, AF_INET, "0.0.0.0/0");
    add_both_families(state, AF_INET6, "::/0");
    adit_state_add_link(state, &link);
    adit_state_add_device(state, &device);
    address6.deprecated = address6.no_prefix_route = TRUE;
    adit_state_add_address(state, &address4);
    adit_state_add_address(state, &address6);
    peer.preshared_key = sample_key(8);
    peer.endpoint = (AditSockAddr){ sample_addr("203.0.113.7"), 51820 };
    adit_state_add_peer(state, &peer);
    adit_object_clear(ADIT_KIND_PEER, &peer);
    adit_state_add_element(state, &element);
    open.timeout_ms = 120000;
    adit_state_add_element(state, &open);
    adit_state_add_sysctl(state,
                          &(AditSysctl){ (char *)"net/ipv4/conf/wg0/rp_filter", (char *)"0" });
    adit_state_add_neighbour(state, &neighbour);
    return adit_state_seal(g_steal_pointer(&state));
}
