/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/diff.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/golden.h"
#include "tests/unit/core/machine.h"
#include "tests/unit/core/replay.h"
#include "tests/unit/core/sample.h"

#define ROUNDS 120

static const guint8 families[] = { AF_INET, AF_INET6 };

static void
check_plan(const Machine *before, const Machine *after, const char *golden)
{
    g_autoptr(AditState) have = machine_plan(before), want = machine_plan(after);
    g_autoptr(AditOps) ops = adit_diff(have, want);
    g_autofree char *text = adit_ops_to_string(ops);

    golden_check(golden, text);
}

static void
test_plans(void)
{
    const Machine none = { .guard = ADIT_ROUTE_BLACKHOLE };
    Machine one = { .guard = ADIT_ROUTE_BLACKHOLE, .selected = 1 }, two = one, strict;

    one.gateways[0].enrolled = one.gateways[0].connected = TRUE;
    two = one;
    two.gateways[1].enrolled = two.gateways[1].connected = TRUE;
    two.selected = 2;
    strict = two;
    strict.guard = ADIT_ROUTE_UNREACHABLE;

    check_plan(&none, &one, "plan/enrol.plan");
    check_plan(&one, &two, "plan/second.plan");
    check_plan(&two, &strict, "plan/unreachable.plan");
    check_plan(&one, &none, "plan/remove.plan");
}

/* Where an operation stands among the additions, in the words of diff.h. */
static guint
rank(const AditOp *op)
{
    static const guint ranks[ADIT_N_KINDS] = {
        [ADIT_KIND_RULE] = 1,    [ADIT_KIND_LINK] = 2,   [ADIT_KIND_DEVICE] = 3,
        [ADIT_KIND_ADDRESS] = 4, [ADIT_KIND_ROUTE] = 5,  [ADIT_KIND_PEER] = 7,
        [ADIT_KIND_ELEMENT] = 8, [ADIT_KIND_SYSCTL] = 9, [ADIT_KIND_NEIGHBOUR] = 10,
    };
    const AditRoute *route = op->object;

    if (op->kind == ADIT_KIND_ROUTE && route->type != ADIT_ROUTE_UNICAST)
        return 0;
    if (op->kind == ADIT_KIND_ROUTE && adit_addr_is_set(&route->gateway))
        return 6;
    return ranks[op->kind];
}

static gboolean
same_packets(const AditRule *a, const AditRule *b)
{
    return a->family == b->family && a->mark == b->mark && a->mask == b->mask &&
           adit_prefix_cmp(&a->src, &b->src) == 0 && adit_prefix_cmp(&a->dst, &b->dst) == 0;
}

static gboolean
rule_must_precede(const AditRule *a, const AditRule *b, gboolean leaving)
{
    if (a->priority == b->priority)
        return a->action == ADIT_RULE_LOOKUP && b->action != ADIT_RULE_LOOKUP;
    if (!leaving)
        return a->priority < b->priority;
    if (a->action == ADIT_RULE_LOOKUP && b->action == ADIT_RULE_LOOKUP)
        return a->priority > b->priority;
    return a->action == ADIT_RULE_LOOKUP && !a->suppress && b->action != ADIT_RULE_LOOKUP &&
           a->priority < b->priority && same_packets(a, b);
}

static gboolean
must_precede(const AditOp *a, const AditOp *b)
{
    gboolean a_leaves = a->verb == ADIT_OP_DELETE, b_leaves = b->verb == ADIT_OP_DELETE;

    if (a_leaves != b_leaves)
        return b_leaves;
    if (rank(a) != rank(b))
        return a_leaves ? rank(a) > rank(b) : rank(a) < rank(b);
    return a->kind == ADIT_KIND_RULE && rule_must_precede(a->object, b->object, a_leaves);
}

static void
check_order(const AditOps *ops)
{
    for (guint i = 0; i < ops->len; i++)
        for (guint j = i + 1; j < ops->len; j++)
            g_assert_false(must_precede(&ops->op[j], &ops->op[i]));
}

static void
shuffle(AditOps *ops, GRand *rand)
{
    for (guint i = ops->len; i > 1; i--) {
        guint j = g_rand_int_range(rand, 0, i);
        AditOp swap = ops->op[i - 1];

        ops->op[i - 1] = ops->op[j];
        ops->op[j] = swap;
    }
}

