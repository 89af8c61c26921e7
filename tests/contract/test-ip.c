/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>

#include "libadit/sys/reconcile.h"
#include "tests/contract/netns.h"

/* What we wrote, as ip(8) reads it: every kind of object that rtnetlink knows. Numbers instead
 * of names (-N), so that no file of the host plays a part. */

typedef struct {
    const char *words;   /* "ip -N -j @words" lists ... */
    const char *members; /* ... an object with these among its members */
} Row;

static const Row rows[] = {
    { "-4 rule show", "'priority':1740,'src':'all','fwmark':'0x1000000','fwmask':'0x3f000000',"
                      "'table':'20101','protocol':'173'" },
    { "-6 rule show", "'priority':1741,'src':'all','fwmark':'0x1000000','fwmask':'0x3f000000',"
                      "'action':'6','protocol':'173'" },
    { "-4 rule show", "'priority':1742,'src':'all','action':'7','protocol':'173'" },
    { "-6 rule show",
      "'priority':1748,'src':'2001:db8:59::2','dst':'2001:db8::','dstlen':32,'fwmark':'0',"
      "'fwmask':'0x3f000000','iif':'adit0','table':'254','suppress_prefixlen':0,"
      "'protocol':'173'" },
    { "-4 rule show", "'priority':1755,'src':'all','dst':'10.59.0.0','dstlen':24,"
                      "'oif':'adit0','table':'100','protocol':'173'" },
    { "-4 route show table 20101", "'type':'6','dst':'default','metric':4294967295" },
    { "-6 route show table 20101", "'type':'6','dst':'default','metric':4294967295" },
    { "-6 route show table 20102", "'type':'7','dst':'default','metric':9000" },
    { "-4 route show table 20101 proto 173",
      "'dst':'192.0.2.0/24','gateway':'10.59.0.1','dev':'adit0','prefsrc':'10.59.0.2',"
      "'metric':50,'flags':['onlink']" },
    { "-6 route show table 20101 proto 173",
      "'dst':'default','gateway':'2001:db8:59::1','dev':'adit0','metric':50" },
    { "-6 route show proto 173", "'dst':'2001:db8:77::/48','dev':'adit0','metric':1024" },
    { "-4 addr show dev adit0", "'family':'inet','local':'10.59.0.2','prefixlen':24,"
                                "'valid_life_time':4294967295,'noprefixroute':true" },
    { "-6 addr show dev adit0", "'family':'inet6','local':'2001:db8:59::2','prefixlen':64,"
                                "'deprecated':true,'nodad':true,'preferred_life_time':0" },
    { "-6 neigh show proxy",
      "'dst':'2001:db8:59::9','dev':'adit0','proxy':null,'protocol':'173'" },
    { "link show dev adit0", "'ifname':'adit0','mtu':1400" },
};

static AditPrefix
prefix(const char *text)
{
    AditPrefix value;

    g_assert_true(adit_prefix_parse(text, &value, NULL));
    return value;
}

static AditAddr
addr(const char *text)
{
    AditAddr value;

    g_assert_true(adit_addr_parse(text, &value, NULL));
    return value;
}

