/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/plan.h"

#include "libadit/core/error.h"
#include "policy-routing/numbers.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* The ladder, both families by one code path. Lower is consulted first:
 *
 *   1730 the tunnels' own packets        -> main, else blackhole
 *   1740 marked with a gateway's slot    -> its table, else blackhole
 *   1745 from there to its server, 0     -> its table, else blackhole (a LAN has its numbers)
 *   1748 from a gateway's address, 0     -> main without defaults (containers of this host)
 *   1750 from a gateway's address, 0     -> its table, else blackhole
 *   1753 from a socket bound to its link  -> its table
 *   1755 to a gateway's subnet           -> its table, else blackhole
 *  20060 (one is selected) everything    -> main without defaults
 *  20070 (one is selected) mark 0        -> its table, else blackhole
 *  32768 from here, a UDP service's, 0   -> lo, where nftables knows whom it answers
 *
 * The table of every gateway ends in a blackhole default. Rules and that route are planned
 * whether the link is there or not: they are the leak guard. */

static const guint8 families[] = { AF_INET, AF_INET6 };

static AditPrefix
everything(guint8 family)
{
    const guint8 zero[16] = { 0 };
    AditAddr addr = adit_addr_from_bytes(family, zero);

    return adit_prefix_make(&addr, 0);
}

/* A lookup and, one behind it, the rule that ends the search when the table has no answer. */
static void
add_pair(AditState *want, const AditRule *match, guint32 table, const AditPolicy *policy)
{
    AditRule lookup = *match;
    AditRule terminal = *match;

    lookup.action = ADIT_RULE_LOOKUP;
    lookup.table = table;
    terminal.priority++;
    terminal.action =
        policy->guard == ADIT_GUARD_UNREACHABLE ? ADIT_RULE_UNREACHABLE : ADIT_RULE_BLACKHOLE;
    adit_state_add_rule(want, &lookup);
    adit_state_add_rule(want, &terminal);
}

gboolean
adit_facts_is_uplink(const AditFacts *facts, const char *link)
{
    for (guint i = 0; i < facts->n_main; i++)
        if (facts->main[i].prefix.len == 0 && strcmp(facts->main[i].link, link) == 0)
            return TRUE;
    return FALSE;
}

static void
add_main(AditState *want, const AditRule *match, gboolean suppress)
{
    AditRule rule = *match;

    rule.action = ADIT_RULE_LOOKUP;
    rule.table = RT_TABLE_MAIN;
    rule.suppress = suppress;
    adit_state_add_rule(want, &rule);
}

static gboolean
is_ours_on_link(const AditAddress *on_link, guint8 family)
{
    return on_link->prefix.addr.family == family && adit_addr_is_private(&on_link->prefix.addr);
}

static gboolean
is_named_before(const AditFacts *facts, guint at)
{
    for (guint i = 0; i < at; i++)
        if (strcmp(facts->on_link[i].link, facts->on_link[at].link) == 0)
            return TRUE;
    return FALSE;
}

/* The kernel looks the next hop of a new route up by these very rules, with its link named: a
 * default by a router on a public network must not be refused because a gateway is selected.
 * Sockets bound to the link match too; the belt holds what they send. */
static void
add_next_hops(AditState *want, const AditRule *match, const AditFacts *facts)
{
    for (guint i = 0; i < facts->n_on_link; i++) {
        AditRule rule = *match;

        if (is_named_before(facts, i))
            continue;
        memcpy(rule.oif, facts->on_link[i].link, sizeof(rule.oif));
        add_main(want, &rule, TRUE);
    }
}

/* Where main may answer without its default: in strict mode a route injected by DHCP or RA is
 * no reason to bypass a gateway (CVE-2024-3661), only a private network of a link is. */
static void
add_local_exits(AditState *want, const AditRule *match, const AditFacts *facts,
                const AditPolicy *policy)
{
    if (!policy->strict) {
        add_main(want, match, TRUE);
        return;
    }
    for (guint i = 0; i < facts->n_on_link; i++) {
        AditRule rule = *match;

        if (!is_ours_on_link(&facts->on_link[i], match->family))
            continue;
        rule.dst = adit_prefix_network(&facts->on_link[i].prefix);
        add_main(want, &rule, FALSE);
    }
    if (match->priority == ADIT_PREF_LOCAL)
        add_next_hops(want, match, facts);
}

/* ip route add blackhole default table 20101 metric 4294967295 */
static void
add_guard_route(AditState *want, const AditGateway *gateway, guint8 family,
                const AditPolicy *policy)
{
    const AditRoute route = {
        .dst = everything(family),
        .table = adit_gateway_table(gateway),
        .metric = ADIT_METRIC_GUARD,
        .type = policy->guard == ADIT_GUARD_UNREACHABLE ? ADIT_ROUTE_UNREACHABLE
                                                        : ADIT_ROUTE_BLACKHOLE,
    };

    adit_state_add_route(want, &route);
}

/* Our address as source, said outright: while a gateway is not selected its IPv6 address is
 * kept deprecated, and the kernel would rather send a LAN's address into the tunnel. */
