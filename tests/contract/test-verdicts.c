/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/reconcile.h"
#include "tests/contract/netns.h"
#include "tests/unit/policy/verdicts.h"

#include <string.h>
#include <sys/socket.h>

/* The table written by hand against a real kernel: the plan is carried out and `ip route get`
 * asked about each row. Belt rows are for packets, not for routes. */

static const char machine[] = "link add eth0 type veth peer name eth0p\n"
                              "link add br0 type veth peer name br0p\n"
                              "link add ts0 type veth peer name ts0p\n"
                              "link add gw1 type veth peer name gw1p\n"
                              "link add gw2 type veth peer name gw2p\n"
                              "link add gw3 type veth peer name gw3p\n";

static const char addresses[] = "addr add 192.168.1.17/24 dev eth0\n"
                                "addr add fd00:1::17/64 dev eth0 nodad\n"
                                "addr add 2001:db8:1::17/64 dev eth0 nodad\n"
                                "addr add 172.18.0.1/24 dev br0\n"
                                "addr add fd18::1/64 dev br0 nodad\n"
                                "addr add 10.59.0.2/32 dev gw1\n"
                                "addr add 10.60.0.2/32 dev gw2\n"
                                "addr add 10.61.0.2/32 dev gw3\n"
                                "addr add 2001:db8:59::2/128 dev gw1 nodad\n"
                                "addr add 2001:db8:60::2/128 dev gw2 nodad\n"
                                "addr add 2001:db8:61::2/128 dev gw3 nodad\n"
                                "route add 172.16.9.0/24 via 192.168.1.2\n"
                                "route add 2001:db8:9::/48 via 2001:db8:1::2\n"
                                "route add default dev ts0 table 52\n"
                                "route add ::/0 dev ts0 table 52\n";

static void
make_machine(void)
{
    static const char *const links[] = { "eth0", "br0", "ts0", "gw1", "gw2", "gw3", NULL };

    test_netns_ip_batch("-batch -", machine);
    for (guint i = 0; links[i]; i++) {
        g_autofree char *lines = g_strdup_printf(
            "link set lo up\nlink set %s up\nlink set %sp up\n", links[i], links[i]);

        test_netns_ip_batch("-batch -", lines);
    }
    test_netns_ip_batch("-batch -", addresses);
}

/* What a scenario changes besides our own plan: TRUE makes it, FALSE takes it back. */
static void
set_world(const VerdictScenario *s, gboolean on)
{
    const char *verb = on ? "add" : "del";
    g_autofree char *clash = g_strdup_printf("addr %s 10.59.0.77/24 dev eth0", verb);
    g_autofree char *rule4 = g_strdup_printf("-4 rule %s pref 5270 lookup 52", verb);
    g_autofree char *rule6 = g_strdup_printf("-6 rule %s pref 5270 lookup 52", verb);
    g_autofree char *way4 = g_strdup_printf("route %s default via 192.168.1.1 dev eth0", verb);
    g_autofree char *way6 =
        g_strdup_printf("-6 route %s default via 2001:db8:1::1 dev eth0", verb);

    if (s->clash)
        test_netns_do(clash);
    if (s->tailscale) {
        test_netns_do(rule4);
        test_netns_do(rule6);
    }
    if (!s->offline) {
        test_netns_do(way4);
        test_netns_do(way6);
    }
}

static void
enforce(AditKernel *kernel, const AditState *want)
{
    const AditScope scope = { ADIT_KIND_BIT(ADIT_KIND_ROUTE) | ADIT_KIND_BIT(ADIT_KIND_RULE),
                              NULL };
    g_autoptr(GError) error = NULL;

    adit_reconcile(kernel, want, &scope, NULL, &error);
    g_assert_no_error(error);
}

static AditState *
plan(const VerdictScenario *s)
{
    const AditPolicy policy = { .strict = s->strict };
    g_autoptr(GPtrArray) gateways = verdicts_gateways(s);
    g_autoptr(GError) error = NULL;
    AditFacts facts = { .lo6 = TRUE };
    AditState *want;

    verdicts_facts(s, &facts);
    want = adit_plan((const AditGateway *const *)gateways->pdata, gateways->len, &facts,
                     &policy, &error);
    g_assert_no_error(error);
    g_free(facts.on_link);
    g_free((gpointer)facts.main);
    return adit_state_seal(want);
}

