/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/vacant.h"

#include "tests/unit/server/sample.h"
#include "tunnel-server/plan.h"

#include <string.h>

static AditAddr
addr(const char *text)
{
    return sample_prefix(text).addr;
}

static const guint8 dice[ADIT_VACANT_DICE] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0x12, 0x34, 0x56, 0x78, 0x1a, 0xbc, 0xde, 0xf0 };

/* Inside of the prefix, whatever its length, and never a low number. */
static void
test_prefixes(void)
{
    static const struct {
        const char *net6, *pick;
    } rows[] = {
        { "2a11:1:2::/64", "2a11:1:2:0:1234:5678:9abc:def0" },
        { "2a11:1:2::/48", "2a11:1:2:ffff:1234:5678:9abc:def0" },
        { "2a11:1:2:3:4:5::/96", "2a11:1:2:3:4:5:9abc:def0" },
        /* One of those that devices are given, of which only that of 10.59.0.1 is not free. */
        { "2a11:1:2:3:4:5:6:0/112", "2a11:1:2:3:4:5:6:52" },
        { "2a11:1:2::10/124", "2a11:1:2::12" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditModel) model = sample_server("10.59.0.0/24", rows[i].net6);
        const AditAddr want = addr(rows[i].pick);
        AditAddr got;

        g_assert_true(adit_vacant_pick(model, adit_model_subnet(model, 0), dice, &got));
        g_assert_cmpint(adit_addr_cmp(&got, &want), ==, 0);
    }
}

/* In a small block somebody may have each. */
static void
test_full(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::10/124");
    AditPrefix behind = sample_prefix("2a11:1:2::10/124");
    g_autoptr(GError) error = NULL;
    AditDeviceEntry *device;
    AditAddr got = { 0 };

    sample_add_device(model, "nas", "", 1, &error);
    g_assert_no_error(error);
    device = g_ptr_array_index(model->devices, 0);
    device->routes = &behind;
    device->n_routes = 1;
    g_assert_false(adit_vacant_pick(model, adit_model_subnet(model, 0), dice, &got));
    g_assert_false(adit_addr_is_set(&got));
    device->routes = NULL;
    device->n_routes = 0;
}

/* What is the server's, a device's, behind a device, or the WAN's, is not vacant. */
static void
test_taken(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    AditSubnet *subnet = g_ptr_array_index(model->subnets, 0);
    AditPrefix behind = sample_prefix("2a11:1:2:0:1234::/80");
    g_autoptr(GError) error = NULL;
    AditDeviceEntry *device;
    AditAddr picked, got;

    sample_add_device(model, "nas", "", 1, &error);
    g_assert_no_error(error);
    device = g_ptr_array_index(model->devices, 0);
    g_assert_true(adit_vacant_pick(model, subnet, dice, &picked));
    for (guint i = 0; i < 4; i++) {
        AditAddr *const places[] = { &subnet->old_server6, &device->addr6, &device->old6 };
        const AditAddr before = i < G_N_ELEMENTS(places) ? *places[i] : picked;

        if (i < G_N_ELEMENTS(places)) {
            *places[i] = picked;
        } else {
            model->taken = &picked;
            model->n_taken = 1;
        }
        g_assert_false(adit_vacant_pick(model, subnet, dice, &got));
        if (i < G_N_ELEMENTS(places))
            *places[i] = before;
        model->taken = NULL;
        model->n_taken = 0;
        g_assert_true(adit_vacant_pick(model, subnet, dice, &got));
    }
    device->routes = &behind;
    device->n_routes = 1;
    g_assert_false(adit_vacant_pick(model, subnet, dice, &got));
    device->routes = NULL;
    device->n_routes = 0;
}

/* It is the server's own for that time: an address of the link, and of whom neighbours ask. */
static void
test_planned(void)
{
    g_autoptr(AditModel) model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    AditSubnet *subnet = g_ptr_array_index(model->subnets, 0);
    AditPrefix wan = sample_prefix("2a11:1:2::1/64");
    const AditServerFacts facts = { .wan = "eth0", .wan_prefixes = &wan, .n_wan_prefixes = 1 };
    g_autoptr(AditState) before = adit_server_plan_rest(model, &facts), after = NULL;

    g_assert_true(adit_vacant_pick(model, subnet, dice, &subnet->vacant6));
    after = adit_server_plan_rest(model, &facts);
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        g_assert_cmpuint(adit_state_len(after, kind), ==,
                         adit_state_len(before, kind) +
                             (kind == ADIT_KIND_ADDRESS || kind == ADIT_KIND_NEIGHBOUR));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vacant/prefixes", test_prefixes);
    g_test_add_func("/vacant/full", test_full);
    g_test_add_func("/vacant/taken", test_taken);
    g_test_add_func("/vacant/planned", test_planned);
    return g_test_run();
}
