/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/dns-plan.h"

#include <string.h>
#include <sys/socket.h>

/* A row: what a profile says, what is selected, and the plan in one line. */
typedef struct {
    const char *dns, *search;
    gboolean selected[2];
    const char *plan;
} Row;

#define SUBNETS "10.59.0.0/24 2001:db8:59::/64"

static const Row rows[] = {
    /* Its own domains only, whoever else is asked for the rest. */
    { "10.59.0.1", "corp.example", { FALSE }, "10.59.0.1 corp.example split" },
    { "10.59.0.1 2001:db8:59::1",
      "corp.example lab.example",
      { FALSE },
      "10.59.0.1 2001:db8:59::1 corp.example lab.example split" },
    /* It has none: nobody is sent there. */
    { "10.59.0.1", "", { FALSE }, "split" },
    { "", "corp.example", { FALSE }, "corp.example split" },
    /* Not by claiming everything, which NetworkManager writes as "~". */
    { "10.59.0.1", "~ corp.example ~.", { FALSE }, "10.59.0.1 corp.example split" },
    { "10.59.0.1", ".", { FALSE }, "split" },
    /* Selected: everything, and its own domains are still searched. */
    { "10.59.0.1", "", { TRUE, TRUE }, "10.59.0.1 ~. exclusive" },
    { "10.59.0.1", "corp.example", { TRUE, TRUE }, "10.59.0.1 corp.example ~. exclusive" },
    { "10.59.0.1", "", { TRUE, FALSE }, "10.59.0.1 ~. exclusive" },
    { "10.59.0.1", "", { FALSE, TRUE }, "10.59.0.1 ~. exclusive" },
    /* A server outside the tunnel's networks is asked only where the gateway carries it. */
    { "9.9.9.9 10.59.0.1", "corp.example", { FALSE }, "10.59.0.1 corp.example split" },
    { "9.9.9.9", "corp.example", { FALSE }, "corp.example split" },
    { "9.9.9.9 2620:fe::9", "", { TRUE, TRUE }, "9.9.9.9 2620:fe::9 ~. exclusive" },
    { "9.9.9.9 2620:fe::9", "", { TRUE, FALSE }, "9.9.9.9 ~. exclusive" },
    { "9.9.9.9 2620:fe::9", "", { FALSE, TRUE }, "2620:fe::9 ~. exclusive" },
    { "9.9.9.9", "corp.example", { FALSE, TRUE }, "corp.example split" },
    /* No fallback of ours. */
    { "", "", { TRUE, TRUE }, "split" },
};

static AditGateway *
make(const Row *row)
{
    AditGateway *gateway = g_new0(AditGateway, 1);
    g_auto(GStrv) dns = g_strsplit(row->dns, " ", -1);
    g_auto(GStrv) subnets = g_strsplit(SUBNETS, " ", -1);

    gateway->search = *row->search ? g_strsplit(row->search, " ", -1) : g_new0(char *, 1);
    gateway->dns = g_new0(AditAddr, g_strv_length(dns) + 1);
    for (; dns[gateway->n_dns]; gateway->n_dns++)
        g_assert_true(
            adit_addr_parse(dns[gateway->n_dns], &gateway->dns[gateway->n_dns], NULL));
    gateway->subnets = g_new0(AditPrefix, g_strv_length(subnets));
    for (; subnets[gateway->n_subnets]; gateway->n_subnets++)
        g_assert_true(adit_prefix_parse(subnets[gateway->n_subnets],
                                        &gateway->subnets[gateway->n_subnets], NULL));
    memcpy(gateway->selected, row->selected, sizeof(gateway->selected));
    return gateway;
}

static char *
say(const AditDnsPlan *plan)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->n_servers; i++) {
        g_autofree char *server = adit_addr_to_string(&plan->servers[i]);

        g_string_append_printf(text, "%s ", server);
    }
    for (guint i = 0; plan->domains[i]; i++)
        g_string_append_printf(text, "%s ", plan->domains[i]);
    g_string_append(text, plan->exclusive ? "exclusive" : "split");
    return g_string_free(text, FALSE);
}

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditGateway) gateway = make(&rows[i]);
        g_autoptr(AditDnsPlan) plan = adit_dns_plan(gateway);
        g_autofree char *text = say(plan);

        g_assert_cmpstr(text, ==, rows[i].plan);
        /* NetworkManager: only a negative value shuts the LAN's resolver out. */
        g_assert_true(plan->exclusive == (plan->priority < 0));
    }
}

static void
test_equal(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint j = 0; j < G_N_ELEMENTS(rows); j++) {
            g_autoptr(AditGateway) a = make(&rows[i]), b = make(&rows[j]);
            g_autoptr(AditDnsPlan) pa = adit_dns_plan(a), pb = adit_dns_plan(b);

            g_assert_true(adit_dns_plan_equal(pa, pb) ==
                          g_str_equal(rows[i].plan, rows[j].plan));
        }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dns-plan/rows", test_rows);
    g_test_add_func("/dns-plan/equal", test_equal);
    return g_test_run();
}
