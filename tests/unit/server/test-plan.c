/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/diff.h"
#include "tests/golden.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/config.h"
#include "tunnel-server/plan.h"

#include <string.h>

/* Golden plans: tests/data/server/NAME.conf becomes NAME.plan. */

static char *
plan_text(AditState *want)
{
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autoptr(AditOps) ops = adit_diff(nothing, want);

    return adit_ops_to_string(ops);
}

static void
test_golden(gconstpointer data)
{
    const char *name = data;
    g_autofree char *conf_name = g_strdup_printf("server/%s.conf", name);
    g_autofree char *plan_name = g_strdup_printf("server/%s.plan", name);
    g_autofree char *path = g_build_filename(ADIT_TEST_DATA, conf_name, NULL);
    AditPrefix wan[] = { sample_prefix("203.0.113.7/24"), sample_prefix("2a11:1:2::1/64") };
    const AditServerFacts facts = { .wan = "eth0", .wan_prefixes = wan, .n_wan_prefixes = 2 };
    g_autofree char *bytes = NULL;
    g_autofree char *text = NULL;
    g_autofree char *rest_text = NULL;
    g_autofree char *ports_text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(AditModel) model = NULL;
    g_autoptr(AditState) rest = NULL;
    g_autoptr(AditState) ports = NULL;
    gsize len;

    g_file_get_contents(path, &bytes, &len, &error);
    g_assert_no_error(error);
    model = adit_config_parse(conf_name, bytes, len, &error);
    g_assert_no_error(error);
    rest = adit_server_plan_rest(model, &facts);
    ports = adit_server_plan_ports(model, &facts);
    rest_text = plan_text(rest);
    ports_text = plan_text(ports);
    text = g_strconcat(rest_text, ports_text, NULL);
    golden_check(plan_name, text);
}

/* -- from one model to another -- */

#define EDITS 10

static AditModel *
devices(guint n)
{
    AditModel *model = adit_model_new();
    AditSubnet *subnet = adit_model_add_subnet(model);

    subnet->name = g_strdup("home");
    subnet->net4 = sample_prefix("10.59.0.0/24");
    subnet->net6 = sample_prefix("2a11:1:2::/64");
    for (guint i = 0; i < n; i++) {
        AditDeviceEntry *device = adit_model_add_device(model);

        device->name = g_strdup_printf("d%u", i);
        g_assert_true(adit_prefix_nth(&subnet->net4, 2 + i, &device->addr4));
        device->public_key.bytes[0] = (guint8)(i + 1);
    }
    return model;
}

static void
edit(AditModel *model, guint what, guint at)
{
    AditDeviceEntry *device = g_ptr_array_index(model->devices, at);
    AditDeviceEntry *more;

    switch (what) {
    case 0: device->public_key.bytes[1] ^= 1; return;
    case 1: device->preshared_key.bytes[1] ^= 1; return;
    case 2: device->next_key.bytes[2] ^= 1; return;
    case 3: device->addr4.bytes[3] ^= 0x80; return;
    case 4:
        g_free(device->routes);
        device->n_routes = 1;
        device->routes = g_new0(AditPrefix, 1);
        device->routes[0] = sample_prefix("192.168.7.0/24");
        return;
    case 5: adit_model_remove_device(model, at); return;
    case 6:
        more = adit_model_add_device(model);
        more->name = g_strdup("more");
        more->addr4 = device->addr4;
        more->addr4.bytes[3] ^= 0x40;
        more->public_key.bytes[5] = 1;
        return;
    case 7: /* of all devices, and of what is not theirs */
        ((AditSubnet *)g_ptr_array_index(model->subnets, 0))->net6 =
            sample_prefix("2a11:9:9::/64");
        return;
    case 8: /* served for a while beside it */
        ((AditSubnet *)g_ptr_array_index(model->subnets, 0))->old6 =
            sample_prefix("2a11:8:8::/64");
        return;
    case 9: /* behind one device what is another's of old */
        g_free(device->routes);
        device->n_routes = 1;
        device->routes = g_new0(AditPrefix, 1);
        device->routes[0] = sample_prefix("2a11:8:8::a3b:3/128");
        return;
    default: g_assert_not_reached();
    }
}

