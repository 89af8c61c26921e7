/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/guard.h"
#include "policy-routing/reply-plan.h"
#include "policy-routing/reply-table.h"
#include "tests/golden.h"

#include <string.h>
#include <sys/socket.h>

/* The boot guard of one selected gateway: what ip(8) and nft(8) are told. */

static AditGateway *
make_gateway(void)
{
    static const char text[] =
        "[Interface]\nPrivateKey = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "Address = 10.59.0.2/24\n[Peer]\n"
        "PublicKey = ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\nAllowedIPs = 0.0.0.0/0\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("x", text, strlen(text), &error);
    AditGateway *gateway;

    g_assert_no_error(error);
    gateway = adit_gateway_from_profile("home", 1, "home", profile);
    gateway->link_up = gateway->selected[0] = gateway->selected[1] = TRUE;
    return gateway;
}

static void
test_text(void)
{
    const AditPolicy policy = { 0 };
    const AditReplyOptions options = { 0 };
    AditAddress main_routes[] = {
        { .link = "eth0", .prefix = { .addr = { .family = AF_INET } } },
        { .link = "eth0", .prefix = { .addr = { .family = AF_INET6 } } },
    };
    const AditFacts facts = { .main = main_routes, .n_main = 2 };
    g_autoptr(AditGateway) gateway = make_gateway();
    const AditGateway *const gateways[] = { gateway };
    g_autoptr(AditState) want = adit_plan(gateways, 1, &facts, &policy, NULL);
    g_autoptr(AditState) elements = adit_state_new();
    AditNftBlueprint *bp = adit_reply_table_new(&options);
    g_autofree char *ip4 = NULL, *ip6 = NULL, *nft = NULL;

    adit_state_seal(want);
    g_assert_cmpuint(adit_reply_plan(elements, gateways, 1, &facts, &policy), ==, 0);
    adit_state_seal(elements);
    ip4 = adit_guard_ip(want, AF_INET);
    ip6 = adit_guard_ip(want, AF_INET6);
    nft = adit_guard_nft(bp, elements);
    golden_check("guard/home.ip4", ip4); /* a machine in tests/vm boots with them */
    golden_check("guard/home.ip6", ip6);
    golden_check("guard/home.nft", nft);

    g_assert_nonnull(strstr(ip4, "\nroute add blackhole default table 20101 metric "
                                 "4294967295 protocol 173\n"));
    g_assert_nonnull(strstr(ip4, "\nrule add pref 20071 fwmark 0x0/0x3f000000 blackhole "));
    g_assert_null(strstr(ip4, "dev home")); /* the link is not there yet */
    g_assert_null(strstr(ip4, "-4"));       /* batch lines cannot switch family */
    /* A gateway without IPv6 stops it. */
    g_assert_nonnull(strstr(ip6, "\nrule add pref 20071 fwmark 0x0/0x3f000000 blackhole "));
    g_assert_nonnull(strstr(ip6, "\nroute add blackhole default table 20101 "));
    g_assert_null(strstr(ip6, "10.59."));
    g_assert_nonnull(strstr(nft, "add element inet adit closed6 { \"eth0\" }"));
    g_assert_nonnull(strstr(nft, "add element inet adit own4 { 10.59.0.2 }"));
    g_assert_null(strstr(nft, "delete table"));
    adit_reply_table_free(bp);
}

/* Beyond the bound prefixes are left out, and counted; those inside others never count. */
static void
test_many_networks(void)
{
    const AditPolicy policy = { 0 };
    g_autoptr(AditGateway) gateway = make_gateway();
    const AditGateway *const gateways[] = { gateway };
    g_autoptr(AditState) elements = adit_state_new();
    g_autofree AditAddress *routes = g_new0(AditAddress, 602);
    const AditFacts facts = { .main = routes, .n_main = 602 };

    for (guint i = 0; i < 602; i++) {
        const guint8 bytes[16] = { i == 0 ? 0 : 10, (guint8)(i / 2 / 200),
                                   (guint8)(i / 2 % 200) };

        g_strlcpy(routes[i].link, "eth0", sizeof(routes[i].link));
        routes[i].prefix.addr = adit_addr_from_bytes(AF_INET, bytes);
        routes[i].prefix.len = i == 0 ? 0 : i % 2 ? 24 : 25; /* each network twice */
    }
    g_assert_cmpuint(adit_reply_plan(elements, gateways, 1, &facts, &policy), >, 0);
    adit_state_seal(elements);
    g_assert_cmpuint(adit_state_len(elements, ADIT_KIND_ELEMENT), <, ADIT_LAN_MAX + 16);
}

/* A link whose default route is gone for a moment stays closed, while there is something to
 * close. */
static void
test_past_uplinks(void)
{
    static const char *const past[] = { "wlan0", "eth0", NULL };
    const AditPolicy policy = { 0 };
    AditAddress route = { .link = "eth0", .prefix = { .addr = { .family = AF_INET } } };
    const AditFacts facts = { .main = &route, .n_main = 1, .past_uplinks = past };
    const AditReplyOptions options = { 0 };
    g_autoptr(AditGateway) gateway = make_gateway();
    const AditGateway *const gateways[] = { gateway };
    AditNftBlueprint *bp = adit_reply_table_new(&options);

    for (guint selected = 0; selected < 2; selected++) {
        g_autoptr(AditState) elements = adit_state_new();
        g_autofree char *nft = NULL;

        gateway->selected[0] = gateway->selected[1] = selected;
        adit_reply_plan(elements, gateways, 1, &facts, &policy);
        nft = adit_guard_nft(bp, adit_state_seal(elements));
        g_assert_nonnull(strstr(nft, "inet adit uplink { \"eth0\" }"));
        g_assert_cmpint(!!strstr(nft, "inet adit uplink { \"wlan0\" }"), ==, selected);
        g_assert_cmpint(!!strstr(nft, "inet adit closed4 { \"wlan0\" }"), ==, selected);
    }
    adit_reply_table_free(bp);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guard/text", test_text);
    g_test_add_func("/guard/past-uplinks", test_past_uplinks);
    g_test_add_func("/guard/many-networks", test_many_networks);
    return g_test_run();
}