static void
test_order_of_any_shuffle(void)
{
    guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < ROUNDS; i++) {
        const Machine before = machine_random(rand), after = machine_random(rand);
        g_autoptr(AditState) have = machine_plan(&before), want = machine_plan(&after);
        g_autoptr(AditOps) ops = adit_diff(have, want);

        check_order(ops);
        shuffle(ops, rand);
        adit_ops_order(ops);
        check_order(ops);
    }
}

/* In the order they are to have: "1740L" looks up, "1741B" drops, a small letter is of another
 * mark, "S" suppresses defaults. */
static void
test_order_of_rules(void)
{
    static const struct {
        AditOpVerb verb;
        const char *words;
    } rows[] = {
        { ADIT_OP_ADD, "10L 11B 12L 13B" },
        { ADIT_OP_ADD, "10L 10B 11l 11b" }, /* of one preference the lookup first */
        { ADIT_OP_DELETE, "12L 13B 10L 11B" },
        { ADIT_OP_DELETE, "12L 12B 10L 10B" },
        { ADIT_OP_DELETE, "12L 13B 11S" }, /* with the last lookup before it */
        { ADIT_OP_DELETE, "11S 13B" },     /* of any kind */
        { ADIT_OP_DELETE, "12L 11l 13b 10B" },
        { ADIT_OP_DELETE, "13B 10l 11b" },    /* never with one of other packets */
        { ADIT_OP_DELETE, "12L 14B 13B 9L" }, /* both wait for it */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) words = g_strsplit(rows[i].words, " ", -1);
        AditOps ops = { g_new0(AditOp, 8), g_strv_length(words) };
        AditRule rules[8];

        for (guint j = 0; j < ops.len; j++) {
            char kind = words[j][strlen(words[j]) - 1];
            guint32 priority = g_ascii_strtoull(words[j], NULL, 10);

            rules[j] = sample_rule(AF_INET, priority,
                                   strchr("Bb", kind) ? ADIT_RULE_BLACKHOLE : ADIT_RULE_LOOKUP,
                                   strchr("Bb", kind) ? 0 : 20101);
            rules[j].mark = g_ascii_islower(kind) ? 1 : 2;
            rules[j].mask = 3;
            rules[j].suppress = kind == 'S';
            ops.op[ops.len - 1 - j] = (AditOp){ rows[i].verb, ADIT_KIND_RULE, &rules[j] };
        }
        g_test_message("%s", rows[i].words);
        adit_ops_order(&ops);
        for (guint j = 0; j < ops.len; j++)
            g_assert_true(ops.op[j].object == &rules[j]);
        g_free(ops.op);
    }
}

/* A route through a gateway needs the route that leads to the gateway. */
static void
test_order_of_gateways(void)
{
    g_autoptr(AditState) empty = adit_state_seal(adit_state_new()), want = adit_state_new();
    AditRoute via = sample_route("0.0.0.0/0", 20101, ADIT_ROUTE_UNICAST, "wg0");
    AditRoute onlink = sample_route("10.0.0.0/24", 20101, ADIT_ROUTE_UNICAST, "wg0");
    g_autoptr(AditOps) come = NULL, go = NULL;

    via.gateway = sample_addr("10.0.0.1");
    adit_state_add_route(want, &via);
    adit_state_add_route(want, &onlink);
    adit_state_seal(want);

    come = adit_diff(empty, want);
    g_assert_true(come->op[1].object == adit_state_get(want, ADIT_KIND_ROUTE, 0));
    go = adit_diff(want, empty);
    g_assert_true(go->op[0].object == adit_state_get(want, ADIT_KIND_ROUTE, 0));
}

/* A packet of every sort that belongs to @gateway, or leaves by default. */
#define N_PACKETS 5

