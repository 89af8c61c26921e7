/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"

#include <netinet/in.h>
#include <string.h>

#include "libadit/core/element.h"
#include "tests/unit/wire/blueprint.h"

/* Which elements each thing is; what the kernel does with them, tests/netns/test_dataplane.py
 * asks. */

static AditSockAddr
sockaddr(const char *text)
{
    AditSockAddr sa;

    g_assert_true(adit_sockaddr_parse(text, &sa, NULL));
    return sa;
}

static AditPrefix
prefix(const char *text)
{
    AditPrefix p;

    g_assert_true(adit_prefix_parse(text, &p, NULL));
    return p;
}

/* The elements, a line each, in nft's words. */
static char *
lines_of(AditState *state)
{
    GString *out = g_string_new(NULL);

    adit_state_seal(state);
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ELEMENT); i++) {
        g_autofree char *line = adit_nft_element_to_text(
            adit_dataplane_blueprint(TRUE), adit_state_get(state, ADIT_KIND_ELEMENT, i));

        g_string_append(out, line + strlen("add element inet adit_server "));
    }
    return g_string_free(out, FALSE);
}

static void
test_blueprint(void)
{
    assert_sound(adit_dataplane_blueprint(FALSE));
    assert_sound(adit_dataplane_blueprint(TRUE));
}

static void
test_mapping(void)
{
    static const struct {
        const char *external, *internal, *lines;
    } rows[] = {
        { "203.0.113.7:443", "10.59.0.2:8443",
          "back4 { 203.0.113.7 . 6 . 443 timeout 60000ms }\n"
          "open4 { 203.0.113.7 . 6 . 443 timeout 60000ms : 10.59.0.2 . 8443 }\n" },
        { "[2001:db8::2]:443", "[2001:db8::2]:443",
          "back6 { 2001:db8::2 . 6 . 443 timeout 60000ms }\n"
          "open6 { 2001:db8::2 . 6 . 443 timeout 60000ms : 2001:db8::2 . 443 }\n" },
        { "[2001:db8::2]:80", "[2001:db8::2]:8080",
          "back6 { 2001:db8::2 . 6 . 80 timeout 60000ms }\n"
          "open6 { 2001:db8::2 . 6 . 80 timeout 60000ms : 2001:db8::2 . 8080 }\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditDataplaneMapping mapping = { IPPROTO_TCP, sockaddr(rows[i].external),
                                               sockaddr(rows[i].internal), 60000 };
        g_autoptr(AditState) state = adit_state_new();
        g_autofree char *lines = NULL;

        adit_dataplane_add_mapping(state, &mapping);
        lines = lines_of(state);
        g_assert_cmpstr(lines, ==, rows[i].lines);
    }
}

