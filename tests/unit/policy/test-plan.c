/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "policy-routing/numbers.h"
#include "policy-routing/plan.h"

#include <string.h>
#include <sys/socket.h>

/* The plan of one hand-made gateway, compared line by line with what a person would type. */

static AditAddr
addr(const char *text)
{
    AditAddr ret;

    g_assert_true(adit_addr_parse(text, &ret, NULL));
    return ret;
}

static AditPrefix
prefix(const char *text)
{
    AditPrefix ret;

    g_assert_true(adit_prefix_parse(text, &ret, NULL));
    return ret;
}

static AditGateway *
make_gateway(guint slot, const char *name, const char *v4, const char *net4, const char *v6)
{
    AditGateway *gateway = g_new0(AditGateway, 1);
    guint n = v6 ? 2 : 1;

    gateway->name = g_strdup(name);
    gateway->slot = slot;
    g_strlcpy(gateway->link, name, sizeof(gateway->link));
    gateway->link_up = TRUE;
    gateway->addresses = g_new0(AditAddr, n);
    gateway->addresses[gateway->n_addresses++] = addr(v4);
    gateway->subnets = g_new0(AditPrefix, 1);
    gateway->subnets[gateway->n_subnets++] = prefix(net4);
    gateway->routes = g_new0(AditPrefix, n);
    gateway->routes[gateway->n_routes++] = prefix("0.0.0.0/1");
    g_assert_true(adit_prefix_nth(&gateway->subnets[0], 1, &gateway->servers[0]));
    if (v6) {
        gateway->addresses[gateway->n_addresses++] = addr(v6);
        gateway->routes[gateway->n_routes++] = prefix("2000::/3");
    }
    return gateway;
}

static char *
plan_text(const AditGateway *gateway, const AditFacts *facts, const AditPolicy *policy,
          AditKind kind)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditState) want = adit_plan(&gateway, 1, facts, policy, &error);
    GString *text = g_string_new(NULL);

    g_assert_no_error(error);
    adit_state_seal(want);
    for (guint i = 0; i < adit_state_len(want, kind); i++) {
        g_autofree char *line = adit_object_to_string(kind, adit_state_get(want, kind, i));

        g_string_append_printf(text, "%s\n", line);
    }
    return g_string_free(text, FALSE);
}

#define MASK "/0x3f000000"
/* Who binds to the link. */
#define LINK(family)                                                                           \
    "ip -" family " rule add pref 1753 fwmark 0x0" MASK " oif home lookup 20101 protocol "     \
    "173\n"
#define UNSELECTED4                                                                            \
    "ip -4 rule add pref 1730 fwmark 0x3f000000" MASK " lookup main protocol 173\n"            \
    "ip -4 rule add pref 1731 fwmark 0x3f000000" MASK " blackhole protocol 173\n"              \
    "ip -4 rule add pref 1740 fwmark 0x1000000" MASK " lookup 20101 protocol 173\n"            \
    "ip -4 rule add pref 1741 fwmark 0x1000000" MASK " blackhole protocol 173\n"               \
    "ip -4 rule add pref 1748 from 10.59.0.2/32 fwmark 0x0" MASK                               \
    " lookup main suppress_prefixlength 0 protocol 173\n"                                      \
    "ip -4 rule add pref 1750 from 10.59.0.2/32 fwmark 0x0" MASK                               \
    " lookup 20101 protocol 173\n"                                                             \
    "ip -4 rule add pref 1751 from 10.59.0.2/32 fwmark 0x0" MASK                               \
    " blackhole protocol 173\n" LINK(                                                          \
        "4") "ip -4 rule add pref 1755 to 10.59.0.0/24 lookup 20101 protocol 173\n"            \
             "ip -4 rule add pref 1756 to 10.59.0.0/24 blackhole protocol 173\n"
#define SELECTED4                                                                              \
    "ip -4 rule add pref 20060 lookup main suppress_prefixlength 0 protocol 173\n"             \
    "ip -4 rule add pref 20070 fwmark 0x0" MASK " lookup 20101 protocol 173\n"                 \
    "ip -4 rule add pref 20071 fwmark 0x0" MASK " blackhole protocol 173\n"
/* Behind main, where that has no way. */
#define ANSWER(family)                                                                         \
    "ip -" family " rule add pref 32768 fwmark 0x0" MASK " ipproto udp sport 1-32767"          \
    " iif lo lookup 20100 protocol 173\n"
#define OUTER6                                                                                 \
    "ip -6 rule add pref 1730 fwmark 0x3f000000" MASK " lookup main protocol 173\n"            \
    "ip -6 rule add pref 1731 fwmark 0x3f000000" MASK " blackhole protocol 173\n"              \
    "ip -6 rule add pref 1740 fwmark 0x1000000" MASK " lookup 20101 protocol 173\n"            \
    "ip -6 rule add pref 1741 fwmark 0x1000000" MASK " blackhole protocol 173\n"

