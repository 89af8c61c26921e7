/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/state.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/unit/core/sample.h"

#define PEER_KEY "QEBAQAAAAAlAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEA="

static void
check_words(AditKind kind, const void *object, const char *const words[3])
{
    static const AditOpVerb verbs[] = { ADIT_OP_ADD, ADIT_OP_CHANGE, ADIT_OP_DELETE };

    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        g_autofree char *text = adit_object_to_command(kind, verbs[i], object);

        if (words[i])
            g_assert_cmpstr(text, ==, words[i]);
    }
}

static void
test_words_link(void)
{
    AditLink link = sample_link("wg0");
    AditDevice device = sample_device("wg0");

    check_words(ADIT_KIND_LINK, &link,
                (const char *[]){ "ip link add wg0 mtu 1420 up type wireguard",
                                  "ip link set wg0 mtu 1420 up", "ip link del wg0" });
    link.mtu = 0;
    link.up = FALSE;
    check_words(ADIT_KIND_LINK, &link,
                (const char *[]){ "ip link add wg0 type wireguard", "ip link set wg0 down",
                                  "ip link del wg0" });

    check_words(
        ADIT_KIND_DEVICE, &device,
        (const char *[]){ "wg set wg0 private-key (hidden) listen-port 51820 fwmark 0x3f000000",
                          "wg set wg0 private-key (hidden) listen-port 51820 fwmark 0x3f000000",
                          "wg set wg0 private-key /dev/null fwmark 0" });
    device = (AditDevice){ .link = "wg0" };
    check_words(ADIT_KIND_DEVICE, &device,
                (const char *[]){ "wg set wg0 private-key /dev/null",
                                  "wg set wg0 private-key /dev/null fwmark 0x0", NULL });
}

static void
test_words_address(void)
{
    AditAddress address = sample_address("wg0", "10.0.0.2/24");
    AditNeighbour neighbour = sample_neighbour("eth0", "2001:db8::2");

    check_words(ADIT_KIND_ADDRESS, &address,
                (const char *[]){ "ip addr add 10.0.0.2/24 dev wg0",
                                  "ip addr change 10.0.0.2/24 dev wg0 preferred_lft forever",
                                  "ip addr del 10.0.0.2/24 dev wg0" });
    address = sample_address("sixteen-letters", "2001:db8::2/128");
    address.deprecated = address.no_prefix_route = TRUE;
    check_words(
        ADIT_KIND_ADDRESS, &address,
        (const char *[]){ "ip addr add 2001:db8::2/128 dev sixteen-letters preferred_lft 0 "
                          "noprefixroute",
                          "ip addr change 2001:db8::2/128 dev sixteen-letters preferred_lft 0 "
                          "noprefixroute",
                          "ip addr del 2001:db8::2/128 dev sixteen-letters" });

    check_words(ADIT_KIND_NEIGHBOUR, &neighbour,
                (const char *[]){ "ip -6 neigh add proxy 2001:db8::2 dev eth0",
                                  "ip -6 neigh replace proxy 2001:db8::2 dev eth0",
                                  "ip -6 neigh del proxy 2001:db8::2 dev eth0" });
}

static void
test_words_route(void)
{
    AditRoute guard4 = sample_route("0.0.0.0/0", 20101, ADIT_ROUTE_BLACKHOLE, "");
    AditRoute guard6 = sample_route("::/0", 20101, ADIT_ROUTE_UNREACHABLE, "");
    AditRoute route = sample_route("10.0.0.0/24", 20101, ADIT_ROUTE_UNICAST, "wg0");

    check_words(ADIT_KIND_ROUTE, &guard4,
                (const char *[]){ "ip -4 route add blackhole default table 20101 "
                                  "metric 4294967295 protocol 173",
                                  "ip -4 route replace blackhole default table 20101 "
                                  "metric 4294967295 protocol 173",
                                  "ip -4 route del blackhole default table 20101 "
                                  "metric 4294967295 protocol 173" });
    check_words(ADIT_KIND_ROUTE, &guard6,
                (const char *[]){ "ip -6 route add unreachable default table 20101 "
                                  "metric 4294967295 protocol 173",
                                  NULL, NULL });
    check_words(ADIT_KIND_ROUTE, &route,
                (const char *[]){ "ip -4 route add 10.0.0.0/24 dev wg0 table 20101 "
                                  "protocol 173",
                                  NULL, NULL });
    route.gateway = sample_addr("10.0.0.1");
    route.prefsrc = sample_addr("10.0.0.2");
    route.metric = 50;
    check_words(
        ADIT_KIND_ROUTE, &route,
        (const char *[]){ NULL,
                          "ip -4 route replace 10.0.0.0/24 via 10.0.0.1 dev wg0 onlink src "
                          "10.0.0.2 table 20101 metric 50 protocol 173",
                          NULL });
}