/* Both modes, both families: whose it is and when it ends comes from the mapping. */
static void
test_redirect(void)
{
    static const struct {
        const char *external, *internal, *responder, *open, *back;
    } rows[] = {
        { "203.0.113.7:443", "10.59.0.2:8443", "10.59.0.1:8308",
          "open4 { 203.0.113.7 . 6 . 80 timeout 60000ms : 10.59.0.1 . 8308 }\n",
          "back4 { 203.0.113.7 . 6 . 80 timeout 60000ms }\n" },
        { "203.0.113.7:443", "10.59.0.2:8443", NULL,
          "open4 { 203.0.113.7 . 6 . 80 timeout 60000ms : 10.59.0.2 . 8443 }\n",
          "back4 { 203.0.113.7 . 6 . 80 timeout 60000ms }\n" },
        { "[2001:db8::2]:443", "[2001:db8::2]:443", "[2001:db8::1]:8308",
          "open6 { 2001:db8::2 . 6 . 80 timeout 60000ms : 2001:db8::1 . 8308 }\n",
          "back6 { 2001:db8::2 . 6 . 80 timeout 60000ms }\n" },
        { "[2001:db8::2]:443", "[2001:db8::2]:443", NULL,
          "open6 { 2001:db8::2 . 6 . 80 timeout 60000ms : 2001:db8::2 . 443 }\n",
          "back6 { 2001:db8::2 . 6 . 80 timeout 60000ms }\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const guint8 user[] = { 1, 2 };
        const AditDataplaneMapping https = {
            IPPROTO_TCP, sockaddr(rows[i].external), sockaddr(rows[i].internal), 60000, 0, user,
            sizeof(user)
        };
        const AditSockAddr responder =
            rows[i].responder ? sockaddr(rows[i].responder) : https.internal;
        const AditDataplaneMapping http =
            adit_dataplane_redirect(&https, 80, rows[i].responder ? &responder : NULL);
        g_autoptr(AditState) state = adit_state_new();
        g_autofree char *lines = NULL;

        g_assert_cmpmem(http.user, http.user_len, user, sizeof(user));
        adit_dataplane_add_mapping(state, &http);
        lines = lines_of(state);
        g_assert_nonnull(strstr(lines, rows[i].open));
        g_assert_nonnull(strstr(lines, rows[i].back));
    }
}

static void
test_mapping_back(void)
{
    static const char *const externals[] = { "203.0.113.7:443", "[2001:db8::2]:53" };

    for (guint i = 0; i < G_N_ELEMENTS(externals); i++) {
        const guint8 user[] = { 9, 8, 7 };
        const AditDataplaneMapping mapping = {
            IPPROTO_UDP, sockaddr(externals[i]), sockaddr(externals[i]), 7000, 3000, user,
            sizeof(user)
        };
        g_autoptr(AditState) state = adit_state_new();
        guint n = 0;

        adit_dataplane_add_mapping(state, &mapping);
        adit_state_seal(state);
        for (guint k = 0; k < adit_state_len(state, ADIT_KIND_ELEMENT); k++) {
            AditDataplaneMapping back;

            if (!adit_dataplane_mapping_from_element(
                    adit_state_get(state, ADIT_KIND_ELEMENT, k), &back))
                continue;
            n++;
            g_assert_cmpuint(back.proto, ==, IPPROTO_UDP);
            g_assert_cmpint(adit_sockaddr_cmp(&back.external, &mapping.external), ==, 0);
            g_assert_cmpuint(back.timeout_ms, ==, 7000);
            g_assert_cmpuint(back.expires_ms, ==, 3000);
            g_assert_cmpmem(back.user, back.user_len, user, sizeof(user));
        }
        g_assert_cmpuint(n, ==, 1);
    }
}

/* Counters of both directions add up under one external end. */
static void
test_traffic(void)
{
    const AditDataplaneMapping mapping = { IPPROTO_TCP, sockaddr("[2001:db8::2]:443"),
                                           sockaddr("[2001:db8::2]:443") };
    g_autoptr(AditState) state = adit_state_new();
    AditTraffic sum = { 0 };
    guint n = 0;

    adit_dataplane_add_mapping(state, &mapping);
    adit_state_seal(state);
    for (guint i = 0; i < adit_state_len(state, ADIT_KIND_ELEMENT); i++) {
        AditElement e = *(const AditElement *)adit_state_get(state, ADIT_KIND_ELEMENT, i);
        AditSockAddr external;
        guint8 proto;

        e.packets = e.set[0] == 'o' ? 3 : 2;
        e.bytes = e.set[0] == 'o' ? 300 : 20000;
        if (!adit_dataplane_traffic_from_element(&e, &proto, &external, &sum))
            continue;
        g_assert_cmpuint(proto, ==, IPPROTO_TCP);
        g_assert_cmpint(adit_sockaddr_cmp(&external, &mapping.external), ==, 0);
        g_assert_true(g_strv_contains(adit_dataplane_counters, e.set));
        n++;
    }
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpuint(sum.packets_in, ==, 3);
    g_assert_cmpuint(sum.bytes_in, ==, 300);
    g_assert_cmpuint(sum.packets_out, ==, 2);
    g_assert_cmpuint(sum.bytes_out, ==, 20000);
}

static void
test_mapping_back_broken(void)
{
    AditDataplaneMapping back;
    AditElement e = adit_element_make("open4");

    g_assert_false(adit_dataplane_mapping_from_element(&e, &back));
    e.key_len = 16;
    g_assert_false(adit_dataplane_mapping_from_element(&e, &back));
    e.key_len = 12;
    g_assert_true(adit_dataplane_mapping_from_element(&e, &back));
    memcpy(e.set, "open6", 6);
    g_assert_false(adit_dataplane_mapping_from_element(&e, &back));
}

static void
test_networks(void)
{
    const AditPrefix nets[] = { prefix("10.59.0.0/16"), prefix("10.59.3.0/24"),
                                prefix("192.168.7.0/24"), prefix("2001:db8::/64"),
                                prefix("192.168.7.0/24") };
    g_autoptr(AditState) state = adit_state_new();
    g_autofree char *lines = NULL;

    adit_dataplane_add_networks(state, nets, G_N_ELEMENTS(nets));
    lines = lines_of(state);
    g_assert_cmpstr(lines, ==,
                    "same4 { 10.59.0.0-10.59.255.255 . 10.59.0.0-10.59.255.255 }\n"
                    "same4 { 10.59.0.0-10.59.255.255 . 192.168.7.0-192.168.7.255 }\n"
                    "same4 { 192.168.7.0-192.168.7.255 . 10.59.0.0-10.59.255.255 }\n"
                    "same4 { 192.168.7.0-192.168.7.255 . 192.168.7.0-192.168.7.255 }\n"
                    "same6 { 2001:db8::-2001:db8::ffff:ffff:ffff:ffff . "
                    "2001:db8::-2001:db8::ffff:ffff:ffff:ffff }\n");
}

/* Nobody of the mapping's family among the allowed: nobody comes in. */
static void
test_allow(void)
{
    const AditSockAddr four = sockaddr("203.0.113.7:22"), six = sockaddr("[2001:db8::2]:22");
    const AditPrefix from[] = { prefix("192.0.2.0/24"), prefix("192.0.2.7/32"),
                                prefix("198.51.100.1/32") };
    g_autoptr(AditState) state = adit_state_new();
    g_autofree char *lines = NULL;

    adit_dataplane_add_allow(state, IPPROTO_TCP, &four, from, G_N_ELEMENTS(from));
    adit_dataplane_add_allow(state, IPPROTO_TCP, &six, from, G_N_ELEMENTS(from));
    lines = lines_of(state);
    g_assert_cmpstr(lines, ==,
                    "allow4 { 203.0.113.7 . 6 . 22 . 192.0.2.0-192.0.2.255 }\n"
                    "allow4 { 203.0.113.7 . 6 . 22 . 198.51.100.1 }\n"
                    "checked4 { 203.0.113.7 . 6 . 22 }\n"
                    "checked6 { 2001:db8::2 . 6 . 22 }\n"
                    "limited4 { 203.0.113.7 . 6 . 22 }\n"
                    "limited6 { 2001:db8::2 . 6 . 22 }\n");
}

static void
test_rest(void)
{
    const AditPrefix inside = prefix("10.59.0.0/16");
    const AditSockAddr outside = sockaddr("203.0.113.7:0");
    g_autoptr(AditState) state = adit_state_new();
    g_autofree char *lines = NULL;

    adit_dataplane_add_tunnel(state, "adit0");
    adit_dataplane_add_snat(state, "adit0", &inside, &outside.addr);
    adit_dataplane_add_responder(state, IPPROTO_TCP, 8308);
    lines = lines_of(state);
    g_assert_cmpstr(lines, ==,
                    "responder { 6 . 8308 }\n"
                    "snat4 { \"adit0\" . 10.59.0.0-10.59.255.255 : 203.0.113.7 }\n"
                    "tunnel { \"adit0\" }\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dataplane/blueprint", test_blueprint);
    g_test_add_func("/dataplane/mapping", test_mapping);
    g_test_add_func("/dataplane/redirect", test_redirect);
    g_test_add_func("/dataplane/mapping-back", test_mapping_back);
    g_test_add_func("/dataplane/traffic", test_traffic);
    g_test_add_func("/dataplane/mapping-back-broken", test_mapping_back_broken);
    g_test_add_func("/dataplane/networks", test_networks);
    g_test_add_func("/dataplane/allow", test_allow);
    g_test_add_func("/dataplane/rest", test_rest);
    return g_test_run();
}
