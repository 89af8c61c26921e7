/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/diff.h"

#include <sys/socket.h>

#include "tests/unit/core/replay.h"
#include "tests/unit/core/sample.h"

#define ROUNDS 400

static void
test_words(void)
{
    g_autoptr(AditState) have = adit_state_new(), want = adit_state_new();
    AditLink old = sample_link("wg0"), changed = sample_link("wg1"), new = sample_link("wg2");
    g_autoptr(AditOps) ops = NULL;
    g_autofree char *text = NULL;

    adit_state_add_link(have, &old);
    adit_state_add_link(have, &changed);
    changed.mtu = 1280;
    adit_state_add_link(want, &changed);
    adit_state_add_link(want, &new);
    adit_state_seal(have);
    adit_state_seal(want);

    ops = adit_diff(have, want);
    text = adit_ops_to_string(ops);
    g_assert_cmpstr(text, ==,
                    "~ ip link set wg1 mtu 1280 up\n"
                    "+ ip link add wg2 mtu 1420 up type wireguard\n"
                    "- ip link del wg0\n");
    g_assert_true(ops->op[0].before == adit_state_get(have, ADIT_KIND_LINK, 1));
    g_assert_true(ops->op[0].object == adit_state_get(want, ADIT_KIND_LINK, 0));
    adit_ops_free(NULL);
}

static void
test_empty(void)
{
    g_autoptr(AditState) empty = adit_state_seal(adit_state_new()), state = sample_state();
    g_autoptr(AditOps) none = adit_diff(empty, empty), same = adit_diff(state, state);
    g_autoptr(AditOps) all = adit_diff(empty, state), gone = adit_diff(state, empty);
    g_autofree char *text = adit_ops_to_string(none);

    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpstr(text, ==, "");
    g_assert_cmpuint(same->len, ==, 0);
    g_assert_cmpuint(all->len, ==, 19);
    g_assert_cmpuint(gone->len, ==, 19);
}

/* Somebody appended a second route of ours: whichever of the two is right stays. */
static void
check_two_present(const char *first, const char *second, guint n_ops)
{
    g_autoptr(AditState) have = adit_state_new(), want = adit_state_new(), result = NULL;
    AditRoute one = sample_route("10.0.0.0/24", 20101, ADIT_ROUTE_UNICAST, first);
    AditRoute two = sample_route("10.0.0.0/24", 20101, ADIT_ROUTE_UNICAST, second);
    AditRoute wanted = sample_route("10.0.0.0/24", 20101, ADIT_ROUTE_UNICAST, "wg0");
    g_autoptr(AditOps) ops = NULL;
    g_autoptr(Replay) replay = NULL;

    adit_state_add_route(have, &one);
    adit_state_add_route(have, &two);
    adit_state_add_route(want, &wanted);
    adit_state_seal_dump(have);
    adit_state_seal(want);

    ops = adit_diff(have, want);
    g_assert_cmpuint(ops->len, ==, n_ops);
    replay = replay_new(have);
    for (guint i = 0; i < ops->len; i++)
        replay_perform(replay, &ops->op[i]);
    result = replay_get_state(replay);
    g_assert_true(adit_state_equal(result, want));
}

static void
test_two_present(void)
{
    check_two_present("wg0", "wg1", 1);
    check_two_present("wg1", "wg0", 1);
    check_two_present("wg1", "wg2", 2);
    check_two_present("wg0", "wg0", 0);
}

/* From few names and numbers, so that two random states share some, differ in some. */
static const char *
random_link(GRand *rand)
{
    static const char *const links[] = { "wg0", "wg1", "wg2" };

    return links[g_rand_int_range(rand, 0, G_N_ELEMENTS(links))];
}

static void
add_random_route(AditState *state, GRand *rand)
{
    static const char *const prefixes[] = { "0.0.0.0/0", "10.0.0.0/24", "::/0", "fd00::/8" };
    AditRouteType type = g_rand_int_range(rand, 0, 3);
    AditRoute route = sample_route(prefixes[g_rand_int_range(rand, 0, 4)],
                                   20101 + g_rand_int_range(rand, 0, 2), type,
                                   type == ADIT_ROUTE_UNICAST ? random_link(rand) : "");

    if (type == ADIT_ROUTE_UNICAST && g_rand_boolean(rand))
        route.gateway = sample_addr(route.dst.addr.family == AF_INET ? "10.0.0.1" : "fd00::1");
    adit_state_add_route(state, &route);
}

static void
add_random_rule(AditState *state, GRand *rand)
{
    AditRule rule =
        sample_rule(g_rand_boolean(rand) ? AF_INET : AF_INET6,
                    1740 + g_rand_int_range(rand, 0, 4), g_rand_int_range(rand, 0, 3), 0);

    if (rule.action == ADIT_RULE_LOOKUP)
        rule.table = 20101 + g_rand_int_range(rand, 0, 2);
    rule.mask = g_rand_boolean(rand) ? 0x3f000000 : 0;
    adit_state_add_rule(state, &rule);
}