static const AditFacts no_facts = { .lo6 = TRUE };
static const AditPolicy plain = { .guard = ADIT_GUARD_BLACKHOLE };

static void
test_unselected(void)
{
    g_autoptr(AditGateway) gateway =
        make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", "2001:db8::2");
    g_autofree char *rules = plan_text(gateway, &no_facts, &plain, ADIT_KIND_RULE);
    g_autofree char *routes = plan_text(gateway, &no_facts, &plain, ADIT_KIND_ROUTE);

    g_assert_cmpstr(rules, ==,
                    UNSELECTED4 ANSWER("4") OUTER6
                    "ip -6 rule add pref 1748 from 2001:db8::2/128 fwmark 0x0" MASK
                    " lookup main suppress_prefixlength 0 protocol 173\n"
                    "ip -6 rule add pref 1750 from 2001:db8::2/128 fwmark 0x0" MASK
                    " lookup 20101 protocol 173\n"
                    "ip -6 rule add pref 1751 from 2001:db8::2/128 fwmark 0x0" MASK
                    " blackhole protocol 173\n" LINK("6") ANSWER("6"));
    g_assert_cmpstr(
        routes, ==,
        "ip -4 route add default dev lo src 10.59.0.2 table 20100 metric 1024 protocol 173\n"
        "ip -4 route add blackhole default table 20101 metric 4294967295 protocol 173\n"
        "ip -4 route add 0.0.0.0/1 dev home src 10.59.0.2 table 20101 metric 1024 "
        "protocol 173\n"
        "ip -6 route add default dev lo src 2001:db8::2 table 20100 metric 1024 protocol 173\n"
        "ip -6 route add blackhole default table 20101 metric 4294967295 protocol 173\n"
        "ip -6 route add 2000::/3 dev home src 2001:db8::2 table 20101 metric 1024 "
        "protocol 173\n");
}

/* A gateway without IPv6 that is the default of both families must stop IPv6, not leak it. */
static void
test_selected_without_ipv6(void)
{
    g_autoptr(AditGateway) gateway = make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", NULL);
    g_autofree char *rules = NULL;

    gateway->selected[0] = gateway->selected[1] = TRUE;
    rules = plan_text(gateway, &no_facts, &plain, ADIT_KIND_RULE);
    g_assert_cmpstr(
        rules, ==,
        UNSELECTED4 SELECTED4 ANSWER("4") OUTER6
        "ip -6 rule add pref 20060 lookup main suppress_prefixlength 0 protocol 173\n"
        "ip -6 rule add pref 20070 fwmark 0x0" MASK " lookup 20101 protocol 173\n"
        "ip -6 rule add pref 20071 fwmark 0x0" MASK " blackhole protocol 173\n");
}

/* The guard is there when the link is not: only the unicast routes go. */
static void
test_link_down(void)
{
    g_autoptr(AditGateway) gateway = make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", NULL);
    g_autofree char *rules = NULL;
    g_autofree char *routes = NULL;

    gateway->link_up = FALSE;
    gateway->selected[0] = TRUE;
    rules = plan_text(gateway, &no_facts, &plain, ADIT_KIND_RULE);
    routes = plan_text(gateway, &no_facts, &plain, ADIT_KIND_ROUTE);
    g_assert_cmpstr(rules, ==, UNSELECTED4 SELECTED4 OUTER6);
    g_assert_cmpstr(
        routes, ==,
        "ip -4 route add blackhole default table 20101 metric 4294967295 protocol 173\n"
        "ip -6 route add blackhole default table 20101 metric 4294967295 protocol "
        "173\n");
}

static void
test_unreachable(void)
{
    const AditPolicy policy = { .guard = ADIT_GUARD_UNREACHABLE };
    g_autoptr(AditGateway) gateway = make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", NULL);
    g_autofree char *rules = plan_text(gateway, &no_facts, &policy, ADIT_KIND_RULE);

    g_assert_null(strstr(rules, "blackhole"));
    g_assert_nonnull(
        strstr(rules, "pref 1751 from 10.59.0.2/32 fwmark 0x0" MASK " unreachable"));
}

/* Strict: no route that DHCP or RA put into main bypasses, only private networks of a link do.
 */
