/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/source-plan.h"

#include <sys/socket.h>

/* When an uplink is kept to its own addresses; "link=value ..." as wanted. */
typedef struct {
    const char *what;
    gboolean gateway6, selected6, global6;
    AditFilterFact facts[3]; /* ended by an empty name */
    const char *wanted;
} Row;

static const Row rows[] = {
    { "a default route and no address",
      TRUE,
      FALSE,
      FALSE,
      { { "eth0", 0, -1 }, { "eth1", 0, -1 } },
      "eth0=1 eth1=1 " },
    { "kept so", TRUE, FALSE, FALSE, { { "eth0", 1, 0 } }, "" },
    { "an address has come", TRUE, FALSE, TRUE, { { "eth0", 1, 0 } }, "eth0=0 " },
    { "it was so before us", TRUE, FALSE, TRUE, { { "eth0", 1, 1 } }, "" },
    { "it is somebody else's wish", TRUE, FALSE, TRUE, { { "eth0", 1, -1 } }, "" },
    { "an address from the start", TRUE, FALSE, TRUE, { { "eth0", 0, -1 } }, "" },
    { "a gateway without IPv6", FALSE, FALSE, FALSE, { { "eth0", 0, -1 } }, "" },
    { "it is selected", TRUE, TRUE, FALSE, { { "eth0", 1, 0 } }, "eth0=0 " },
};

static char *
plan(const Row *row)
{
    AditAddr address = { .family = row->gateway6 ? AF_INET6 : AF_INET };
    const AditGateway gateway = { .name = (char *)"gw1",
                                  .addresses = &address,
                                  .n_addresses = 1,
                                  .selected = { FALSE, row->selected6 } };
    const AditGateway *const gateways[] = { &gateway };
    AditFacts facts = { .own_only = (AditFilterFact *)row->facts, .global6 = row->global6 };
    g_autoptr(AditState) want = adit_state_new();
    GString *text = g_string_new(NULL);

    while (row->facts[facts.n_own_only].link[0])
        facts.n_own_only++;
    adit_source_plan(want, gateways, 1, &facts);
    adit_state_seal(want);
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_SYSCTL); i++) {
        const AditSysctl *sysctl = adit_state_get(want, ADIT_KIND_SYSCTL, i);
        g_auto(GStrv) parts = g_strsplit(sysctl->path, "/", -1);

        g_assert_cmpstr(parts[4], ==, "use_oif_addrs_only");
        g_string_append_printf(text, "%s=%s ", parts[3], sysctl->value);
    }
    return g_string_free(text, FALSE);
}

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = plan(&rows[i]);

        g_test_message("%s", rows[i].what);
        g_assert_cmpstr(text, ==, rows[i].wanted);
    }
}

/* Where nothing but a gateway has IPv6, lo has the spare address, if it can be had. */
static void
test_spare(void)
{
    static const struct {
        gboolean gateway6, global6, lo6, lo6_off;
        gboolean spare, on;
    } spares[] = {
        { TRUE, FALSE, TRUE, FALSE, TRUE, FALSE },
        { TRUE, FALSE, FALSE, TRUE, TRUE, TRUE },
        { TRUE, FALSE, FALSE, FALSE, FALSE, FALSE },
        { TRUE, TRUE, TRUE, FALSE, FALSE, FALSE },
        { TRUE, TRUE, FALSE, TRUE, FALSE, FALSE },
        { FALSE, FALSE, FALSE, TRUE, FALSE, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(spares); i++) {
        AditAddr address = { .family = spares[i].gateway6 ? AF_INET6 : AF_INET };
        const AditGateway gateway = { .addresses = &address, .n_addresses = 1 };
        const AditGateway *const gateways[] = { &gateway };
        const AditFacts facts = { .global6 = spares[i].global6,
                                  .lo6 = spares[i].lo6,
                                  .lo6_off = spares[i].lo6_off };
        g_autoptr(AditState) want = adit_state_new();

        adit_source_plan_spare(want, gateways, 1, &facts);
        adit_state_seal(want);
        g_assert_cmpuint(adit_state_len(want, ADIT_KIND_ADDRESS), ==, spares[i].spare);
        g_assert_cmpuint(adit_state_len(want, ADIT_KIND_SYSCTL), ==, spares[i].on);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/source-plan/rows", test_rows);
    g_test_add_func("/source-plan/spare", test_spare);
    return g_test_run();
}