static void
test_words_rule(void)
{
    AditRule rule = sample_rule(AF_INET, 1740, ADIT_RULE_LOOKUP, 20101);

    rule.mark = 0x1000000;
    rule.mask = 0x3f000000;
    check_words(ADIT_KIND_RULE, &rule,
                (const char *[]){ "ip -4 rule add pref 1740 fwmark 0x1000000/0x3f000000 "
                                  "lookup 20101 protocol 173",
                                  NULL,
                                  "ip -4 rule del pref 1740 fwmark 0x1000000/0x3f000000 "
                                  "lookup 20101 protocol 173" });

    rule = sample_rule(AF_INET6, 1748, ADIT_RULE_LOOKUP, 254);
    rule.src = sample_prefix("2001:db8::2/128");
    rule.dst = sample_prefix("2001:db8:1::/64");
    rule.mask = 0x3f000000;
    rule.suppress = TRUE;
    g_strlcpy(rule.iif, "lo", sizeof(rule.iif));
    g_strlcpy(rule.oif, "eth0", sizeof(rule.oif));
    check_words(ADIT_KIND_RULE, &rule,
                (const char *[]){ "ip -6 rule add pref 1748 from 2001:db8::2/128 to "
                                  "2001:db8:1::/64 fwmark 0x0/0x3f000000 iif lo oif eth0 "
                                  "lookup main suppress_prefixlength 0 protocol 173",
                                  NULL, NULL });

    rule = sample_rule(AF_INET, 1741, ADIT_RULE_BLACKHOLE, 0);
    check_words(
        ADIT_KIND_RULE, &rule,
        (const char *[]){ "ip -4 rule add pref 1741 blackhole protocol 173", NULL, NULL });
    rule.action = ADIT_RULE_UNREACHABLE;
    check_words(
        ADIT_KIND_RULE, &rule,
        (const char *[]){ "ip -4 rule add pref 1741 unreachable protocol 173", NULL, NULL });
}

static void
test_words_peer(void)
{
    const char *allowed[] = { "10.0.0.0/24", "2000::/3", NULL };
    AditPeer peer = sample_peer("wg0", 9, allowed);

    peer.preshared_key = sample_key(10);
    peer.endpoint = (AditSockAddr){ sample_addr("2001:db8::1"), 51820 };
    check_words(ADIT_KIND_PEER, &peer,
                (const char *[]){ "wg set wg0 peer " PEER_KEY " preshared-key (hidden) "
                                  "endpoint [2001:db8::1]:51820 persistent-keepalive 25 "
                                  "allowed-ips 10.0.0.0/24,2000::/3",
                                  NULL, "wg set wg0 peer " PEER_KEY " remove" });
    adit_object_clear(ADIT_KIND_PEER, &peer);

    peer = (AditPeer){ .link = "wg0", .public_key = sample_key(9) };
    check_words(ADIT_KIND_PEER, &peer,
                (const char *[]){ "wg set wg0 peer " PEER_KEY " allowed-ips \"\"",
                                  "wg set wg0 peer " PEER_KEY " preshared-key /dev/null "
                                  "persistent-keepalive 0 allowed-ips \"\"",
                                  NULL });
}

static void
test_words_element(void)
{
    AditElement element = sample_element("fwd4", 0xcb007107, 0x0a000002);
    AditSysctl sysctl = { (char *)"net/ipv4/conf/wg0/rp_filter", (char *)"0" };
    const char *words = "sysctl net/ipv4/conf/wg0/rp_filter=0";

    check_words(
        ADIT_KIND_ELEMENT, &element,
        (const char *[]){ "nft add element fwd4 { cb007107 . 06000000 : 0a000002 }",
                          "nft add element fwd4 { cb007107 . 06000000 : 0a000002 }",
                          "nft delete element fwd4 { cb007107 . 06000000 : 0a000002 }" });
    element.data_len = 0;
    element.timeout_ms = 120000;
    check_words(ADIT_KIND_ELEMENT, &element,
                (const char *[]){ "nft add element fwd4 { cb007107 . 06000000 timeout 120s }",
                                  NULL, "nft delete element fwd4 { cb007107 . 06000000 }" });
    element.timeout_ms = 1500;
    check_words(ADIT_KIND_ELEMENT, &element,
                (const char *[]){ "nft add element fwd4 { cb007107 . 06000000 timeout 1500ms }",
                                  NULL, NULL });

    check_words(ADIT_KIND_SYSCTL, &sysctl, (const char *[]){ words, words, words });
}