/* The difference of a step is that of the whole plans; FALSE: one of both cannot be. */
static gboolean
compare_step(AditModel *had, AditModel *want, guint *ret_n)
{
    AditPrefix wan[] = { sample_prefix("203.0.113.7/24"), sample_prefix("2a11:1:2::1/64") };
    const AditServerFacts facts = { .wan = "eth0", .wan_prefixes = wan, .n_wan_prefixes = 2 };
    g_autoptr(AditState) all_had = NULL, all_want = NULL, some_had = NULL, some_want = NULL;
    g_autoptr(AditOps) all = NULL, some = NULL;
    g_autofree char *all_words = NULL, *some_words = NULL;

    if (!adit_model_settle(had, NULL) || !adit_model_settle(want, NULL))
        return FALSE; /* two have, say, the same route */
    all_had = adit_server_plan_rest(had, &facts);
    all_want = adit_server_plan_rest(want, &facts);
    adit_server_plan_step(had, want, &facts, &some_had, &some_want);
    all = adit_diff(all_had, all_want);
    some = adit_diff(some_had, some_want);
    all_words = adit_ops_to_string(all);
    some_words = adit_ops_to_string(some);
    g_assert_cmpstr(some_words, ==, all_words);
    *ret_n = some->len;
    return TRUE;
}

/* Each edit with each other, at each place of the list. */
static void
test_step(void)
{
    const guint n = 5;

    for (guint what = 0; what < EDITS * EDITS; what++)
        for (guint at = 0; at < n * (n - 1); at++) {
            g_autoptr(AditModel) had = devices(n), want = devices(n);
            guint len;

            edit(want, what / EDITS, at % n);
            edit(want, what % EDITS, at / n);
            if (compare_step(had, want, &len) && what % EDITS < 4 &&
                (what / EDITS != what % EDITS || at % n != at / n))
                g_assert_cmpuint(len, >, 0);
        }
}

/* Any edits from any model. */
static void
test_step_random(void)
{
    guint compared = 0;

    for (guint turn = 0; turn < 3000; turn++) {
        g_autoptr(AditModel) had = devices(8), want = NULL;
        guint len;

        for (guint i = g_test_rand_int_range(0, 4); i > 0; i--)
            edit(had, g_test_rand_int_range(0, EDITS), g_test_rand_int_range(0, 4));
        want = adit_model_copy(had);
        for (guint i = g_test_rand_int_range(0, 4); i > 0; i--)
            edit(want, g_test_rand_int_range(0, EDITS), g_test_rand_int_range(0, 4));
        compared += compare_step(had, want, &len);
    }
    g_assert_cmpuint(compared, >, 1000);
}

/* One of many costs one. */
static void
test_step_is_small(void)
{
    const AditServerFacts facts = { .wan = "eth0" };
    g_autoptr(AditModel) had = devices(100), want = devices(100);
    g_autoptr(AditState) before = NULL, after = NULL;

    edit(want, 5, 40);
    g_assert_true(adit_model_settle(had, NULL) && adit_model_settle(want, NULL));
    adit_server_plan_step(had, want, &facts, &before, &after);
    g_assert_cmpuint(adit_state_len(before, ADIT_KIND_PEER), ==, 1);
    g_assert_cmpuint(adit_state_len(after, ADIT_KIND_PEER), ==, 0);
}

int
main(int argc, char **argv)
{
    static const char *const names[] = { "one-device", "two-subnets", "routed", "redirect" };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_strdup_printf("/plan/%s", names[i]);

        g_test_add_data_func(path, names[i], test_golden);
    }
    g_test_add_func("/plan/step", test_step);
    g_test_add_func("/plan/step-random", test_step_random);
    g_test_add_func("/plan/step-is-small", test_step_is_small);
    return g_test_run();
}
