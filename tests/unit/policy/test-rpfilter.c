/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/rpfilter.h"

#include <string.h>
#include <sys/socket.h>

/* What becomes of reverse-path filtering, in the words of sysctl(8). */

typedef struct {
    const char *what;
    gboolean up, selected;   /* the gateway */
    AditFilterFact facts[5]; /* ended by an empty name */
    const char *wanted;      /* "link=value ..." in order of links */
} Row;

/* Debian's: 2 everywhere but in all; eth0 is an uplink. */
static const Row rows[] = {
    { "nothing to change but the gateway's own",
      TRUE,
      FALSE,
      { { "all", 0, -1 }, { "default", 2, -1 }, { "eth0", 2, -1 }, { "gw1", 2, -1 } },
      "gw1=0" },
    { "a link that is down has no setting",
      FALSE,
      FALSE,
      { { "all", 1, -1 }, { "eth0", 0, -1 } },
      "" },
    { "all is given to each and cleared",
      TRUE,
      FALSE,
      { { "all", 1, -1 }, { "default", 0, -1 }, { "eth0", 0, -1 }, { "br0", 2, -1 } },
      "all=0 default=1 eth0=1 gw1=0" },
    { "loose on an uplink while one is selected, and on no other link",
      TRUE,
      TRUE,
      { { "all", 0, -1 }, { "default", 1, -1 }, { "eth0", 1, -1 }, { "br0", 1, -1 } },
      "eth0=2 gw1=0" },
    { "off stays off", TRUE, TRUE, { { "all", 0, -1 }, { "eth0", 0, -1 } }, "gw1=0" },
    { "strict again when none is selected any more",
      TRUE,
      FALSE,
      { { "all", 0, -1 }, { "eth0", 2, 1 } },
      "eth0=1 gw1=0" },
    { "strict again, when it came from all",
      TRUE,
      FALSE,
      { { "all", 0, 1 }, { "eth0", 2, 0 } },
      "eth0=1 gw1=0" },
    { "an uplink that was loose before stays so",
      TRUE,
      FALSE,
      { { "all", 0, -1 }, { "eth0", 2, 2 } },
      "gw1=0" },
    { "off while the selected one is down: loose would look into its blackhole",
      FALSE,
      TRUE,
      { { "all", 0, -1 }, { "eth0", 2, -1 }, { "br0", 2, -1 } },
      "eth0=0" },
    { "that comes from all, too",
      FALSE,
      TRUE,
      { { "all", 2, -1 }, { "eth0", 0, -1 }, { "br0", 0, -1 } },
      "all=0 br0=2" },
    { "loose again when it is up",
      TRUE,
      TRUE,
      { { "all", 0, -1 }, { "eth0", 0, 1 } },
      "eth0=2 gw1=0" },
    { "as before when it is not selected any more, up or down",
      FALSE,
      FALSE,
      { { "all", 0, -1 }, { "eth0", 0, 2 }, { "br0", 1, -1 } },
      "eth0=2" },
    { "the link of a gateway that is one no more",
      TRUE,
      FALSE,
      { { "all", 0, -1 }, { "eth0", 2, -1 }, { "gw9", 0, 2 } },
      "gw1=0 gw9=2" },
};

static char *
plan(const Row *row)
{
    AditPrefix half = { .addr = { .family = AF_INET }, .len = 1 };
    AditGateway gateway = {
        .name = (char *)"gw1", .slot = 1, .link = "gw1", .routes = &half, .n_routes = 1
    };
    const AditGateway *const gateways[] = { &gateway };
    AditAddress uplink = { .link = "eth0", .prefix = { .addr = { .family = AF_INET } } };
    AditFacts facts = { .main = &uplink, .n_main = 1 };
    g_autoptr(AditState) want = adit_state_new();
    GString *text = g_string_new(NULL);

    gateway.link_up = row->up;
    gateway.selected[0] = row->selected;
    facts.filters = (AditFilterFact *)row->facts;
    while (row->facts[facts.n_filters].link[0])
        facts.n_filters++;
    adit_rpfilter_plan(want, gateways, 1, &facts);
    adit_state_seal(want);
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_SYSCTL); i++) {
        const AditSysctl *sysctl = adit_state_get(want, ADIT_KIND_SYSCTL, i);
        g_auto(GStrv) parts = g_strsplit(sysctl->path, "/", -1);

        g_assert_cmpstr(parts[4], ==, "rp_filter");
        g_string_append_printf(text, "%s%s=%s", i ? " " : "", parts[3], sysctl->value);
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rpfilter/rows", test_rows);
    return g_test_run();
}