static AditAddr
own_address(const AditGateway *gateway, guint8 family)
{
    const AditAddr none = { 0 };

    for (guint i = 0; i < gateway->n_addresses; i++)
        if (gateway->addresses[i].family == family)
            return gateway->addresses[i];
    return none;
}

static void
add_unicast_routes(AditState *want, const AditGateway *gateway, guint8 family)
{
    for (guint i = 0; gateway->link_up && i < gateway->n_routes; i++) {
        AditRoute route = { .dst = gateway->routes[i],
                            .table = adit_gateway_table(gateway),
                            .metric = ADIT_METRIC_ROUTE,
                            .prefsrc = own_address(gateway, family) };

        if (route.dst.addr.family != family)
            continue;
        memcpy(route.link, gateway->link, sizeof(route.link));
        adit_state_add_route(want, &route);
    }
}

const AditAddress *
adit_plan_find_clash(const AditGateway *gateway, const AditFacts *facts)
{
    for (guint i = 0; i < facts->n_on_link; i++)
        for (guint s = 0; s < gateway->n_subnets; s++)
            if (strcmp(facts->on_link[i].link, gateway->link) != 0 &&
                adit_prefix_overlaps(&facts->on_link[i].prefix, &gateway->subnets[s]))
                return &facts->on_link[i];
    return NULL;
}

static gboolean
is_hidden(const AditPrefix *subnet, const AditGateway *gateway, const AditFacts *facts)
{
    for (guint i = 0; i < facts->n_on_link; i++)
        if (strcmp(facts->on_link[i].link, gateway->link) != 0 &&
            adit_prefix_overlaps(&facts->on_link[i].prefix, subnet))
            return TRUE;
    return FALSE;
}

/* The server's address, when a LAN has the network it is in; else unset. */
static AditAddr
find_hidden_server(const AditGateway *gateway, guint8 family, const AditFacts *facts)
{
    const AditAddr *server = &gateway->servers[family == AF_INET6];
    const AditAddr none = { 0 };

    for (guint i = 0; adit_addr_is_set(server) && i < gateway->n_subnets; i++)
        if (adit_prefix_contains(&gateway->subnets[i], server) &&
            is_hidden(&gateway->subnets[i], gateway, facts))
            return *server;
    return none;
}

static void
add_source_rules(AditState *want, const AditGateway *gateway, guint8 family,
                 const AditFacts *facts, const AditPolicy *policy)
{
    const AditAddr hidden = find_hidden_server(gateway, family, facts);

    for (guint i = 0; i < gateway->n_addresses; i++) {
        AditRule rule = { .family = family, .mask = ADIT_MARK_MASK };

        if (gateway->addresses[i].family != family)
            continue;
        rule.src = adit_prefix_host(&gateway->addresses[i]);
        if (adit_addr_is_set(&hidden)) { /* main would lead to the LAN */
            rule.priority = ADIT_PREF_CLASH;
            rule.dst = adit_prefix_host(&hidden);
            add_pair(want, &rule, adit_gateway_table(gateway), policy);
            rule.dst = (AditPrefix){ 0 }; /* as the kernel tells it: not even a family */
        }
        rule.priority = ADIT_PREF_SOURCE_LOCAL;
        add_local_exits(want, &rule, facts, policy);
        rule.priority = ADIT_PREF_SOURCE;
        add_pair(want, &rule, adit_gateway_table(gateway), policy);
    }
}

/* Who binds a socket to the link has chosen: main has no IPv6 route there, and would refuse. */
static void
add_link_rule(AditState *want, const AditGateway *gateway, guint8 family)
{
    const AditAddr own = own_address(gateway, family);
    AditRule rule = { .family = family,
                      .priority = ADIT_PREF_LINK,
                      .mask = ADIT_MARK_MASK,
                      .action = ADIT_RULE_LOOKUP,
                      .table = adit_gateway_table(gateway) };

    if (!adit_addr_is_set(&own))
        return;
    memcpy(rule.oif, gateway->link, sizeof(rule.oif));
    adit_state_add_rule(want, &rule);
}

/* While a LAN has the same network only the server's own address goes into the tunnel. */
static void
add_subnet_rules(AditState *want, const AditGateway *gateway, guint8 family,
                 const AditFacts *facts, const AditPolicy *policy)
{
    const AditAddr *server = &gateway->servers[family == AF_INET6];
    AditRule rule = { .family = family, .priority = ADIT_PREF_SUBNET };

    for (guint i = 0; i < gateway->n_subnets; i++) {
        rule.dst = gateway->subnets[i];
        if (rule.dst.addr.family != family)
            continue;
        if (is_hidden(&rule.dst, gateway, facts)) {
            if (!adit_addr_is_set(server) || !adit_prefix_contains(&rule.dst, server))
                continue;
            rule.dst = adit_prefix_host(server);
        }
        add_pair(want, &rule, adit_gateway_table(gateway), policy);
    }
}