/* Whatever holds a secret, no line shows it: not the key, not the user data with its nonce. */
static void
test_words_hide_secrets(void)
{
    const char *none[] = { NULL };
    AditKey secret = sample_key(0xdeadbeef);
    g_autofree char *text = adit_key_to_string(&secret);
    AditDevice device = { .link = "wg0", .private_key = secret };
    AditPeer peer = sample_peer("wg0", 1, none);
    AditElement element = sample_element("open4", 1, 2);
    const struct {
        AditKind kind;
        const void *object;
    } rows[] = {
        { ADIT_KIND_DEVICE, &device },
        { ADIT_KIND_PEER, &peer },
        { ADIT_KIND_ELEMENT, &element },
    };

    peer.preshared_key = secret;
    element.user_len = 16;
    memset(element.user, 0xee, sizeof(element.user));
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words = adit_object_to_string(rows[i].kind, rows[i].object);

        g_assert_null(strstr(words, text));
        g_assert_null(strstr(words, "eeee"));
    }
    adit_object_clear(ADIT_KIND_PEER, &peer);
}

/* For each field: is it identity, contents, or neither? */
#define CHECK_FIELD(kind, type, make, change, identity, contents)                              \
    G_STMT_START                                                                               \
    {                                                                                          \
        type a = make, b = make;                                                               \
                                                                                               \
        g_assert_cmpint(adit_object_cmp(kind, &a, &b), ==, 0);                                 \
        g_assert_true(adit_object_satisfies(kind, &a, &b));                                    \
        change;                                                                                \
        g_assert_cmpint(adit_object_cmp(kind, &a, &b) != 0, ==, identity);                     \
        g_assert_cmpint(adit_object_cmp(kind, &a, &b) < 0, ==,                                 \
                        adit_object_cmp(kind, &b, &a) > 0);                                    \
        if (!identity)                                                                         \
            g_assert_cmpint(!adit_object_satisfies(kind, &a, &b), ==, contents);               \
    }                                                                                          \
    G_STMT_END
#define LINK(change, identity, contents)                                                       \
    CHECK_FIELD(ADIT_KIND_LINK, AditLink, sample_link("wg0"), change, identity, contents)
#define DEVICE(change, identity, contents)                                                     \
    CHECK_FIELD(ADIT_KIND_DEVICE, AditDevice, sample_device("wg0"), change, identity, contents)
#define ADDRESS(change, prefix, identity, contents)                                            \
    CHECK_FIELD(ADIT_KIND_ADDRESS, AditAddress, sample_address("wg0", prefix), change,         \
                identity, contents)
#define ROUTE(change, type, identity, contents)                                                \
    CHECK_FIELD(ADIT_KIND_ROUTE, AditRoute, sample_route("10.0.0.0/24", 20101, type, "wg0"),   \
                change, identity, contents)
#define RULE(change)                                                                           \
    CHECK_FIELD(ADIT_KIND_RULE, AditRule, sample_rule(AF_INET, 1740, ADIT_RULE_LOOKUP, 254),   \
                change, TRUE, FALSE)
#define ELEMENT(change, identity, contents)                                                    \
    CHECK_FIELD(ADIT_KIND_ELEMENT, AditElement, sample_element("open4", 1, 2), change,         \
                identity, contents)
#define NEIGHBOUR(change)                                                                      \
    CHECK_FIELD(ADIT_KIND_NEIGHBOUR, AditNeighbour, sample_neighbour("eth0", "2001:db8::2"),   \
                change, TRUE, FALSE)

