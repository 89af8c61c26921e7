/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/reconcile.h"

#include <linux/netlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "tests/contract/kernel.h"
#include "tests/contract/netns.h"
#include "tests/contract/sample.h"

#define MAIN 254

/* What rtnetlink and sysctls can tell of; the rest belongs to fronts. */
#define KINDS                                                                                  \
    (ADIT_KIND_BIT(ADIT_KIND_LINK) | ADIT_KIND_BIT(ADIT_KIND_ADDRESS) |                        \
     ADIT_KIND_BIT(ADIT_KIND_ROUTE) | ADIT_KIND_BIT(ADIT_KIND_RULE) |                          \
     ADIT_KIND_BIT(ADIT_KIND_SYSCTL) | ADIT_KIND_BIT(ADIT_KIND_NEIGHBOUR))

static const char *const our_links[] = { "adit0", "adit1", "made0", NULL };
static const AditScope everything = { KINDS, our_links };

static AditState *
dump(AditKernel *kernel)
{
    g_autoptr(GError) error = NULL;
    AditState *have = adit_kernel_dump(kernel, &everything, NULL, &error);

    g_assert_no_error(error);
    return have;
}

/* The kernel becomes @want, says so when asked, and the second time nothing is sent. */
static void
reconcile(AditKernel *kernel, AditState *want)
{
    AditReconcileResult result = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditState) have = NULL;
    g_autoptr(AditOps) left = NULL;
    g_autofree char *words = NULL;
    guint sent;

    adit_reconcile(kernel, want, &everything, &result, &error);
    g_assert_no_error(error);

    have = adit_kernel_dump(kernel, &everything, want, &error);
    g_assert_no_error(error);
    left = adit_diff(have, want);
    words = adit_ops_to_string(left);
    g_assert_cmpstr(words, ==, "");

    sent = test_kernel_sent();
    adit_reconcile(kernel, want, &everything, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result.rounds, ==, 0);
    g_assert_cmpuint(test_kernel_sent(), ==, sent);
}

static AditKernel *
open_kernel(void)
{
    g_autoptr(GError) error = NULL;
    AditKernel *kernel = adit_kernel_open(&error);

    g_assert_no_error(error);
    return kernel;
}

/* Back to two bare links, for the next test. */
static void
clear(AditKernel *kernel)
{
    g_autoptr(AditState) nothing = adit_state_seal(sample_wanted());

    reconcile(kernel, nothing);
}

static void
test_nothing(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) have = dump(kernel);

    g_assert_cmpuint(adit_state_len(have, ADIT_KIND_LINK), ==, 2);
    for (AditKind kind = ADIT_KIND_LINK + 1; kind < ADIT_N_KINDS; kind++)
        g_assert_cmpuint(adit_state_len(have, kind), ==, 0);
}

static void
test_rules(void)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();

    for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
        const gboolean v4 = families[i] == AF_INET;
        const AditPrefix host = sample_prefix(v4 ? "10.59.0.2/32" : "2001:db8:59::2/128");
        const AditPrefix net = sample_prefix(v4 ? "10.59.0.0/24" : "2001:db8:59::/64");
        const AditRule rules[] = {
            { families[i], 1730, ADIT_RULE_LOOKUP, MAIN, 0x3f000000, 0x3f000000 },
            { families[i], 1731, ADIT_RULE_BLACKHOLE, 0, 0x3f000000, 0x3f000000 },
            { families[i], 1740, ADIT_RULE_LOOKUP, 20101, 0x1000000, 0x3f000000 },
            { families[i], 1741, ADIT_RULE_UNREACHABLE, 0, 0x1000000, 0x3f000000 },
            { families[i], 1748, ADIT_RULE_LOOKUP, MAIN, 0, 0x3f000000, .src = host,
              .suppress = TRUE },
            { families[i], 1750, ADIT_RULE_LOOKUP, 20101, 0, 0x3f000000, .src = host },
            { families[i], 1755, ADIT_RULE_LOOKUP, 20162, .dst = net },
            { families[i], 1760, ADIT_RULE_LOOKUP, 100, .iif = "adit0", .oif = "later0" },
            { families[i], 20060, ADIT_RULE_LOOKUP, MAIN, .suppress = TRUE },
            { families[i], 0x7fffffff, ADIT_RULE_BLACKHOLE },
        };

        for (guint j = 0; j < G_N_ELEMENTS(rules); j++)
            adit_state_add_rule(want, &rules[j]);
    }
    adit_state_seal(want);
    reconcile(kernel, want);
    clear(kernel);
}

