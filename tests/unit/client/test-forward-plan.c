/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/forward-plan.h"

#include "policy-routing/reply-table.h"

#include <string.h>
#include <sys/socket.h>

/* What is led on where, as nft's lines; and what is refused. */

static AditAddr
addr(const char *text)
{
    AditAddr a;

    g_assert_true(adit_addr_parse(text, &a, NULL));
    return a;
}

static AditPrefix
prefix(const char *text)
{
    AditPrefix p;

    g_assert_true(adit_prefix_parse(text, &p, NULL));
    return p;
}

typedef struct {
    AditAddr addresses[2];
    AditPrefix subnets[2];
    AditGateway home;
    const AditGateway *gateways[1];
    AditAddress on_link[2], main;
    AditFacts facts;
    AditPrefix allowed[2];
    AditPrefixList list;
    AditForwardSite site;
} Machine;

/* One gateway; a LAN on the uplink eth0, containers on the bridge br0. */
static void
machine_init(Machine *m)
{
    static const char *const routed[] = { "br0", NULL };

    memset(m, 0, sizeof(*m));
    m->addresses[0] = addr("10.59.0.2");
    m->addresses[1] = addr("2001:db8::2");
    m->subnets[0] = prefix("10.59.0.0/24");
    m->subnets[1] = prefix("2001:db8::/64");
    m->home = (AditGateway){ .name = (char *)"home",
                             .slot = 1,
                             .link = "home",
                             .addresses = m->addresses,
                             .n_addresses = 2,
                             .subnets = m->subnets,
                             .n_subnets = 2 };
    m->gateways[0] = &m->home;
    m->on_link[0] = (AditAddress){ .link = "eth0", .prefix = prefix("192.168.1.2/24") };
    m->on_link[1] = (AditAddress){ .link = "br0", .prefix = prefix("172.17.0.1/16") };
    m->main = (AditAddress){ .link = "eth0", .prefix = prefix("0.0.0.0/0") };
    m->facts =
        (AditFacts){ .on_link = m->on_link, .n_on_link = 2, .main = &m->main, .n_main = 1 };
    m->allowed[0] = prefix("192.168.0.0/16");
    m->allowed[1] = prefix("172.16.0.0/12");
    m->list = (AditPrefixList){ m->allowed, 2 };
    m->site = (AditForwardSite){ m->gateways, 1, &m->facts, &m->list, routed };
}

static void
test_plan(void)
{
    static const struct {
        const char *text, *lines;
    } rows[] = {
        { "[Publish]\nPort = 443\n", "" },
        /* a host of the LAN answers by its own router: it must see us */
        { "[Publish]\nPort = 443\nTo = 192.168.1.9:8443\n",
          "hide4 { 192.168.1.9 . 6 . 8443 }\n"
          "to4 { \"home\" . 10.59.0.2 . 6 . 443 : 192.168.1.9 . 8443 }\n" },
        { "[Publish]\nPort = 443\nTo = 192.168.1.9\nKeepSource = yes\n",
          "to4 { \"home\" . 10.59.0.2 . 6 . 443 : 192.168.1.9 . 443 }\n" },
        /* a container's router is this machine */
        { "[Publish]\nPort = 53-54/udp\nTo = 172.17.0.2:1053\n",
          "to4 { \"home\" . 10.59.0.2 . 17 . 53 : 172.17.0.2 . 1053 }\n"
          "to4 { \"home\" . 10.59.0.2 . 17 . 54 : 172.17.0.2 . 1054 }\n" },
        { "[Publish]\nPort = 443\nTo = 192.168.1.9\nGateway = other\n", "" },
        { "[Publish]\nPort = 443\nTo = 8.8.8.8\n", "" },
        { "[Publish]\nPort = 443\nTo = 10.59.0.9\n", "" },
        { "[Publish]\nPort = 443\nTo = fd00::9\n", "" }, /* not among the allowed ones */
        { "[Share]\nNetwork = 192.168.1.0/24\n",
          "share4 { 10.59.0.0-10.59.0.255 . 192.168.1.0-192.168.1.255 }\n" },
        { "[Share]\nNetwork = 192.168.1.0/24\nKeepSource = yes\n", "" },
        { "[Share]\nNetwork = 10.59.0.0/16\n", "" }, /* the tunnel itself */
    };
    const AditReplyOptions options = { 0 };
    AditNftBlueprint *bp = adit_reply_table_new(&options);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditWanted) wanted =
            adit_wanted_parse("in", rows[i].text, strlen(rows[i].text), FALSE, NULL);
        g_autoptr(AditState) want = adit_state_new();
        g_autoptr(GString) out = g_string_new(NULL);
        Machine machine;

        g_assert_nonnull(wanted);
        machine_init(&machine);
        adit_forward_plan(want, wanted, &machine.site);
        adit_state_seal(want);
        for (guint k = 0; k < adit_state_len(want, ADIT_KIND_ELEMENT); k++) {
            g_autofree char *line =
                adit_nft_element_to_text(bp, adit_state_get(want, ADIT_KIND_ELEMENT, k));

            g_string_append(out, line + strlen("add element inet adit "));
        }
        g_assert_cmpstr(out->str, ==, rows[i].lines);
    }
    adit_reply_table_free(bp);
}

static void
test_refuse(void)
{
    static const struct {
        const char *target, *words; /* NULL: may be */
    } rows[] = {
        { "192.168.1.9", NULL },
        { "172.17.0.2", NULL },
        { "10.59.0.2", "10.59.0.2: in the network of a gateway: what comes by a tunnel is not "
                       "led back into one" },
        { "2001:db8::9", "2001:db8::9: in the network of a gateway: what comes by a tunnel is "
                         "not led back into one" },
        { "8.8.8.8", "8.8.8.8: not allowed: add its network to allowed-targets in adit.conf" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditAddr target = addr(rows[i].target);
        g_autofree char *why = NULL;
        Machine machine;

        machine_init(&machine);
        why = adit_forward_refuse(&machine.site, &target);
        g_assert_cmpstr(why, ==, rows[i].words);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/forward-plan/plan", test_plan);
    g_test_add_func("/forward-plan/refuse", test_refuse);
    return g_test_run();
}