static void
make_packets(guint gateway, guint8 family, Packet ret[N_PACKETS])
{
    gboolean v4 = family == AF_INET;
    const AditAddr visitor = sample_addr(v4 ? "203.0.113.9" : "2600::9");
    const AditAddr uplink = sample_addr(v4 ? "192.168.1.2" : "fd00:1::2");
    const AditAddr lan = sample_addr(v4 ? "192.168.1.5" : "fd00:1::5");
    AditAddr own = machine_addr(gateway, family), fellow = own;

    fellow.bytes[v4 ? 3 : 15] = 9;
    ret[0] = (Packet){ family, machine_mark(gateway), own, visitor };
    ret[1] = (Packet){ family, 0, own, visitor };
    ret[2] = (Packet){ family, 0, uplink, fellow };
    ret[3] = (Packet){ family, 0, uplink, visitor };
    ret[4] = (Packet){ family, 0, uplink, lan };
}

typedef Road Roads[MACHINE_GATEWAYS][2][N_PACKETS][2];

static void
look(const Replay *replay, Roads ret)
{
    for (guint g = 0; g < MACHINE_GATEWAYS; g++)
        for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
            Packet packets[N_PACKETS];

            make_packets(g, families[f], packets);
            for (guint p = 0; p < N_PACKETS; p++)
                for (guint flap = 0; flap < 2; flap++)
                    ret[g][f][p][flap] = replay_route(replay, &packets[p], flap);
        }
}

/* What carries traffic of @gateway: link, address, or a route over it. */
static gboolean
is_alive(const AditState *state, guint gateway)
{
    const char *name = machine_link(gateway);

    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_LINK); i++)
        if (g_str_equal(((AditLink *)adit_state_get(state, ADIT_KIND_LINK, i))->name, name))
            return TRUE;
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ADDRESS); i++)
        if (g_str_equal(((AditAddress *)adit_state_get(state, ADIT_KIND_ADDRESS, i))->link,
                        name))
            return TRUE;
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ROUTE); i++)
        if (g_str_equal(((AditRoute *)adit_state_get(state, ADIT_KIND_ROUTE, i))->link, name))
            return TRUE;
    return FALSE;
}

/* 1. What is closed before and after is closed at every moment, with guard routes and without.
 * 2. What reaches the LAN or a tunnel before and after, reaches it at every moment, if only
 * nothing was missing to begin with. */
static void
check_moment(const Roads before, const Roads now, const Roads after, gboolean damaged)
{
    const Road *b = &before[0][0][0][0], *n = &now[0][0][0][0], *a = &after[0][0][0][0];

    for (guint i = 0; i < sizeof(Roads) / sizeof(Road); i++) {
        if (b[i] != ROAD_UPLINK && a[i] != ROAD_UPLINK)
            g_assert_cmpint(n[i], !=, ROAD_UPLINK);
        if (!damaged && b[i] == a[i] && (b[i] == ROAD_LAN || b[i] >= ROAD_TUNNEL))
            g_assert_cmpint(n[i], ==, a[i]);
    }
}

/* 3. Packets of a gateway can take the uplink only while there is nothing of it, and the
 * moment a rule leads into its table, that table is closed. */
static void
check_gateways(const Replay *replay, const Roads now)
{
    g_autoptr(AditState) state = replay_get_state(replay);

    for (guint g = 0; g < MACHINE_GATEWAYS; g++)
        for (guint f = 0; f < G_N_ELEMENTS(families); f++)
            for (guint p = 0; p < 3; p++) {
                if (now[g][f][p][0] == ROAD_UPLINK || now[g][f][p][1] == ROAD_UPLINK)
                    g_assert_false(is_alive(state, g));
            }

    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_RULE); i++) {
        const AditRule *rule = adit_state_get(state, ADIT_KIND_RULE, i);
        gboolean guarded = rule->table <= 20100;

        for (guint j = 0; j < adit_state_len(state, ADIT_KIND_ROUTE) && !guarded; j++) {
            const AditRoute *route = adit_state_get(state, ADIT_KIND_ROUTE, j);

            guarded = route->table == rule->table && route->type != ADIT_ROUTE_UNICAST &&
                      route->dst.addr.family == rule->family;
        }
        g_assert_true(guarded);
    }
}