static void
add_gateway(AditState *want, const AditGateway *gateway, guint8 family, const AditFacts *facts,
            const AditPolicy *policy)
{
    const AditRule marked = { .family = family,
                              .priority = ADIT_PREF_MARK,
                              .mark = adit_gateway_mark(gateway),
                              .mask = ADIT_MARK_MASK };
    AditRule chosen = { .family = family, .priority = ADIT_PREF_LOCAL };

    add_guard_route(want, gateway, family, policy);
    add_unicast_routes(want, gateway, family);
    add_pair(want, &marked, adit_gateway_table(gateway), policy);
    add_source_rules(want, gateway, family, facts, policy);
    add_link_rule(want, gateway, family);
    add_subnet_rules(want, gateway, family, facts, policy);
    if (!gateway->selected[family == AF_INET6])
        return;
    add_local_exits(want, &chosen, facts, policy);
    chosen.priority = ADIT_PREF_DEFAULT;
    chosen.mask = ADIT_MARK_MASK;
    add_pair(want, &chosen, adit_gateway_table(gateway), policy);
}

static gboolean
check_pair(const AditGateway *a, const AditGateway *b, GError **error)
{
    if (a->slot == b->slot) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: slot %u: held by %s", b->name,
                    b->slot, a->name);
        return FALSE;
    }
    for (guint i = 0; i < 2; i++)
        if (a->selected[i] && b->selected[i]) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s: default of IPv%c: %s is the default already", b->name,
                        i ? '6' : '4', a->name);
            return FALSE;
        }
    for (guint i = 0; i < a->n_addresses; i++)
        for (guint j = 0; j < b->n_addresses; j++)
            if (adit_addr_cmp(&a->addresses[i], &b->addresses[j]) == 0) {
                g_autofree char *text = adit_addr_to_string(&b->addresses[j]);

                g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: address %s: held by %s",
                            b->name, text, a->name);
                return FALSE;
            }
    for (guint i = 0; i < a->n_subnets; i++)
        for (guint j = 0; j < b->n_subnets; j++)
            if (adit_prefix_overlaps(&a->subnets[i], &b->subnets[j])) {
                g_autofree char *theirs = adit_prefix_to_string(&a->subnets[i]);
                g_autofree char *ours = adit_prefix_to_string(&b->subnets[j]);

                g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "%s: subnet %s: overlaps %s of %s", b->name, ours, theirs, a->name);
                return FALSE;
            }
    return TRUE;
}

static void
add_outer(AditState *want, guint8 family, const AditPolicy *policy)
{
    const AditRule outer = { .family = family,
                             .priority = ADIT_PREF_OUTER,
                             .mark = ADIT_MARK_OUTER,
                             .mask = ADIT_MARK_MASK };

    add_pair(want, &outer, RT_TABLE_MAIN, policy);
}

static gboolean
leads(const AditGateway *gateway, guint8 family)
{
    for (guint i = 0; gateway->link_up && i < gateway->n_routes; i++)
        if (gateway->routes[i].addr.family == family)
            return TRUE;
    return FALSE;
}

/* A service on the wildcard address answers without a source, and the route for that is looked
 * up before the packet meets nftables, which would give it source and mark. Where main has no
 * way at all (a home whose provider has no IPv6) the lookup would fail and the answer with it.
 * So it leads to lo, with an address of ours; there nftables has it looked up anew if somebody
 * asked, and otherwise refused (reply-table.c). Whoever asks, from a high port, is not meant:
 * his connection is to be refused at once, as it would be without us. */
static void
add_answers(AditState *want, const AditGateway *const *gateways, guint n_gateways,
            guint8 family)
{
    const AditRule rule = { .family = family,
                            .priority = ADIT_PREF_ANSWER,
                            .action = ADIT_RULE_LOOKUP,
                            .table = ADIT_TABLE_ANSWER,
                            .mask = ADIT_MARK_MASK,
                            .iif = "lo",
                            .service = TRUE };

    for (guint i = 0; i < n_gateways; i++) {
        const AditRoute way = { .dst = everything(family),
                                .table = ADIT_TABLE_ANSWER,
                                .metric = ADIT_METRIC_ROUTE,
                                .link = "lo",
                                .prefsrc = own_address(gateways[i], family) };

        if (!leads(gateways[i], family) || !adit_addr_is_set(&way.prefsrc))
            continue;
        adit_state_add_route(want, &way);
        adit_state_add_rule(want, &rule);
        return;
    }
}

AditState *
adit_plan(const AditGateway *const *gateways, guint n_gateways, const AditFacts *facts,
          const AditPolicy *policy, GError **error)
{
    g_autoptr(AditState) want = adit_state_new();

    for (guint i = 0; i < n_gateways; i++)
        for (guint j = i + 1; j < n_gateways; j++)
            if (!check_pair(gateways[i], gateways[j], error))
                return NULL;

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        if (n_gateways > 0)
            add_outer(want, families[f], policy);
        for (guint i = 0; i < n_gateways; i++)
            add_gateway(want, gateways[i], families[f], facts, policy);
        if (families[f] == AF_INET || facts->lo6)
            add_answers(want, gateways, n_gateways, families[f]);
    }
    return g_steal_pointer(&want);
}
