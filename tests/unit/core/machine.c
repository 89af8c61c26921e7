/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/machine.h"

#include <sys/socket.h>

#include "tests/unit/core/sample.h"

#define MARK_MASK 0x3f000000
#define OUTER_MARK 0x3f000000
#define MAIN_TABLE 254

static const guint8 families[] = { AF_INET, AF_INET6 };

Machine
machine_random(GRand *rand)
{
    Machine machine = { .guard = g_rand_boolean(rand) ? ADIT_ROUTE_BLACKHOLE
                                                      : ADIT_ROUTE_UNREACHABLE };
    guint pick = g_rand_int_range(rand, 0, MACHINE_GATEWAYS + 1);

    for (guint i = 0; i < MACHINE_GATEWAYS; i++) {
        machine.gateways[i].enrolled = g_rand_boolean(rand);
        machine.gateways[i].connected = machine.gateways[i].enrolled && g_rand_boolean(rand);
    }
    if (pick > 0 && machine.gateways[pick - 1].enrolled)
        machine.selected = pick;
    return machine;
}

guint32
machine_table(guint gateway)
{
    return 20101 + gateway;
}

guint32
machine_mark(guint gateway)
{
    return (gateway + 1) << 24;
}

const char *
machine_link(guint gateway)
{
    static const char *const links[MACHINE_GATEWAYS] = { "wg0", "wg1", "wg2" };

    return links[gateway];
}

AditAddr
machine_addr(guint gateway, guint8 family)
{
    AditPrefix net = sample_prefix(family == AF_INET ? "10.59.0.0/16" : "2001:db8::/32");
    AditAddr addr;

    g_assert_true(adit_prefix_nth(&net, (gateway << 8) + 2, &addr));
    return addr;
}

static AditPrefix
subnet(guint gateway, guint8 family)
{
    AditAddr addr = machine_addr(gateway, family);
    AditPrefix prefix = adit_prefix_make(&addr, family == AF_INET ? 24 : 120);

    return adit_prefix_network(&prefix);
}

/* A lookup, and behind it the rule that drops what the lookup left. */
static void
add_pair(AditState *state, AditRule rule, guint32 priority, guint32 table, AditRouteType guard)
{
    rule.priority = priority;
    rule.action = ADIT_RULE_LOOKUP;
    rule.table = table;
    adit_state_add_rule(state, &rule);

    rule.priority = priority + 1;
    rule.action = guard == ADIT_ROUTE_BLACKHOLE ? ADIT_RULE_BLACKHOLE : ADIT_RULE_UNREACHABLE;
    rule.table = 0;
    adit_state_add_rule(state, &rule);
}

static void
add_main_suppressed(AditState *state, AditRule rule, guint32 priority)
{
    rule.priority = priority;
    rule.action = ADIT_RULE_LOOKUP;
    rule.table = MAIN_TABLE;
    rule.suppress = TRUE;
    adit_state_add_rule(state, &rule);
}

static void
plan_guard(AditState *state, const Machine *machine, guint gateway, guint8 family)
{
    AditRoute guard = sample_route(family == AF_INET ? "0.0.0.0/0" : "::/0",
                                   machine_table(gateway), machine->guard, "");
    AditAddr addr = machine_addr(gateway, family);
    const AditRule marked = { .family = family,
                              .mark = machine_mark(gateway),
                              .mask = MARK_MASK };
    const AditRule from = { .family = family,
                            .mask = MARK_MASK,
                            .src = adit_prefix_host(&addr) };
    const AditRule to = { .family = family, .dst = subnet(gateway, family) };

    adit_state_add_route(state, &guard);
    add_pair(state, marked, 1740, machine_table(gateway), machine->guard);
    add_main_suppressed(state, from, 1748);
    add_pair(state, from, 1750, machine_table(gateway), machine->guard);
    add_pair(state, to, 1755, machine_table(gateway), machine->guard);
}

static void
plan_selection(AditState *state, const Machine *machine, guint8 family)
{
    const AditRule any = { .family = family },
                   unmarked = { .family = family, .mask = MARK_MASK };

    add_main_suppressed(state, any, 20060);
    add_pair(state, unmarked, 20070, machine_table(machine->selected - 1), machine->guard);
}

static void
plan_routes(AditState *state, guint gateway, guint8 family)
{
    AditAddr addr = machine_addr(gateway, family);
    AditAddress address = { .prefix = adit_prefix_host(&addr) };
    AditRoute route =
        sample_route(family == AF_INET ? "0.0.0.0/0" : "::/0", machine_table(gateway),
                     ADIT_ROUTE_UNICAST, machine_link(gateway));

    g_strlcpy(address.link, machine_link(gateway), sizeof(address.link));
    adit_state_add_address(state, &address);
    adit_state_add_route(state, &route);
    route.dst = subnet(gateway, family);
    adit_state_add_route(state, &route);
}

static void
plan_connection(AditState *state, guint gateway)
{
    const char *allowed[] = { "0.0.0.0/1", "128.0.0.0/1", "2000::/3", NULL };
    const char *name = machine_link(gateway);
    AditLink link = sample_link(name);
    AditDevice device = sample_device(name);
    AditPeer peer = sample_peer(name, gateway + 1, allowed);
    AditElement element = sample_element("marks", gateway + 1, machine_mark(gateway));
    g_autofree char *path = g_strdup_printf("net/ipv4/conf/%s/rp_filter", name);

    adit_state_add_link(state, &link);
    adit_state_add_device(state, &device);
    adit_state_add_peer(state, &peer);
    adit_object_clear(ADIT_KIND_PEER, &peer);
    adit_state_add_element(state, &element);
    adit_state_add_sysctl(state, &(AditSysctl){ path, (char *)"0" });
    for (guint i = 0; i < G_N_ELEMENTS(families); i++)
        plan_routes(state, gateway, families[i]);
}

AditState *
machine_plan(const Machine *machine)
{
    g_autoptr(AditState) state = adit_state_new();

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        const AditRule outer = { .family = families[f], .mark = OUTER_MARK, .mask = MARK_MASK };

        add_pair(state, outer, 1730, MAIN_TABLE, machine->guard);
        for (guint i = 0; i < MACHINE_GATEWAYS; i++)
            if (machine->gateways[i].enrolled)
                plan_guard(state, machine, i, families[f]);
        if (machine->selected > 0)
            plan_selection(state, machine, families[f]);
    }
    for (guint i = 0; i < MACHINE_GATEWAYS; i++)
        if (machine->gateways[i].connected)
            plan_connection(state, i);
    return adit_state_seal(g_steal_pointer(&state));
}
