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

int
main(int argc, char **argv)
{
    static const char *const names[] = { "one-device", "two-subnets", "routed", "redirect" };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_strdup_printf("/plan/%s", names[i]);

        g_test_add_data_func(path, names[i], test_golden);
    }
    return g_test_run();
}
