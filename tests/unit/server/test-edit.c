/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tests/unit/server/sample.h"

#include <sys/socket.h>

static void
test_ipv6_refused(void)
{
    static const struct {
        const char *prefix, *message;
    } rows[] = {
        { "2a11:1:2::", "2a11:1:2::: its length is missing (as in 2001:db8:1::/64)" },
        { "::1/128", "::1/128: loopback addresses stay on one machine" },
        { "::/64", "::/64: the unspecified address is nobody's" },
        { "ff02::/16", "ff02::/16: multicast addresses are groups, not machines" },
        { "fe80::/64", "fe80::/64: link-local addresses stay on one link" },
        { "fd00::/64", "fd00::/64: not a public IPv6 prefix (2000::/3)" },
        { "2a11::/125", "2a11::/125: a prefix of /16 to /124 is wanted" },
        { "10.0.0.0/8", "10.0.0.0/8: not an IPv6 prefix" },
    };
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        AditPrefix prefix;

        g_assert_false(adit_edit_set_ipv6(model, "home", rows[i].prefix, &prefix, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, rows[i].message);
        g_assert_cmpuint(adit_model_subnet(model, 0)->net6.len, ==, 64);
    }
}

/* Host bits go; a block too small for the devices there are is refused by the pair. */
static void
test_ipv6(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    AditPrefix prefix;

    g_assert_true(sample_add_device(model, "a", "10.59.0.2", 1, NULL));
    g_assert_true(sample_add_device(model, "b", "10.59.0.18", 2, NULL));
    g_assert_true(adit_edit_set_ipv6(model, "10.59.0.0/24", "2a11:1:2::77/64", &prefix, NULL));
    text = adit_prefix_to_string(&prefix);
    g_assert_cmpstr(text, ==, "2a11:1:2::/64");
    g_assert_true(adit_model_settle(model, NULL));
    g_assert_true(adit_edit_set_ipv6(model, "home", "2a11:1:2::40/124", &prefix, NULL));
    g_assert_false(adit_model_settle(model, &error));
    g_assert_cmpstr(error->message, ==, "b: 2a11:1:2::42: held by a");
    g_assert_true(adit_edit_set_ipv6(model, "home", "", &prefix, NULL));
    g_assert_true(adit_model_settle(model, NULL));
    g_assert_false(adit_addr_is_set(&adit_model_device(model, 0)->addr6));
}

static void
test_suggest_network(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.7.0/24", "");
    AditPrefix avoid = sample_prefix("10.59.8.0/23");
    const AditServerFacts facts = { .wan_prefixes = &avoid, .n_wan_prefixes = 1 };
    const AditNetworkWish wish = { .facts = &facts, .dice = 7 };
    g_autofree char *text = NULL;
    AditPrefix net;

    g_assert_true(adit_edit_suggest_network(model, &wish, &net));
    text = adit_prefix_to_string(&net);
    g_assert_cmpstr(text, ==, "10.59.10.0/24");
}

/* What a list prints finds the same mapping again. */
static void
test_keys(void)
{
    static const char *const ports[] = { "443", "443/udp", "80-90/both", "91",
                                         "1000-1001/udp" };
    static const char *const expected[] = { "443/tcp",          "nas:443/tcp", "443/udp",
                                            "nas:443/udp",      "80-90/both",  "nas:80-90/both",
                                            "91/tcp",           "nas:91/tcp",  "1000-1001/udp",
                                            "nas:1000-1001/udp" };
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    g_autoptr(GError) error = NULL;
    guint at;

    g_assert_true(sample_add_device(model, "nas", "", 1, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(ports); i++) {
        g_assert_true(sample_add_publish(model, AF_INET, ports[i], "nas", 0, NULL));
        g_assert_true(sample_add_publish(model, AF_INET6, ports[i], "nas", 0, NULL));
    }
    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);
        g_autofree char *key = adit_publish_key(model, publish);

        g_assert_cmpstr(key, ==, expected[i]);
        g_assert_true(adit_edit_find_publish(model, publish->family, key, &at, NULL));
        g_assert_cmpuint(at, ==, i);
    }
    g_assert_true(adit_edit_find_publish(model, AF_INET, "91", &at, NULL));
    g_assert_false(adit_edit_find_publish(model, AF_INET, "443", &at, &error));
    g_assert_cmpstr(
        error->message, ==,
        "443: several have this key: name the protocol: see adit-server forward list");
}

