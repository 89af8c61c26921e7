/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/state.h"

#include <string.h>

#include "tests/unit/core/sample.h"

static void
test_seal_sorts_and_drops_repeats(void)
{
    static const char *const names[] = { "wg3", "wg1", "wg2", "wg1", "wg3", "wg0" };
    g_autoptr(AditState) state = adit_state_new();

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        AditLink link = sample_link(names[i]);

        adit_state_add_link(state, &link);
    }
    g_assert_cmpuint(adit_state_len(state, ADIT_KIND_LINK), ==, 6);
    g_assert_true(adit_state_seal(state) == state);

    g_assert_cmpuint(adit_state_len(state, ADIT_KIND_LINK), ==, 4);
    for (guint i = 0; i < 4; i++) {
        const AditLink *link = adit_state_get(state, ADIT_KIND_LINK, i);

        g_assert_cmpint(link->name[2], ==, '0' + (int)i);
    }
    g_assert_cmpuint(adit_state_len(state, ADIT_KIND_ROUTE), ==, 0);
}

static void
test_seal_keeps_deep_parts(void)
{
    g_autoptr(AditState) state = adit_state_new();
    const char *allowed[] = { "10.0.2.0/24", "::/0", "10.0.1.0/24", "10.0.2.0/24", NULL };
    const AditPeer *stored;

    for (guint i = 200; i > 0; i--) {
        AditPeer peer = sample_peer("wg0", i, allowed);

        adit_state_add_peer(state, &peer);
        memset(peer.allowed, 0xff, peer.n_allowed * sizeof(AditPrefix));
        adit_object_clear(ADIT_KIND_PEER, &peer);
    }
    adit_state_seal(state);

    g_assert_cmpuint(adit_state_len(state, ADIT_KIND_PEER), ==, 200);
    stored = adit_state_get(state, ADIT_KIND_PEER, 0);
    g_assert_cmpuint(stored->n_allowed, ==, 3); /* sorted, without the repeat */
    for (guint i = 1; i < stored->n_allowed; i++)
        g_assert_cmpint(adit_prefix_cmp(&stored->allowed[i - 1], &stored->allowed[i]), <, 0);
}

static void
seal_contradiction(gboolean dump)
{
    g_autoptr(AditState) state = adit_state_new();
    AditRoute route = sample_route("0.0.0.0/0", 20101, ADIT_ROUTE_BLACKHOLE, "");

    adit_state_add_route(state, &route);
    route.type = ADIT_ROUTE_UNREACHABLE;
    adit_state_add_route(state, &route);
    if (dump)
        adit_state_seal_dump(state);
    else
        adit_state_seal(state);
    g_assert_cmpuint(adit_state_len(state, ADIT_KIND_ROUTE), ==, 2);
}

static void
test_seal_contradiction(void)
{
    if (g_test_subprocess()) {
        seal_contradiction(FALSE);
        return;
    }
    seal_contradiction(TRUE);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(
        "*planned twice, differently: ip -4 route add unreachable default table 20101*");
}

static void
test_add_after_seal(void)
{
    if (g_test_subprocess()) {
        g_autoptr(AditState) state = adit_state_seal(adit_state_new());
        AditLink link = sample_link("wg0");

        adit_state_add_link(state, &link);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*!state->sealed*");
}

static void
test_equal(void)
{
    g_autoptr(AditState) a = sample_state(), b = sample_state();
    g_autoptr(AditState) empty = adit_state_seal(adit_state_new());

    g_assert_true(adit_state_equal(a, b));
    g_assert_false(adit_state_equal(a, empty));
    g_assert_false(adit_state_equal(empty, a));
    g_assert_true(adit_state_equal(empty, empty));
    adit_state_free(NULL);
}

/* Equality has no wildcards: a port left to the kernel is not the port the kernel chose. */
static void
test_equal_is_exact(void)
{
    g_autoptr(AditState) a = adit_state_new(), b = adit_state_new(), c = adit_state_new();
    AditDevice device = sample_device("wg0");

    adit_state_add_device(a, &device);
    device.listen_port = 0;
    adit_state_add_device(b, &device);
    g_strlcpy(device.link, "wg1", sizeof(device.link));
    adit_state_add_device(c, &device);
    adit_state_seal(a);
    adit_state_seal(b);
    adit_state_seal(c);

    g_assert_false(adit_state_equal(a, b));
    g_assert_false(adit_state_equal(b, a));
    g_assert_false(adit_state_equal(b, c));
}

static void
test_names(void)
{
    static const char *const names[] = { "link", "device",  "address", "route",    "rule",
                                         "peer", "element", "sysctl",  "neighbour" };

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        g_assert_cmpstr(adit_kind_name(kind), ==, names[kind]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/seal/sorts", test_seal_sorts_and_drops_repeats);
    g_test_add_func("/state/seal/deep", test_seal_keeps_deep_parts);
    g_test_add_func("/state/seal/contradiction", test_seal_contradiction);
    g_test_add_func("/state/seal/then-add", test_add_after_seal);
    g_test_add_func("/state/equal", test_equal);
    g_test_add_func("/state/equal/exact", test_equal_is_exact);
    g_test_add_func("/state/names", test_names);
    return g_test_run();
}
