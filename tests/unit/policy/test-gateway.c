/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/gateway.h"

#include <string.h>

#define KEYS "PrivateKey = cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw=\n"
#define PEER "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"

static AditGateway *
make(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("x.conf", text, strlen(text), &error);

    g_assert_no_error(error);
    return adit_gateway_from_profile("home", 3, "home", profile);
}

static char *
join(const AditPrefix *list, guint n)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        g_autofree char *one = adit_prefix_to_string(&list[i]);

        g_string_append_printf(text, "%s%s", i ? " " : "", one);
    }
    return g_string_free(text, FALSE);
}

static void
assert_gateway(const AditGateway *gateway, const char *subnets, const char *routes,
               const char *server4, const char *server6)
{
    g_autofree char *have_subnets = join(gateway->subnets, gateway->n_subnets);
    g_autofree char *have_routes = join(gateway->routes, gateway->n_routes);
    const char *servers[] = { server4, server6 };

    g_assert_cmpstr(have_subnets, ==, subnets);
    g_assert_cmpstr(have_routes, ==, routes);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *text = adit_addr_is_set(&gateway->servers[i])
                                    ? adit_addr_to_string(&gateway->servers[i])
                                    : g_strdup("");

        g_assert_cmpstr(text, ==, servers[i]);
    }
}

/* Our own server's profile names the server first, in both families. */
static void
test_ours(void)
{
    g_autoptr(AditGateway) gateway =
        make("[Interface]\n" KEYS "Address = 10.59.0.2/24, 2a11:1:2::a3b:2/128\n" PEER
             "AllowedIPs = 10.59.0.1/32, 2a11:1:2::a3b:1/128, 10.59.0.0/24, 2a11:1:2::/64, "
             "0.0.0.0/1, 128.0.0.0/1, 2000::/3\n");

    assert_gateway(gateway, "10.59.0.0/24 2a11:1:2::/64",
                   "10.59.0.1/32 2a11:1:2::a3b:1/128 10.59.0.0/24 2a11:1:2::/64 0.0.0.0/1 "
                   "128.0.0.0/1 2000::/3",
                   "10.59.0.1", "2a11:1:2::a3b:1");
    g_assert_cmpuint(adit_gateway_table(gateway), ==, 20103);
    g_assert_cmphex(adit_gateway_mark(gateway), ==, 0x03000000);
}

/* A foreign full tunnel: the server is taken to be the first host, IPv6 has no address here and
 * so no route that would carry somebody else's. */
static void
test_foreign(void)
{
    g_autoptr(AditGateway) gateway = make("[Interface]\n" KEYS "Address = 10.8.0.2/24\n" PEER
                                          "AllowedIPs = 0.0.0.0/0, ::/0\n");

    assert_gateway(gateway, "10.8.0.0/24", "0.0.0.0/0", "10.8.0.1", "");
}

/* StartTunnel's: the IPv4 address is in the IPv6 one, the server's too; elsewhere it is ::1. */
static void
test_foreign_twin(void)
{
    g_autoptr(AditGateway) twin =
        make("[Interface]\n" KEYS "Address = 10.59.0.2/24, 2a11:1:2::a3b:2/64\n" PEER
             "AllowedIPs = 0.0.0.0/0, ::/0\n");
    g_autoptr(AditGateway) first =
        make("[Interface]\n" KEYS "Address = 10.59.0.2/24, 2a11:1:2::77/64\n" PEER
             "AllowedIPs = 0.0.0.0/0, ::/0\n");

    assert_gateway(twin, "10.59.0.0/24 2a11:1:2::/64", "0.0.0.0/0 ::/0", "10.59.0.1",
                   "2a11:1:2::a3b:1");
    assert_gateway(first, "10.59.0.0/24 2a11:1:2::/64", "0.0.0.0/0 ::/0", "10.59.0.1",
                   "2a11:1:2::1");
}

static void
test_split(void)
{
    g_autoptr(AditGateway) gateway = make("[Interface]\n" KEYS "Address = 10.8.0.2/32\n" PEER
                                          "AllowedIPs = 192.168.7.9/24, 192.168.0.0/16\n");

    assert_gateway(gateway, "192.168.0.0/16", "192.168.7.0/24 192.168.0.0/16", "", "");
}

/* What ip(8) calls our tables: each slot there is, once. */
static void
test_table_names(void)
{
    g_autofree char *text = NULL;
    GString *want = g_string_new(NULL);
    const char *at;

    g_assert_true(
        g_file_get_contents(ADIT_TEST_DATA "/../../data/rt_tables.conf", &text, NULL, NULL));
    for (guint slot = 0; slot < 256; slot++) {
        const AditGateway gateway = { .slot = slot };

        if (adit_gateway_slot_is_valid(slot))
            g_string_append_printf(want, "%u\tadit%u\n", adit_gateway_table(&gateway), slot);
    }
    at = strstr(text, "\n20101");
    g_assert_nonnull(at);
    g_assert_cmpstr(at + 1, ==, want->str);
    g_string_free(want, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gateway/C17-ours", test_ours);
    g_test_add_func("/gateway/C17-foreign", test_foreign);
    g_test_add_func("/gateway/C17-foreign-twin", test_foreign_twin);
    g_test_add_func("/gateway/split", test_split);
    g_test_add_func("/gateway/table-names", test_table_names);
    return g_test_run();
}