static void
test_publish_refused(void)
{
    static const struct {
        guint8 family;
        const char *ports;
        guint16 internal;
        const char *message;
    } rows[] = {
        { AF_INET, "440-450", 0, "nas: port 443/tcp: held by nas" },
        { AF_INET, "51820/udp", 0,
          "nas: port 51820/udp: held by WireGuard itself: every tunnel would end" },
        { AF_INET, "1-65535/both", 0,
          "nas: port 51820/udp: held by WireGuard itself: every tunnel would end" },
        { AF_INET, "1-1000", 65000, "nas: the range passes port 65535 on the device" },
        { AF_INET6, "443", 0, "nas: port [2a11:1:2::a3b:2]:443/tcp: held by nas" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
        g_autoptr(GError) error = NULL;

        g_assert_true(sample_add_device(model, "nas", "", 1, NULL));
        g_assert_true(sample_add_publish(model, AF_INET, "443", "nas", 0, NULL));
        g_assert_true(sample_add_publish(model, AF_INET6, "443", "nas", 0, NULL));
        g_assert_false(sample_add_publish(model, rows[i].family, rows[i].ports, "nas",
                                          rows[i].internal, &error));
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

/* The WAN's address named, or left out: one port all the same. */
static void
test_wan_named(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");
    AditPrefix wan = sample_prefix("203.0.113.7");
    AditPublishWish wish = { .family = AF_INET,
                             .address = "203.0.113.7",
                             .device = "nas",
                             .label = "",
                             .ports = { 443, 443, ADIT_PROTO_TCP } };
    g_autoptr(GError) error = NULL;

    model->taken = g_memdup2(&wan.addr, sizeof(wan.addr));
    model->n_taken = 1;
    g_assert_true(sample_add_device(model, "nas", "", 1, NULL));
    g_assert_true(sample_add_publish(model, AF_INET, "443", "nas", 0, NULL));
    g_assert_true(adit_edit_add_publish(model, &wish, NULL));
    g_assert_false(adit_model_settle(model, &error));
    g_assert_cmpstr(error->message, ==, "nas: port 443/tcp: held by nas");
}

static void
test_routes_refused(void)
{
    static const struct {
        const char *route, *message;
    } rows[] = {
        { "0.0.0.0/0", "b: route 0.0.0.0/0: the way to everywhere is not behind a device" },
        { "10.0.0.0/8", "b: route 10.0.0.0/8: overlaps the subnet home" },
        { "2a11:1:2:0:1::/80", "b: route 2a11:1:2:0:1::/80: overlaps the subnet home" },
        { "192.168.7.0/24", "b: route 192.168.7.0/24: held by a" },
    };
    static const char *const first[] = { "192.168.7.0/24", NULL };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
        const char *const routes[] = { rows[i].route, NULL };
        g_autoptr(GError) error = NULL;

        g_assert_true(sample_add_device(model, "a", "", 1, NULL));
        g_assert_true(sample_add_device(model, "b", "", 2, NULL));
        g_assert_true(adit_edit_set_routes(g_ptr_array_index(model->devices, 0), first, NULL));
        g_assert_true(adit_edit_set_routes(g_ptr_array_index(model->devices, 1), routes, NULL));
        g_assert_false(adit_model_settle(model, &error));
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

static void
test_remove_device(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");
    g_autofree char *key = NULL;

    g_assert_true(sample_add_device(model, "a", "", 1, NULL));
    g_assert_true(sample_add_device(model, "b", "", 2, NULL));
    g_assert_true(sample_add_publish(model, AF_INET, "1", "a", 0, NULL));
    g_assert_true(sample_add_publish(model, AF_INET, "2", "b", 0, NULL));
    adit_model_remove_device(model, 0);
    g_assert_cmpuint(model->publishes->len, ==, 1);
    g_assert_cmpuint(adit_model_publish(model, 0)->device, ==, 0);
    key = adit_publish_key(model, adit_model_publish(model, 0));
    g_assert_cmpstr(key, ==, "2/tcp");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/edit/ipv6-refused", test_ipv6_refused);
    g_test_add_func("/edit/ipv6", test_ipv6);
    g_test_add_func("/edit/suggest-network", test_suggest_network);
    g_test_add_func("/edit/keys", test_keys);
    g_test_add_func("/edit/publish-refused", test_publish_refused);
    g_test_add_func("/edit/wan-named", test_wan_named);
    g_test_add_func("/edit/routes-refused", test_routes_refused);
    g_test_add_func("/edit/remove-device", test_remove_device);
    return g_test_run();
}