static void
test_fields_link(void)
{
    LINK(b.name[2] = '1', TRUE, FALSE);
    LINK(b.mtu = 1400, FALSE, TRUE);
    LINK(b.mtu = 0, FALSE, FALSE); /* wanted: leave */
    LINK(a.mtu = 0, FALSE, TRUE);
    LINK(b.up = FALSE, FALSE, TRUE);
    LINK(b.up = 7, FALSE, FALSE);
    LINK(b.name[9] = 'x', FALSE, FALSE); /* behind the NUL */

    DEVICE(b.link[0] = 'v', TRUE, FALSE);
    DEVICE(b.fwmark = 0, FALSE, TRUE);
    DEVICE(b.listen_port = 51821, FALSE, TRUE);
    DEVICE(b.listen_port = 0, FALSE, FALSE); /* wanted: any */
    DEVICE(a.listen_port = 0, FALSE, TRUE);
    DEVICE(b.private_key = sample_key(2), FALSE, TRUE);
    DEVICE(b.private_key = sample_key(0), FALSE, TRUE);
    DEVICE(a.private_key = sample_key(0), FALSE, TRUE);
    DEVICE(a.private_key = b.private_key = sample_key(0), FALSE, FALSE);
    DEVICE(b.private_key.bytes[0] |= 7, FALSE, FALSE); /* the kernel clamps it */
}

static void
test_fields_address(void)
{
    ADDRESS(b.link[0] = 'v', "10.0.0.2/24", TRUE, FALSE);
    ADDRESS(b.prefix.addr.bytes[3] = 3, "10.0.0.2/24", TRUE, FALSE);
    ADDRESS(b.prefix.len = 32, "10.0.0.2/24", TRUE, FALSE);
    ADDRESS(b.prefix.len = 128, "2001:db8::2/64", FALSE, TRUE);
    ADDRESS(b.deprecated = TRUE, "2001:db8::2/64", FALSE, TRUE);
    ADDRESS(b.no_prefix_route = TRUE, "2001:db8::2/64", FALSE, TRUE);

    NEIGHBOUR(b.link[0] = 'v');
    NEIGHBOUR(b.addr.bytes[15] = 3);
}

static void
test_fields_route(void)
{
    ROUTE(b.dst = sample_prefix("10.0.1.0/24"), ADIT_ROUTE_UNICAST, TRUE, FALSE);
    ROUTE(b.dst = sample_prefix("10.0.0.0/25"), ADIT_ROUTE_UNICAST, TRUE, FALSE);
    ROUTE(b.dst = sample_prefix("::/24"), ADIT_ROUTE_UNICAST, TRUE, FALSE);
    ROUTE(b.table = 20102, ADIT_ROUTE_UNICAST, TRUE, FALSE);
    ROUTE(b.metric = 7, ADIT_ROUTE_UNICAST, TRUE, FALSE);
    ROUTE(b.type = ADIT_ROUTE_UNREACHABLE, ADIT_ROUTE_BLACKHOLE, FALSE, TRUE);
    ROUTE(b.type = ADIT_ROUTE_BLACKHOLE, ADIT_ROUTE_UNICAST, FALSE, TRUE);
    ROUTE(b.link[0] = 'v', ADIT_ROUTE_UNICAST, FALSE, TRUE);
    ROUTE(b.gateway = sample_addr("10.0.0.1"), ADIT_ROUTE_UNICAST, FALSE, TRUE);
    ROUTE(b.prefsrc = sample_addr("10.0.0.2"), ADIT_ROUTE_UNICAST, FALSE, TRUE);
    ROUTE(b.link[0] = 'l', ADIT_ROUTE_BLACKHOLE, FALSE, FALSE); /* IPv6 shows lo */
}

static void
test_fields_rule(void)
{
    RULE(b.family = AF_INET6);
    RULE(b.priority = 1741);
    RULE(b.action = ADIT_RULE_BLACKHOLE);
    RULE(b.table = 20101);
    RULE(b.mark = 1);
    RULE(b.mask = 1);
    RULE(b.src = sample_prefix("10.0.0.0/8"));
    RULE(b.dst = sample_prefix("10.0.0.0/8"));
    RULE(b.iif[0] = 'x');
    RULE(b.oif[0] = 'x');
    RULE(b.suppress = TRUE);
    RULE(b.service = TRUE);
}