/* Two rules of one preference, one of which says less: the kernel confuses them, we do not. */
static void
test_sparse_rules(void)
{
    const AditRule sparse = { AF_INET, 1750, ADIT_RULE_LOOKUP, 20101 };
    const AditRule rich = {
        AF_INET, 1750, ADIT_RULE_LOOKUP, 20101, 5, 0xff, .src = sample_prefix("10.59.0.2/32")
    };
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) rich_only = sample_wanted();
    g_autoptr(AditState) both = sample_wanted();
    g_autoptr(AditState) sparse_only = sample_wanted();

    adit_state_add_rule(rich_only, &rich);
    adit_state_add_rule(both, &rich);
    adit_state_add_rule(both, &sparse);
    adit_state_add_rule(sparse_only, &sparse);
    reconcile(kernel, adit_state_seal(rich_only));
    reconcile(kernel, adit_state_seal(both));
    reconcile(kernel, rich_only);
    reconcile(kernel, adit_state_seal(sparse_only));
    clear(kernel);
}

static void
test_routes(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();
    const AditRoute routes[] = {
        { sample_prefix("0.0.0.0/0"), 20101, 4294967295, ADIT_ROUTE_BLACKHOLE },
        { sample_prefix("::/0"), 20101, 4294967295, ADIT_ROUTE_BLACKHOLE },
        { sample_prefix("0.0.0.0/0"), 20102, 9000, ADIT_ROUTE_UNREACHABLE },
        { sample_prefix("::/0"), 20102, 9000, ADIT_ROUTE_UNREACHABLE },
        { sample_prefix("0.0.0.0/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0" },
        { sample_prefix("::/0"), 20101, 1024, ADIT_ROUTE_UNICAST, "adit0" },
        { sample_prefix("0.0.0.0/0"), 20102, 0, ADIT_ROUTE_UNICAST, "adit0",
          sample_addr("10.59.0.1"), sample_addr("10.59.0.2") },
        { sample_prefix("::/0"), 20102, 50, ADIT_ROUTE_UNICAST, "adit0",
          sample_addr("2001:db8:59::1"), sample_addr("2001:db8:59::2") },
        { sample_prefix("192.0.2.0/24"), 100, 1, ADIT_ROUTE_UNICAST, "adit1" },
        { sample_prefix("2001:db8:77::/48"), 100, 1, ADIT_ROUTE_UNICAST, "adit1" },
        { sample_prefix("10.59.0.9/32"), MAIN, 0, ADIT_ROUTE_UNICAST, "adit1" },
        { sample_prefix("2001:db8:59::9/128"), MAIN, 1024, ADIT_ROUTE_UNICAST, "out0" },
    };

    sample_add_address(want, "adit0", "10.59.0.2/24", FALSE, FALSE);
    sample_add_address(want, "adit0", "2001:db8:59::2/64", FALSE, FALSE);
    for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
        adit_state_add_route(want, &routes[i]);
    reconcile(kernel, adit_state_seal(want));
    clear(kernel);
}

/* A route that changes its contents is replaced in place, whatever it was. */
static void
test_route_changes(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    const AditRoute steps[] = {
        { sample_prefix("::/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0" },
        { sample_prefix("::/0"), 20101, 50, ADIT_ROUTE_BLACKHOLE },
        { sample_prefix("::/0"), 20101, 50, ADIT_ROUTE_UNREACHABLE },
        { sample_prefix("::/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0",
          sample_addr("2001:db8:59::1") },
        { sample_prefix("::/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit1" },
        { sample_prefix("0.0.0.0/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0" },
        { sample_prefix("0.0.0.0/0"), 20101, 50, ADIT_ROUTE_BLACKHOLE },
        { sample_prefix("0.0.0.0/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0",
          sample_addr("10.59.0.1") },
        { sample_prefix("0.0.0.0/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit1" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(AditState) want = sample_wanted();

        sample_add_address(want, "adit0", "10.59.0.2/24", FALSE, FALSE);
        sample_add_address(want, "adit0", "2001:db8:59::2/64", FALSE, FALSE);
        adit_state_add_route(want, &steps[i]);
        reconcile(kernel, adit_state_seal(want));
    }
    clear(kernel);
}

/* Every combination of contents from every other one. */
static void
test_addresses(void)
{
    static const char *const texts[] = { "10.59.0.2/24", "10.59.0.2/32", "2001:db8:59::2/64",
                                         "2001:db8:59::2/128", "fe80::59/64" };
    g_autoptr(AditKernel) kernel = open_kernel();

    for (guint i = 0; i < G_N_ELEMENTS(texts) * 4; i++)
        for (guint j = 0; j < 4; j++) {
            g_autoptr(AditState) want = sample_wanted();

            sample_add_address(want, "adit0", texts[i / 4], i & 1, i & 2);
            reconcile(kernel, adit_state_seal(want));
            g_clear_pointer(&want, adit_state_free);
            want = sample_wanted();
            sample_add_address(want, "adit0", texts[i / 4], j & 1, j & 2);
            reconcile(kernel, adit_state_seal(want));
        }
    clear(kernel);
}

/* The second address of an IPv4 subnet goes with the first, and comes back. */
static void
test_secondary_address(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) two = sample_wanted();
    g_autoptr(AditState) one = sample_wanted();

    sample_add_address(two, "adit0", "10.59.0.2/24", FALSE, FALSE);
    sample_add_address(two, "adit0", "10.59.0.3/24", FALSE, FALSE);
    sample_add_address(one, "adit0", "10.59.0.3/24", FALSE, FALSE);
    reconcile(kernel, adit_state_seal(two));
    reconcile(kernel, adit_state_seal(one));
    clear(kernel);
}

static void
test_neighbours(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();

    adit_state_add_neighbour(want, &(AditNeighbour){ "out0", sample_addr("2001:db8:59::2") });
    adit_state_add_neighbour(want, &(AditNeighbour){ "out0", sample_addr("192.0.2.9") });
    adit_state_add_neighbour(want, &(AditNeighbour){ "adit1", sample_addr("2001:db8:59::2") });
    reconcile(kernel, adit_state_seal(want));
    clear(kernel);
}

static void
test_links(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = adit_state_new();

    adit_state_add_link(want, &(AditLink){ "adit0", 0, FALSE });
    adit_state_add_link(want, &(AditLink){ "adit1", 0, TRUE });
    reconcile(kernel, adit_state_seal(want));
    clear(kernel);
}

static void
test_sysctls(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();

    for (guint i = 0; i < 3; i++) {
        char value[2] = { '2' - i, '\0' };
        char path[] = "net/ipv4/conf/adit0/rp_filter";
        g_autoptr(AditState) want = sample_wanted();

        adit_state_add_sysctl(want, &(AditSysctl){ path, value });
        reconcile(kernel, adit_state_seal(want));
    }
    clear(kernel);
}

/* A front makes and removes the link; rtnetlink sees to the rest of it. */
static gboolean
make_link(gpointer data, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    for (guint i = 0; i < n; i++) {
        const AditLink *link = op[i].object;

        g_assert_cmpint(op[i].kind, ==, ADIT_KIND_LINK);
        if (op[i].verb == ADIT_OP_ADD)
            test_kernel_add_link(link->name);
        else
            test_kernel_del_link(link->name);
    }
    return TRUE;
}

static gboolean
dump_nothing(gpointer data, guint kinds, const AditScope *scope, AditState *ret, GError **error)
{
    return TRUE;
}

static void
test_link_by_front(void)
{
    const AditFront front = { ADIT_KIND_BIT(ADIT_KIND_LINK), dump_nothing, make_link, NULL };
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();

    adit_kernel_add_front(kernel, &front);
    adit_state_add_link(want, &(AditLink){ "made0", 1500, TRUE });
    sample_add_address(want, "made0", "10.60.0.2/24", FALSE, FALSE);
    adit_state_add_route(want,
                         &(AditRoute){ sample_prefix("0.0.0.0/0"), 20101, 50,
                                       ADIT_ROUTE_UNICAST, "made0", sample_addr("10.60.0.1") });
    reconcile(kernel, adit_state_seal(want));
    clear(kernel); /* the link goes, and takes the rest along */
}

/* Somebody does our work between our look and our hand; called when the dump is over. */
typedef struct {
    AditKernel *other;
    const AditState *want;
    gboolean done;
} Rival;

static gboolean
be_faster(gpointer data, guint kinds, const AditScope *scope, AditState *ret, GError **error)
{
    Rival *rival = data;

    if (!rival->done) {
        rival->done = TRUE;
        adit_reconcile(rival->other, rival->want, &everything, NULL, error);
    }
    return TRUE;
}

static gboolean
refuse(gpointer data, const AditOp *op, guint n, guint *ret_failed, GError **error)
{
    g_assert_not_reached();
}

static void
test_race(void)
{
    const AditScope scope = { KINDS | ADIT_KIND_BIT(ADIT_KIND_ELEMENT), our_links };
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditKernel) other = open_kernel();
    g_autoptr(AditState) theirs = sample_wanted();
    g_autoptr(AditState) ours = sample_wanted();
    g_autoptr(AditState) have = NULL;
    g_autoptr(GError) error = NULL;
    Rival rival = { other, theirs, FALSE };
    const AditFront front = { ADIT_KIND_BIT(ADIT_KIND_ELEMENT), be_faster, refuse, &rival };
    AditReconcileResult result;

    for (guint i = 0; i < 20; i++) {
        const AditRule rule = { AF_INET, 1000 + i, ADIT_RULE_LOOKUP, 20101 };

        if (i % 3 == 0)
            adit_state_add_rule(theirs, &rule);
        adit_state_add_rule(ours, &rule);
    }
    adit_state_seal(theirs);
    adit_state_seal(ours);
    adit_kernel_add_front(kernel, &front);
    adit_reconcile(kernel, ours, &scope, &result, &error);
    g_assert_no_error(error);
    g_assert_true(rival.done);
    have = dump(kernel);
    g_assert_true(adit_state_equal(have, ours));
    clear(kernel);
}

/* The error begins with the operation, in its own words. */
static void
test_refusal(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();
    g_autoptr(GError) error = NULL;

    adit_state_add_rule(want, &(AditRule){ AF_INET, 1750, ADIT_RULE_LOOKUP, 20101 });
    adit_state_add_route(
        want, &(AditRoute){ sample_prefix("::/0"), 20101, 50, ADIT_ROUTE_UNICAST, "gone0" });
    adit_state_seal(want);
    g_assert_false(adit_reconcile(kernel, want, &everything, NULL, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==,
                    "ip -6 route add default dev gone0 table 20101 metric 50 protocol 173: "
                    "gone0: no such link");
    clear(kernel);
}

static void
test_no_front(void)
{
    const AditScope scope = { KINDS | ADIT_KIND_BIT(ADIT_KIND_PEER), our_links };
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();
    g_autoptr(GError) error = NULL;

    adit_state_add_peer(want, &(AditPeer){ "adit0", { { 9 } } });
    adit_state_seal(want);
    g_assert_false(adit_reconcile(kernel, want, &scope, NULL, &error));
    g_assert_nonnull(strstr(error->message, ": no way to reach a peer here"));
    clear(kernel);
}

static AditState *
some_routes(guint first, guint n)
{
    g_autoptr(AditState) state = sample_wanted();

    for (guint i = first; i < first + n; i++) {
        AditRoute route = { sample_prefix("2001:db8:59::/128"), 20101, 50, ADIT_ROUTE_UNICAST,
                            "adit0" };

        route.dst.addr.bytes[15] = (guint8)(i + 1);
        adit_state_add_route(state, &route);
    }
    return adit_state_seal(g_steal_pointer(&state));
}

/* Who knows what is there need not look. What is wrong with that is found out, or left alone,
 * and mended by a look. */
static void
test_step(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditKernel) other = open_kernel();
    g_autoptr(AditState) had = some_routes(0, 4), want = some_routes(1, 4), gone = NULL;
    g_autoptr(AditState) have = NULL;
    AditReconcileResult result = { 0 };
    g_autoptr(GError) error = NULL;

    reconcile(kernel, had);
    g_assert_true(adit_reconcile_step(kernel, had, want, &result, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(result.added, ==, 1);
    g_assert_cmpuint(result.deleted, ==, 1);
    have = dump(kernel);
    g_assert_true(adit_state_equal(have, want));

    gone = some_routes(2, 3); /* somebody deletes what the next step would delete */
    reconcile(other, gone);
    g_assert_false(adit_reconcile_step(kernel, want, gone, NULL, &error));
    g_assert_nonnull(strstr(error->message, "ip -6 route del 2001:db8:59::2"));
    reconcile(kernel, gone);
    clear(kernel);
}

/* What may take more along than it names is not done without a look. */
static void
test_step_looks(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) had = sample_wanted(), want = sample_wanted();
    g_autoptr(GError) error = NULL;
    guint sent;

    sample_add_address(had, "adit0", "10.59.0.2/24", FALSE, FALSE);
    sample_add_address(want, "adit0", "10.59.0.3/24", FALSE, FALSE);
    reconcile(kernel, adit_state_seal(had));
    adit_state_seal(want);
    sent = test_kernel_sent();
    g_assert_false(adit_reconcile_step(kernel, had, want, NULL, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    g_assert_cmpuint(test_kernel_sent(), ==, sent);
    reconcile(kernel, want);
    clear(kernel);
}

/* Whatever is there, it becomes what is wanted; and what is not ours stays as it is. */
static void
test_random(void)
{
    const guint32 seed = g_test_rand_int();
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autofree char *before = NULL;

    g_test_message("seed %u", seed);
    before = test_kernel_foreign();
    g_assert_cmpuint(strlen(before), >, 100);
    for (guint i = 0; i < 60; i++) {
        g_autoptr(AditState) want = sample_random(dice);
        g_autofree char *after = NULL;

        reconcile(kernel, want);
        after = test_kernel_foreign();
        g_assert_cmpstr(before, ==, after);
    }
    clear(kernel);
}

/* A proxy entry that somebody else made will do, and stays when we no longer want it. */
static void
test_foreign_neighbour(void)
{
    g_autoptr(AditKernel) kernel = open_kernel();
    g_autoptr(AditState) want = sample_wanted();
    g_autofree char *before = NULL, *after = NULL;
    const guint sent = test_kernel_sent();

    test_kernel_plant_foreign();
    before = test_kernel_foreign();
    adit_state_add_neighbour(want, &(AditNeighbour){ "out0", sample_addr("2001:db8:f::1") });
    reconcile(kernel, adit_state_seal(want));
    clear(kernel);
    after = test_kernel_foreign();
    g_assert_cmpuint(test_kernel_sent(), ==, sent);
    g_assert_cmpstr(before, ==, after);
}

static const struct {
    const char *path;
    void (*func)(void);
} tests[] = {
    { "/reconcile/nothing", test_nothing },
    { "/reconcile/rules", test_rules },
    { "/reconcile/sparse-rules", test_sparse_rules },
    { "/reconcile/routes", test_routes },
    { "/reconcile/route-changes", test_route_changes },
    { "/reconcile/addresses", test_addresses },
    { "/reconcile/secondary-address", test_secondary_address },
    { "/reconcile/neighbours", test_neighbours },
    { "/reconcile/links", test_links },
    { "/reconcile/sysctls", test_sysctls },
    { "/reconcile/link-by-front", test_link_by_front },
    { "/reconcile/race", test_race },
    { "/reconcile/refusal", test_refusal },
    { "/reconcile/no-front", test_no_front },
    { "/reconcile/step", test_step },
    { "/reconcile/step-looks", test_step_looks },
    { "/reconcile/foreign-neighbour", test_foreign_neighbour },
    { "/reconcile/random", test_random }, /* among the foreign things planted before */
};

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;
    int code;

    g_test_init(&argc, &argv, NULL);
    if (!test_kernel_open(&why))
        return test_netns_skip(why);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].path, tests[i].func);
    code = g_test_run();
    test_kernel_close();
    return code;
}
