/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/room.h"

#include "tests/unit/server/sample.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/setup.h"

#include <string.h>

/* A street in 2a11:1:2::/64: this machine and, unless "", the router. */
typedef struct {
    AditPrefix own;
    AditServerFacts facts;
} Street;

static void
pave(Street *street, const char *own, const char *router)
{
    memset(street, 0, sizeof(*street));
    street->own = sample_prefix(own);
    street->facts.wan_prefixes = &street->own;
    street->facts.n_wan_prefixes = 1;
    if (*router)
        street->facts.router6 = sample_prefix(router).addr;
}

/* The largest network in which the server's address is nobody else's. */
static void
test_network(void)
{
    static const struct {
        const char *net6, *own, *router, *net4;
    } rows[] = {
        { "2a11:1:2::/64", "2a11:1:2::2/64", "2a11:1:2::1", "10.59.0.0/24" },
        { "2a11:1:2::/112", "2a11:1:2::2/112", "2a11:1:2::1", "10.59.1.0/24" },
        { "2a11:1:2::/112", "2a11:1:2::2/112", "fe80::1", "10.59.0.0/24" },
        { "2a11:1:2::/112", "2a11:1:2::101/112", "2a11:1:2::1", "10.59.2.0/24" },
        { "2a11:1:2::/119", "2a11:1:2::2/119", "2a11:1:2::1", "10.59.1.0/24" },
        { "2a11:1:2::/120", "2a11:1:2::2/120", "2a11:1:2::1", "10.59.0.128/25" },
        { "2a11:1:2::/121", "2a11:1:2::2/121", "2a11:1:2::1", "10.59.0.64/26" },
        { "2a11:1:2::/124", "2a11:1:2::2/124", "2a11:1:2::1", "10.59.0.8/29" },
        { "2a11:1:2::/124", "2a11:1:2::9/124", "2a11:1:2::1", "10.59.0.4/30" },
        { "2a11:1:2::f0/124", "2a11:1:2::f1/64", "2a11:1:2::1", "10.59.0.8/29" },
        { "2a11:1:2::/124", "2a11:1:2::2/124", "", "10.59.0.0/24" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditModel) model = adit_model_new();
        g_autofree char *text = NULL;
        AditNetworkWish wish = { .net6 = sample_prefix(rows[i].net6) };
        AditPrefix net;
        Street street;

        pave(&street, rows[i].own, rows[i].router);
        wish.facts = &street.facts;
        g_assert_true(adit_edit_suggest_network(model, &wish, &net));
        text = adit_prefix_to_string(&net);
        g_assert_cmpstr(text, ==, rows[i].net4);
    }
}

static void
test_refused(void)
{
    static const struct {
        const char *net4, *net6, *own, *message; /* NULL: it may be */
    } rows[] = {
        { "10.59.0.0/24", "2a11:1:2::/64", "2a11:1:2::2/64", NULL },
        { "10.59.1.0/24", "2a11:1:2::/112", "2a11:1:2::2/112", NULL },
        { "10.59.0.8/29", "2a11:1:2::/124", "2a11:1:2::2/124", NULL },
        { "10.59.7.0/24", "", "2a11:1:2::2/124", NULL },
        { "10.59.7.0/24", "2a11:1:2::/124", "2a11:1:2::2/124",
          "home: this server's IPv6 address would be 2a11:1:2::1, which the provider's router "
          "has: take another network for the tunnel: --subnet 10.59.7.8/29" },
        { "10.59.7.0/24", "2a11:1:2::f0/124", "2a11:1:2::f1/64",
          "home: this server's IPv6 address would be 2a11:1:2::f1, which this machine has: "
          "take "
          "another network for the tunnel: --subnet 10.59.7.8/29" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditModel) had = adit_model_new();
        g_autoptr(AditModel) next = adit_model_new();
        g_autoptr(GError) error = NULL;
        AditPrefix net6;
        Street street;

        pave(&street, rows[i].own, "2a11:1:2::1");
        g_assert_true(adit_edit_add_subnet(next, rows[i].net4, "home", NULL));
        g_assert_true(adit_edit_set_ipv6(next, "home", rows[i].net6, &net6, NULL));
        g_assert_cmpint(adit_room_check(had, next, &street.facts, &error), ==,
                        !rows[i].message);
        g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].message);
    }
}