static void
test_fields_element(void)
{
    ELEMENT(b.set[0] = 'x', TRUE, FALSE);
    ELEMENT(b.key_len = 4, TRUE, FALSE);
    ELEMENT(b.key[7] = 1, TRUE, FALSE);
    ELEMENT(b.key[8] = 1, FALSE, FALSE); /* behind its end */
    ELEMENT(b.data[3] = 9, FALSE, TRUE);
    ELEMENT(b.data[4] = 9, FALSE, FALSE);
    ELEMENT(b.data_len = 0, FALSE, TRUE);
    ELEMENT(b.user_len = 1, FALSE, TRUE);
    ELEMENT(a.user_len = b.user_len = 1; b.user[0] = 1, FALSE, TRUE);
    ELEMENT(b.timeout_ms = 1, FALSE, TRUE);
    ELEMENT(b.expires_ms = b.packets = b.bytes = 5, FALSE, FALSE);
}

static void
test_fields_sysctl(void)
{
    AditSysctl a = { (char *)"net/a", (char *)"0" }, b = { (char *)"net/a", (char *)"1" };
    AditSysctl c = { (char *)"net/b", (char *)"0" };

    g_assert_cmpint(adit_object_cmp(ADIT_KIND_SYSCTL, &a, &b), ==, 0);
    g_assert_false(adit_object_satisfies(ADIT_KIND_SYSCTL, &a, &b));
    g_assert_true(adit_object_satisfies(ADIT_KIND_SYSCTL, &a, &a));
    g_assert_cmpint(adit_object_cmp(ADIT_KIND_SYSCTL, &a, &c), <, 0);
}

static void
check_peer(AditPeer *have, AditPeer *want, gboolean satisfied)
{
    g_assert_cmpint(adit_object_cmp(ADIT_KIND_PEER, have, want), ==, 0);
    g_assert_cmpint(adit_object_satisfies(ADIT_KIND_PEER, have, want), ==, satisfied);
}

static void
test_fields_peer(void)
{
    const char *allowed[] = { "10.0.0.1/32", "10.0.0.2/32", NULL };
    AditPeer have = sample_peer("wg0", 5, allowed), want = sample_peer("wg0", 5, allowed);

    check_peer(&have, &want, TRUE);
    have.endpoint = (AditSockAddr){ sample_addr("203.0.113.7"), 1 };
    check_peer(&have, &want, TRUE); /* roamed */
    want.endpoint = have.endpoint;
    check_peer(&have, &want, TRUE);
    want.endpoint.port = 2;
    check_peer(&have, &want, FALSE);
    have.endpoint = (AditSockAddr){ 0 };
    check_peer(&have, &want, FALSE);
    want.endpoint = have.endpoint;

    have.preshared_key = sample_key(6);
    check_peer(&have, &want, FALSE); /* it must go */
    want.preshared_key = sample_key(6);
    check_peer(&have, &want, TRUE);
    want.keepalive = 0;
    check_peer(&have, &want, FALSE);
    want.keepalive = 25;
    want.allowed[1] = sample_prefix("10.0.0.3/32");
    check_peer(&have, &want, FALSE);
    want.n_allowed = 1;
    check_peer(&have, &want, FALSE);

    want.public_key = sample_key(6);
    g_assert_cmpint(adit_object_cmp(ADIT_KIND_PEER, &have, &want), <, 0);
    have.link[2] = '1';
    g_assert_cmpint(adit_object_cmp(ADIT_KIND_PEER, &have, &want), >, 0);
    adit_object_clear(ADIT_KIND_PEER, &have);
    adit_object_clear(ADIT_KIND_PEER, &want);
    g_assert_null(want.allowed);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/object/words/link", test_words_link);
    g_test_add_func("/object/words/address", test_words_address);
    g_test_add_func("/object/words/route", test_words_route);
    g_test_add_func("/object/words/rule", test_words_rule);
    g_test_add_func("/object/words/peer", test_words_peer);
    g_test_add_func("/object/words/element", test_words_element);
    g_test_add_func("/object/words/secrets", test_words_hide_secrets);
    g_test_add_func("/object/fields/link", test_fields_link);
    g_test_add_func("/object/fields/address", test_fields_address);
    g_test_add_func("/object/fields/route", test_fields_route);
    g_test_add_func("/object/fields/rule", test_fields_rule);
    g_test_add_func("/object/fields/element", test_fields_element);
    g_test_add_func("/object/fields/sysctl", test_fields_sysctl);
    g_test_add_func("/object/fields/peer", test_fields_peer);
    return g_test_run();
}