static gboolean
is_address(const char *word) /* else "unreachable", "blackhole" */
{
    AditAddr addr;

    return adit_addr_parse(word, &addr, NULL);
}

/* `ip route get`: the link it names, or "drop". */
static char *
ask(const VerdictRow *row)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *out = NULL, *said = NULL;
    g_auto(GStrv) words = NULL;
    int status;

    g_ptr_array_add(argv, g_strdup("ip"));
    g_ptr_array_add(argv, g_strdup(row->dst.family == AF_INET6 ? "-6" : "-4"));
    g_ptr_array_add(argv, g_strdup("route"));
    g_ptr_array_add(argv, g_strdup("get"));
    g_ptr_array_add(argv, adit_addr_to_string(&row->dst));
    if (adit_addr_is_set(&row->src)) {
        g_ptr_array_add(argv, g_strdup("from"));
        g_ptr_array_add(argv, adit_addr_to_string(&row->src));
    }
    if (row->link[0]) {
        g_ptr_array_add(argv, g_strdup("oif"));
        g_ptr_array_add(argv, g_strdup(row->link));
    }
    g_ptr_array_add(argv, g_strdup("mark"));
    g_ptr_array_add(argv, g_strdup_printf("0x%x", row->mark));
    if (row->sport) {
        g_ptr_array_add(argv, g_strdup("ipproto"));
        g_ptr_array_add(argv, g_strdup("udp"));
        g_ptr_array_add(argv, g_strdup("sport"));
        g_ptr_array_add(argv, g_strdup_printf("%u", row->sport));
        g_ptr_array_add(argv, g_strdup("dport"));
        g_ptr_array_add(argv, g_strdup_printf("%u", row->dport));
    }
    g_ptr_array_add(argv, NULL);
    g_assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, &out, &said, &status, NULL));
    if (status != 0)
        return g_strdup("drop");
    words = g_strsplit_set(out, " \n", -1);
    for (guint i = 0; words[i] && words[i + 1]; i++)
        if (g_str_equal(words[i], "dev"))
            /* An IPv6 route that drops is shown as one by lo. */
            return g_strdup(is_address(words[0]) ? words[i + 1] : "drop");
    return g_strdup(out);
}

static void
test_kernel(void)
{
    g_autoptr(Verdicts) v = verdicts_load();
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autoptr(AditKernel) kernel = adit_kernel_open(NULL);
    guint wrong = 0, asked = 0;

    for (guint s = 0; s < v->scenarios->len; s++) {
        const VerdictScenario *scenario = v->scenarios->pdata[s];
        g_autoptr(AditState) want = plan(scenario);

        set_world(scenario, TRUE);
        enforce(kernel, want);
        for (guint t = 1; scenario->bare && t <= VERDICT_SLOTS; t++) {
            g_autofree char *flush4 = g_strdup_printf("-4 route flush table %u", 20100 + t);
            g_autofree char *flush6 = g_strdup_printf("-6 route flush table %u", 20100 + t);

            if (scenario->enrolled[t - 1]) {
                test_netns_do(flush4);
                test_netns_do(flush6);
            }
        }
        for (guint i = 0; i < v->rows->len; i++) {
            const VerdictRow *row = &g_array_index(v->rows, VerdictRow, i);
            g_autofree char *verdict = NULL;

            if (row->scenario != scenario || row->belt)
                continue;
            verdict = ask(row);
            asked++;
            if (strcmp(verdict, row->verdict) == 0)
                continue;
            wrong++;
            g_test_message("verdicts.txt:%u: [%s]: %s, not %s", row->line, scenario->words,
                           verdict, row->verdict);
        }
        enforce(kernel, nothing);
        set_world(scenario, FALSE);
    }
    g_test_message("%u questions", asked);
    g_assert_cmpuint(asked, >, 80);
    g_assert_cmpuint(wrong, ==, 0);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    make_machine();
    g_test_add_func("/verdicts/kernel", test_kernel);
    return g_test_run();
}