static void
add_random_peer(AditState *state, GRand *rand)
{
    static const char *const prefixes[] = { "10.0.0.1/32", "10.0.0.2/32", "::1/128" };
    const char *allowed[3] = { NULL };
    AditPeer peer;

    for (gint i = 0, n = g_rand_int_range(rand, 0, 3); i < n; i++)
        allowed[i] = prefixes[g_rand_int_range(rand, 0, G_N_ELEMENTS(prefixes))];
    peer = sample_peer(random_link(rand), g_rand_int_range(rand, 1, 20), allowed);
    peer.preshared_key = sample_key(g_rand_int_range(rand, 0, 2));
    adit_state_add_peer(state, &peer);
    adit_object_clear(ADIT_KIND_PEER, &peer);
}

static void
add_random_element(AditState *state, GRand *rand)
{
    AditElement element =
        sample_element(g_rand_boolean(rand) ? "fwd4" : "open4", g_rand_int_range(rand, 1, 20),
                       g_rand_int_range(rand, 1, 3));

    element.timeout_ms = g_rand_boolean(rand) ? 120000 : 0;
    element.bytes = g_rand_int(rand);
    adit_state_add_element(state, &element);
}

static void
add_random_small(AditState *state, GRand *rand)
{
    AditLink link = sample_link(random_link(rand));
    AditDevice device = sample_device(random_link(rand));
    AditAddress address = sample_address(
        random_link(rand), g_rand_boolean(rand) ? "10.0.0.2/24" : "2001:db8::2/128");
    AditNeighbour neighbour = sample_neighbour(random_link(rand), "2001:db8::2");
    AditSysctl sysctl = { (char *)(g_rand_boolean(rand) ? "net/a" : "net/b"),
                          (char *)(g_rand_boolean(rand) ? "0" : "1") };

    link.up = g_rand_boolean(rand);
    device.listen_port = 51820 + g_rand_int_range(rand, 0, 2);
    address.deprecated = g_rand_boolean(rand);
    adit_state_add_link(state, &link);
    adit_state_add_device(state, &device);
    adit_state_add_address(state, &address);
    adit_state_add_neighbour(state, &neighbour);
    adit_state_add_sysctl(state, &sysctl);
}

/* Sealed as a dump it may hold contradictions; as a plan it keeps the first of each identity.
 */
static AditState *
random_state(GRand *rand, gboolean dump)
{
    g_autoptr(AditState) draft = adit_state_new(), plan = adit_state_new();

    for (gint i = 0, n = g_rand_int_range(rand, 0, 12); i < n; i++) {
        add_random_route(draft, rand);
        add_random_rule(draft, rand);
        add_random_peer(draft, rand);
        add_random_element(draft, rand);
        add_random_small(draft, rand);
    }
    adit_state_seal_dump(draft);
    if (dump)
        return g_steal_pointer(&draft);

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        for (guint i = 0; i < adit_state_len(draft, kind); i++)
            if (i == 0 || adit_object_cmp(kind, adit_state_get(draft, kind, i - 1),
                                          adit_state_get(draft, kind, i)) != 0)
                adit_state_add(plan, kind, adit_state_get(draft, kind, i));
    return adit_state_seal(g_steal_pointer(&plan));
}

static gboolean
holds(const AditState *state, AditKind kind, gconstpointer object)
{
    for (guint i = 0; i < adit_state_len(state, kind); i++)
        if (adit_state_get(state, kind, i) == object)
            return TRUE;
    return FALSE;
}

static void
check_diff(const AditState *have, const AditState *want)
{
    g_autoptr(AditOps) ops = adit_diff(have, want), again = NULL;
    g_autoptr(Replay) replay = replay_new(have);
    g_autoptr(AditState) result = NULL;

    for (guint i = 0; i < ops->len; i++) {
        const AditOp *op = &ops->op[i];

        g_assert_true(holds(op->verb == ADIT_OP_DELETE ? have : want, op->kind, op->object));
        g_assert_true(!op->before || holds(have, op->kind, op->before));
        replay_perform(replay, op);
    }

    result = replay_get_state(replay);
    again = adit_diff(result, want);
    g_assert_cmpuint(again->len, ==, 0);
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        g_assert_cmpuint(replay_count(replay, kind), ==, adit_state_len(want, kind));
}

static void
test_random(void)
{
    guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < ROUNDS; i++) {
        g_autoptr(AditState) have = random_state(rand, TRUE), want = random_state(rand, FALSE);
        g_autoptr(AditOps) same = adit_diff(want, want);

        g_assert_cmpuint(same->len, ==, 0);
        check_diff(have, want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/diff/words", test_words);
    g_test_add_func("/diff/empty", test_empty);
    g_test_add_func("/diff/two-present", test_two_present);
    g_test_add_func("/diff/random", test_random);
    return g_test_run();
}
