/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tests/unit/server/sample.h"

#include <string.h>
#include <sys/socket.h>

/* Nobody shares an address with anybody; every GUA is the prefix with the IPv4 address in it.
 */
static void
assert_all_apart(const AditModel *model)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const AditSubnet *subnet = adit_model_subnet(model, 0);

    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *device = adit_model_device(model, i);
        AditAddr twin = adit_prefix_embed(&subnet->net6, &device->addr4);

        g_assert_true(adit_prefix_contains(&subnet->net4, &device->addr4));
        g_assert_true(adit_prefix_contains(&subnet->net6, &device->addr6));
        g_assert_cmpint(adit_addr_cmp(&twin, &device->addr6), ==, 0);
        g_assert_cmpint(adit_addr_cmp(&device->addr6, &subnet->server6), !=, 0);
        g_assert_true(g_hash_table_add(seen, adit_addr_to_string(&device->addr4)));
        g_assert_true(g_hash_table_add(seen, adit_addr_to_string(&device->addr6)));
    }
}

/* Every suggestion is free, for every prefix length; when none comes, none is left. */
static void
test_every_length(void)
{
    for (guint8 len = 32; len <= 124; len++) {
        g_autofree char *net6 = g_strdup_printf("2a11:1:2:3:4:5:6:70/%u", len);
        g_autoptr(AditModel) model = sample_server("10.59.0.0/24", net6);
        guint bits = 128 - len, want = bits >= 8 ? 40 : (1u << bits) - 2;
        AditAddr addr;

        for (guint n = 0; n < MIN(want, 40); n++) {
            g_autofree char *name = g_strdup_printf("d%u", n);
            g_autoptr(GError) error = NULL;

            sample_add_device(model, name, "", n, &error);
            g_assert_no_error(error);
        }
        assert_all_apart(model);
        if (bits <= 5) /* all host numbers but the first, and the server's, are given */
            g_assert_false(adit_edit_suggest_address(model, 0, &addr));
    }
}

/* Random networks, taken addresses and explicit wishes: what settles has no two of a kind. */
static void
test_random(void)
{
    guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 60; round++) {
        guint8 len6 = (guint8)g_rand_int_range(rand, 100, 125);
        guint8 len4 = (guint8)g_rand_int_range(rand, 16, 30);
        g_autofree char *net6 = g_strdup_printf("2a11:1:2::/%u", len6);
        g_autofree char *net4 = g_strdup_printf("10.64.0.0/%u", len4);
        g_autoptr(AditModel) model = sample_server(net4, net6);

        for (guint n = 0; n < 30; n++) {
            g_autoptr(AditModel) next = adit_model_copy(model);
            g_autofree char *name = g_strdup_printf("d%u", n);
            g_autofree char *wish =
                g_rand_boolean(rand)
                    ? g_strdup("")
                    : g_strdup_printf("10.64.%d.%d", g_rand_int_range(rand, 0, 3),
                                      g_rand_int_range(rand, 0, 256));
            g_autoptr(GError) error = NULL;

            if (sample_add_device(next, name, wish, n, &error)) {
                adit_model_free(g_steal_pointer(&model));
                model = g_steal_pointer(&next);
            } else if (*wish == '\0') { /* a suggestion fails only when none is left */
                g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
            }
        }
        assert_all_apart(model);
    }
}

static void
test_small_block(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::40/124");
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    AditAddr addr;

    sample_add_device(model, "a", "10.59.0.2", 1, &error);
    g_assert_no_error(error);
    g_assert_true(adit_edit_suggest_address(model, 0, &addr));
    text = adit_addr_to_string(&addr);
    g_assert_cmpstr(text, ==, "10.59.0.3");
    g_assert_false(sample_add_device(model, "b", "10.59.0.18", 2, &error));
    g_assert_cmpstr(error->message, ==, "b: 2a11:1:2::42: held by a");
}

/* The machine's own addresses are nobody else's. */
static void
test_taken(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    AditPrefix own = sample_prefix("2a11:1:2::a3b:2");
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    AditAddr addr;

    model->taken = g_memdup2(&own.addr, sizeof(own.addr));
    model->n_taken = 1;
    g_assert_true(adit_edit_suggest_address(model, 0, &addr));
    text = adit_addr_to_string(&addr);
    g_assert_cmpstr(text, ==, "10.59.0.3");
    g_assert_false(sample_add_device(model, "a", "10.59.0.2", 1, &error));
    g_assert_cmpstr(error->message, ==, "a: 2a11:1:2::a3b:2: held by this machine itself");
}

static void
test_bad(void)
{
    static const struct {
        const char *name, *address, *message;
    } rows[] = {
        { "-x", "", "-x: not a name (letters, digits, '-', '_', '.'; at most 63)" },
        { "x", "10.59.0.0",
          "x: address 10.59.0.0: the first and the last of a network are nobody's" },
        { "x", "10.59.0.255",
          "x: address 10.59.0.255: the first and the last of a network are nobody's" },
        { "x", "10.59.0.1", "x: 10.59.0.1: held by home" },
        { "x", "10.58.0.7", "x: address 10.58.0.7: outside 10.59.0.0/24 of home" },
        { "x", "10.59.0.007", "10.59.0.007: not an IPv4 address" },
        { "nas", "", "nas: device nas: held by nas" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "");
        g_autoptr(GError) error = NULL;

        g_assert_true(sample_add_device(model, "nas", "", 1, NULL));
        g_assert_false(sample_add_device(model, rows[i].name, rows[i].address, 2, &error));
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/edit-device/every-length", test_every_length);
    g_test_add_func("/edit-device/random", test_random);
    g_test_add_func("/edit-device/small-block", test_small_block);
    g_test_add_func("/edit-device/taken", test_taken);
    g_test_add_func("/edit-device/bad", test_bad);
    return g_test_run();
}