/* A subnet that has devices already; and one whose server had that address before. */
static void
test_stands(void)
{
    g_autoptr(AditModel) had = sample_server("10.59.0.0/24", "");
    g_autoptr(AditModel) next = adit_model_copy(had);
    g_autoptr(AditModel) later = NULL;
    g_autoptr(GError) error = NULL;
    AditPrefix net6;
    Street street;

    pave(&street, "2a11:1:2::2/124", "2a11:1:2::1");
    g_assert_true(adit_edit_set_ipv6(next, "home", "2a11:1:2::/124", &net6, NULL));
    g_assert_false(adit_room_check(had, next, &street.facts, &error));
    g_assert_cmpstr(error->message, ==,
                    "home: this server's IPv6 address would be 2a11:1:2::1, which the "
                    "provider's router has: take another network for that: adit-server subnet "
                    "add 10.59.1.8/29, then adit-server subnet set-ipv6 10.59.1.8/29 --prefix "
                    "2a11:1:2::/124");
    g_assert_true(adit_model_settle(next, NULL));
    later = adit_model_copy(next);
    g_assert_true(sample_add_device(later, "nas", "", 1, NULL));
    g_assert_true(adit_room_check(next, later, &street.facts, NULL));
}

/* Of a device: nobody chooses it, and who does it by hand is refused. */
static void
test_device(void)
{
    g_autoptr(AditModel) had = sample_server("10.59.0.0/24", "2a11:1:2::/124");
    g_autoptr(AditModel) next = NULL;
    g_autoptr(GError) error = NULL;
    AditAddr addr4;
    Street street;

    pave(&street, "2a11:1:2::e/124", "2a11:1:2::2");
    had->router6 = street.facts.router6;
    next = adit_model_copy(had);
    g_assert_true(adit_edit_suggest_address(next, 0, &addr4));
    g_assert_cmpuint(addr4.bytes[3], ==, 3);
    g_assert_true(sample_add_device(next, "nas", "10.59.0.18", 1, NULL));
    g_assert_false(adit_room_check(had, next, &street.facts, &error));
    g_assert_cmpstr(error->message, ==,
                    "nas: with 10.59.0.18 its IPv6 address would be 2a11:1:2::2, which the "
                    "provider's router has: give it another by --ip");
    g_assert_true(adit_model_settle(next, NULL));
    g_assert_true(adit_room_check(next, next, &street.facts, NULL)); /* that of before */
}

/* What setup does by itself, and says. */
static void
test_setup(void)
{
    g_autoptr(AditModel) had = adit_model_new();
    g_autoptr(AditModel) next = adit_model_new();
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    AditSetup setup = { "", "", "", "", .dice = 7, .has_ipv6 = TRUE, .notes = notes };
    g_autofree char *net4 = NULL;
    g_autofree char *server6 = NULL;
    Street street;

    pave(&street, "2a11:1:2::2/124", "2a11:1:2::1");
    setup.facts = &street.facts;
    setup.fresh_key.bytes[0] = 8;
    g_assert_true(adit_setup_edit(next, &setup, NULL));
    g_assert_true(adit_room_check(had, next, &street.facts, NULL));
    g_assert_true(adit_model_settle(next, NULL));
    net4 = adit_prefix_to_string(&adit_model_subnet(next, 0)->net4);
    server6 = adit_addr_to_string(&adit_model_subnet(next, 0)->server6);
    g_assert_cmpstr(net4, ==, "10.59.7.8/29");
    g_assert_cmpstr(server6, ==, "2a11:1:2::9");
    g_assert_cmpuint(notes->len, ==, 1);
    g_assert_cmpstr(
        notes->pdata[0], ==,
        "the tunnel's network is 10.59.7.8/29, with room for 5 devices: in a larger "
        "one this server's address of 2a11:1:2::/124 would be that of the "
        "provider's router or of this machine");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/room/network", test_network);
    g_test_add_func("/room/refused", test_refused);
    g_test_add_func("/room/stands", test_stands);
    g_test_add_func("/room/device", test_device);
    g_test_add_func("/room/setup", test_setup);
    return g_test_run();
}