static void
check_transition(const AditState *have, const AditState *want, gboolean damaged)
{
    g_autoptr(AditOps) ops = adit_diff(have, want);
    g_autoptr(Replay) replay = replay_new(have), goal = replay_new(want);
    g_autoptr(AditState) result = NULL;
    Roads before, now, after;

    look(replay, before);
    look(goal, after);
    for (guint i = 0; i < ops->len; i++) {
        replay_perform(replay, &ops->op[i]);
        look(replay, now);
        check_moment(before, now, after, damaged);
        if (!damaged)
            check_gateways(replay, now);
    }
    result = replay_get_state(replay);
    g_assert_true(adit_state_equal(result, want));
}

/* Some of it is gone: a crash in the middle, or somebody else's hand. */
static AditState *
damage(const AditState *state, GRand *rand)
{
    AditState *rest = adit_state_new();
    gint keep = g_rand_int_range(rand, 1, 10);

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        for (guint i = 0; i < adit_state_len(state, kind); i++)
            if (g_rand_int_range(rand, 0, 10) < keep)
                adit_state_add(rest, kind, adit_state_get(state, kind, i));
    return adit_state_seal(rest);
}

static void
test_never_leaks(gconstpointer data)
{
    gboolean damaged = GPOINTER_TO_INT(data);
    guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < ROUNDS; i++) {
        const Machine before = machine_random(rand), after = machine_random(rand);
        g_autoptr(AditState) whole = machine_plan(&before), want = machine_plan(&after);
        g_autoptr(AditState) rest = damage(whole, rand);

        check_transition(damaged ? rest : whole, want, damaged);
    }
}

/* A VPS that forwards before it accepts advertisements loses its default route. */
static void
test_order_of_forwarding(void)
{
    char forwarding[] = "net/ipv6/conf/all/forwarding",
         accept[] = "net/ipv6/conf/eth0/accept_ra";
    char one[] = "1", two[] = "2";
    const AditSysctl sysctls[] = { { forwarding, one }, { accept, two } };
    g_autoptr(AditState) have = adit_state_new(), want = adit_state_new();
    g_autoptr(AditOps) ops = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(sysctls); i++)
        adit_state_add(want, ADIT_KIND_SYSCTL, &sysctls[i]);
    ops = adit_diff(adit_state_seal(have), adit_state_seal(want));
    g_assert_cmpuint(ops->len, ==, 2);
    g_assert_cmpstr(((const AditSysctl *)ops->op[0].object)->path, ==, sysctls[1].path);
    g_assert_cmpstr(((const AditSysctl *)ops->op[1].object)->path, ==, sysctls[0].path);
}

/* Where IPv6 is off no address can be given. */
static void
test_order_of_ipv6(void)
{
    char path[] = "net/ipv6/conf/home/disable_ipv6", no[] = "0";
    const AditSysctl sysctl = { path, no };
    const AditLink link = { .name = "home", .mtu = 1420, .up = TRUE };
    AditAddress address = { .link = "home" };
    g_autoptr(AditState) have = adit_state_new(), want = adit_state_new();
    g_autoptr(AditOps) ops = NULL;

    g_assert_true(adit_prefix_parse("2001:db8::2/128", &address.prefix, NULL));
    adit_state_add_address(want, &address);
    adit_state_add_sysctl(want, &sysctl);
    adit_state_add_link(want, &link);
    ops = adit_diff(adit_state_seal(have), adit_state_seal(want));
    g_assert_cmpuint(ops->len, ==, 3);
    g_assert_cmpint(ops->op[0].kind, ==, ADIT_KIND_LINK);
    g_assert_cmpint(ops->op[1].kind, ==, ADIT_KIND_SYSCTL);
    g_assert_cmpint(ops->op[2].kind, ==, ADIT_KIND_ADDRESS);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/order/plans", test_plans);
    g_test_add_func("/order/shuffled", test_order_of_any_shuffle);
    g_test_add_func("/order/rules", test_order_of_rules);
    g_test_add_func("/order/forwarding", test_order_of_forwarding);
    g_test_add_func("/order/ipv6", test_order_of_ipv6);
    g_test_add_func("/order/gateways", test_order_of_gateways);
    g_test_add_data_func("/order/never-leaks", GINT_TO_POINTER(FALSE), test_never_leaks);
    g_test_add_data_func("/order/never-leaks/damaged", GINT_TO_POINTER(TRUE), test_never_leaks);
    return g_test_run();
}
