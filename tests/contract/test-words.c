/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "libadit/core/diff.h"
#include "tests/contract/netns.h"
#include "tests/unit/core/machine.h"

/* What a dry run prints can be typed: ip(8) performs every sentence, in that order, and ends at
 * the state that was wanted. Bridges stand in for WireGuard links, which not every kernel has.
 */

static void
type_link(const char *words)
{
    g_auto(GStrv) halves = g_strsplit(words, " type wireguard", 2);
    g_autofree char *bridge =
        halves[1] ? g_strconcat(halves[0], " type bridge", NULL) : g_strdup(words);

    g_free(test_netns_ip(bridge));
}

static void
type_op(const AditOp *op)
{
    g_autofree char *command = adit_object_to_command(op->kind, op->verb, op->object);
    const char *words = strchr(command, ' ') + 1;

    g_test_message("%s", command);
    switch (op->kind) {
    case ADIT_KIND_LINK: type_link(words); break;
    case ADIT_KIND_ADDRESS:
    case ADIT_KIND_ROUTE:
    case ADIT_KIND_RULE:
    case ADIT_KIND_NEIGHBOUR: g_free(test_netns_ip(words)); break;
    case ADIT_KIND_DEVICE:
    case ADIT_KIND_PEER:
    case ADIT_KIND_ELEMENT:
    case ADIT_KIND_SYSCTL: break; /* words of other tools */
    }
}

static guint
count_lines(const char *words, const char *with)
{
    g_autofree char *text = test_netns_ip(words);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = 0;

    for (guint i = 0; lines[i]; i++)
        n += strstr(lines[i], with) != NULL;
    return n;
}

static void
check_kernel(const AditState *state)
{
    guint rules = count_lines("-N -4 rule show", "proto 173") +
                  count_lines("-N -6 rule show", "proto 173");
    guint routes = count_lines("-N -4 route show table all proto 173", "table 20") +
                   count_lines("-N -6 route show table all proto 173", "table 20");
    guint links = count_lines("-o link show type bridge", ": wg");

    g_assert_cmpuint(rules, ==, adit_state_len(state, ADIT_KIND_RULE));
    g_assert_cmpuint(routes, ==, adit_state_len(state, ADIT_KIND_ROUTE));
    g_assert_cmpuint(links, ==, adit_state_len(state, ADIT_KIND_LINK));
}

static void
test_typed(void)
{
    static const Machine machines[] = {
        { .gateways = { { TRUE, TRUE } }, .selected = 1, .guard = ADIT_ROUTE_BLACKHOLE },
        { .gateways = { { TRUE, TRUE }, { TRUE, TRUE } },
          .selected = 2,
          .guard = ADIT_ROUTE_BLACKHOLE },
        { .gateways = { { TRUE, TRUE }, { TRUE, FALSE } },
          .selected = 2,
          .guard = ADIT_ROUTE_UNREACHABLE },
        { .gateways = { { FALSE }, { TRUE, TRUE } }, .guard = ADIT_ROUTE_BLACKHOLE },
    };
    g_autoptr(AditState) have = adit_state_seal(adit_state_new());

    for (guint i = 0; i <= G_N_ELEMENTS(machines); i++) {
        g_autoptr(AditState) want = i < G_N_ELEMENTS(machines)
                                        ? machine_plan(&machines[i])
                                        : adit_state_seal(adit_state_new());
        g_autoptr(AditOps) ops = adit_diff(have, want);

        for (guint j = 0; j < ops->len; j++)
            type_op(&ops->op[j]);
        check_kernel(want);
        adit_state_free(have);
        have = g_steal_pointer(&want);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_func("/words/typed", test_typed);
    return g_test_run();
}