static void
test_strict(void)
{
    AditAddress on_link[] = { { .link = "eth0", .prefix = prefix("192.168.1.17/24") },
                              { .link = "eth0", .prefix = prefix("11.1.0.5/24") } };
    const AditFacts facts = { on_link, G_N_ELEMENTS(on_link), .lo6 = TRUE };
    const AditPolicy policy = { .strict = TRUE };
    g_autoptr(AditGateway) gateway = make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", NULL);
    g_autofree char *rules = NULL;

    gateway->selected[0] = TRUE;
    rules = plan_text(gateway, &facts, &policy, ADIT_KIND_RULE);
    g_assert_null(strstr(rules, "pref 20060 lookup main"));
    g_assert_nonnull(strstr(rules, "pref 20060 oif eth0 lookup main suppress_prefixlength 0"));
    g_assert_nonnull(strstr(rules, "pref 20060 to 192.168.1.0/24 lookup main"));
    g_assert_null(strstr(rules, "11.1.0.0"));
}

/* The LAN has the tunnel's numbers: only the server's own address goes into the tunnel. */
static void
test_clash(void)
{
    AditAddress on_link[] = { { .link = "eth0", .prefix = prefix("10.59.0.77/24") } };
    const AditFacts facts = { on_link, 1, .lo6 = TRUE };
    g_autoptr(AditGateway) gateway = make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", NULL);
    g_autofree char *rules = plan_text(gateway, &facts, &plain, ADIT_KIND_RULE);

    g_assert_nonnull(strstr(rules, "pref 1755 to 10.59.0.1/32 lookup 20101"));
    g_assert_null(strstr(rules, "to 10.59.0.0/24"));
    g_assert_true(adit_plan_find_clash(gateway, &facts) == &on_link[0]);
    g_strlcpy(on_link[0].link, "home", sizeof(on_link[0].link));
    g_assert_null(adit_plan_find_clash(gateway, &facts));
}

static void
test_refusals(void)
{
    static const struct {
        guint slot;
        const char *v4, *net4;
        gboolean selected;
        const char *message;
    } rows[] = {
        { 1, "10.60.0.2", "10.60.0.0/24", FALSE, "b: slot 1: held by a" },
        { 2, "10.59.0.2", "10.60.0.0/24", FALSE, "b: address 10.59.0.2: held by a" },
        { 2, "10.59.0.3", "10.59.0.0/16", FALSE,
          "b: subnet 10.59.0.0/16: overlaps 10.59.0.0/24 of a" },
        { 2, "10.60.0.2", "10.60.0.0/24", TRUE,
          "b: default of IPv4: a is the default already" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditGateway) a = make_gateway(1, "a", "10.59.0.2", "10.59.0.0/24", NULL);
        g_autoptr(AditGateway) b =
            make_gateway(rows[i].slot, "b", rows[i].v4, rows[i].net4, NULL);
        const AditGateway *both[] = { a, b };
        g_autoptr(GError) error = NULL;

        a->selected[0] = TRUE;
        b->selected[0] = rows[i].selected;
        g_assert_null(adit_plan(both, 2, &no_facts, &plain, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

static void
test_slots(void)
{
    g_assert_false(adit_gateway_slot_is_valid(0));
    g_assert_true(adit_gateway_slot_is_valid(1));
    g_assert_false(adit_gateway_slot_is_valid(0x1e));
    g_assert_false(adit_gateway_slot_is_valid(0x2d));
    g_assert_true(adit_gateway_slot_is_valid(62));
    g_assert_false(adit_gateway_slot_is_valid(63)); /* its mark is the outer one */
}

/* A route by lo cannot be made where lo has no IPv6, and would take all others along. */
static void
test_lo_without_ipv6(void)
{
    const AditFacts facts = { 0 };
    g_autoptr(AditGateway) gateway =
        make_gateway(1, "home", "10.59.0.2", "10.59.0.0/24", "2001:db8::2");
    g_autofree char *rules = plan_text(gateway, &facts, &plain, ADIT_KIND_RULE);
    g_autofree char *routes = plan_text(gateway, &facts, &plain, ADIT_KIND_ROUTE);

    g_assert_nonnull(strstr(rules, ANSWER("4")));
    g_assert_null(strstr(rules, ANSWER("6")));
    g_assert_null(strstr(routes, "ip -6 route add default dev lo"));
    g_assert_nonnull(strstr(routes, "ip -6 route add blackhole default table 20101"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/unselected", test_unselected);
    g_test_add_func("/plan/selected-without-ipv6", test_selected_without_ipv6);
    g_test_add_func("/plan/link-down", test_link_down);
    g_test_add_func("/plan/lo-without-ipv6", test_lo_without_ipv6);
    g_test_add_func("/plan/unreachable", test_unreachable);
    g_test_add_func("/plan/strict", test_strict);
    g_test_add_func("/plan/clash", test_clash);
    g_test_add_func("/plan/refusals", test_refusals);
    g_test_add_func("/plan/slots", test_slots);
    return g_test_run();
}
