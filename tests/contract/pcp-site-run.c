/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"
#include "tests/contract/pcp-site.h"

int
pcp_site_run(int argc, char **argv, const PcpSiteTest *tests, guint n)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!pcp_site_build())
        return test_netns_skip("network namespace: not to be had");
    for (guint i = 0; i < n; i++)
        g_test_add_func(tests[i].path, tests[i].func);
    status = g_test_run();
    pcp_site_demolish();
    return status;
}