static void
add_rules(AditState *want)
{
    const AditRule rules[] = {
        { AF_INET, 1740, ADIT_RULE_LOOKUP, 20101, 0x1000000, 0x3f000000 },
        { AF_INET6, 1741, ADIT_RULE_BLACKHOLE, 0, 0x1000000, 0x3f000000 },
        { AF_INET, 1742, ADIT_RULE_UNREACHABLE },
        { AF_INET6, 1748, ADIT_RULE_LOOKUP, 254, 0, 0x3f000000, prefix("2001:db8:59::2/128"),
          prefix("2001:db8::/32"), "adit0", "", TRUE },
        { AF_INET, 1755, ADIT_RULE_LOOKUP, 100, .dst = prefix("10.59.0.0/24"), .oif = "adit0" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
        adit_state_add_rule(want, &rules[i]);
}

static void
add_routes(AditState *want)
{
    const AditRoute routes[] = {
        { prefix("0.0.0.0/0"), 20101, 4294967295, ADIT_ROUTE_BLACKHOLE },
        { prefix("::/0"), 20101, 4294967295, ADIT_ROUTE_BLACKHOLE },
        { prefix("::/0"), 20102, 9000, ADIT_ROUTE_UNREACHABLE },
        { prefix("192.0.2.0/24"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0", addr("10.59.0.1"),
          addr("10.59.0.2") },
        { prefix("::/0"), 20101, 50, ADIT_ROUTE_UNICAST, "adit0", addr("2001:db8:59::1") },
        { prefix("2001:db8:77::/48"), 254, 1024, ADIT_ROUTE_UNICAST, "adit0" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(routes); i++)
        adit_state_add_route(want, &routes[i]);
}

static AditState *
wanted(void)
{
    AditState *want = adit_state_new();
    const AditAddress four = { "adit0", prefix("10.59.0.2/24"), FALSE, TRUE };
    const AditAddress six = { "adit0", prefix("2001:db8:59::2/64"), TRUE, FALSE };
    const AditNeighbour neighbour = { "adit0", addr("2001:db8:59::9") };

    adit_state_add_link(want, &(AditLink){ "adit0", 1400, TRUE });
    adit_state_add_address(want, &four);
    adit_state_add_address(want, &six);
    adit_state_add_neighbour(want, &neighbour);
    add_rules(want);
    add_routes(want);
    return adit_state_seal(want);
}

static JsonNode *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_from_string(text, &error);

    g_assert_no_error(error);
    return node;
}

static gboolean
has_members(JsonObject *object, JsonObject *members)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    json_object_iter_init(&iter, members);
    while (json_object_iter_next(&iter, &name, &value))
        if (!json_object_has_member(object, name) ||
            !json_node_equal(json_object_get_member(object, name), value))
            return FALSE;
    return TRUE;
}

/* Addresses stand in a list within their link. */
static gboolean
lists(JsonArray *array, JsonObject *members)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *object = json_array_get_object_element(array, i);

        if (has_members(object, members))
            return TRUE;
        if (json_object_has_member(object, "addr_info") &&
            lists(json_object_get_array_member(object, "addr_info"), members))
            return TRUE;
    }
    return FALSE;
}

static void
test_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words = g_strdup_printf("-N -j %s", rows[i].words);
        g_autofree char *output = test_netns_ip(words);
        g_autofree char *text = g_strdup_printf("{%s}", rows[i].members);
        g_autoptr(JsonNode) there = parse(output);
        g_autoptr(JsonNode) members = parse(g_strdelimit(text, "'", '"'));

        if (!lists(json_node_get_array(there), json_node_get_object(members)))
            g_error("ip %s: %s does not list %s", rows[i].words, output, text);
    }
}

/* And the other way round: what ip(8) writes in our name is what we read. */
static void
test_read(void)
{
    const AditScope scope = { ADIT_KIND_BIT(ADIT_KIND_RULE) | ADIT_KIND_BIT(ADIT_KIND_ROUTE),
                              NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditKernel) kernel = adit_kernel_open(&error);
    g_autoptr(AditState) want = adit_state_new();
    g_autoptr(AditState) have = NULL;
    g_autoptr(AditOps) ops = NULL;
    g_autofree char *left = NULL;

    test_netns_do("rule flush protocol 173");
    test_netns_do("-6 rule flush protocol 173");
    test_netns_do("route flush table all proto 173");
    test_netns_do("-6 route flush table all proto 173");
    add_rules(want);
    add_routes(want);
    adit_state_seal(want);
    for (AditKind kind = ADIT_KIND_ROUTE; kind <= ADIT_KIND_RULE; kind++)
        for (guint i = 0; i < adit_state_len(want, kind); i++) {
            g_autofree char *words = adit_object_to_string(kind, adit_state_get(want, kind, i));

            g_assert_true(g_str_has_prefix(words, "ip "));
            test_netns_do(words + 3); /* the dry run's own line */
        }
    have = adit_kernel_dump(kernel, &scope, NULL, &error);
    g_assert_no_error(error);
    ops = adit_diff(have, want);
    left = adit_ops_to_string(ops);
    g_assert_cmpstr(left, ==, "");
}

static void
test_write(void)
{
    static const char *const links[] = { "adit0", NULL };
    const AditScope scope = { ADIT_KINDS_ALL, links };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditKernel) kernel = adit_kernel_open(&error);
    g_autoptr(AditState) want = wanted();

    g_assert_no_error(error);
    test_netns_do("link add adit0 type veth peer name p0");
    test_netns_do("link set p0 up");
    adit_reconcile(kernel, want, &scope, NULL, &error);
    g_assert_no_error(error);
    test_rows();
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_func("/ip/reads-what-we-write", test_write);
    g_test_add_func("/ip/writes-what-we-read", test_read);
    return g_test_run();
}
