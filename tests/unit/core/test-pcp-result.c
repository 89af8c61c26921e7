/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp-result.h"

static const struct {
    guint code;
    const char *name;
    guint32 lifetime;
} rows[] = {
    { 0, "SUCCESS", 0 },
    { 1, "UNSUPP_VERSION", 1800 },
    { 2, "NOT_AUTHORIZED", 1800 },
    { 3, "MALFORMED_REQUEST", 1800 },
    { 4, "UNSUPP_OPCODE", 1800 },
    { 5, "UNSUPP_OPTION", 1800 },
    { 6, "MALFORMED_OPTION", 1800 },
    { 7, "NETWORK_FAILURE", 30 },
    { 8, "NO_RESOURCES", 30 },
    { 9, "UNSUPP_PROTOCOL", 1800 },
    { 10, "USER_EX_QUOTA", 30 },
    { 11, "CANNOT_PROVIDE_EXTERNAL", 30 },
    { 12, "ADDRESS_MISMATCH", 1800 },
    { 13, "EXCESSIVE_REMOTE_PEERS", 1800 },
    { 14, "UNKNOWN", 1800 },
    { 192, "HOSTNAME_TAKEN", 30 },
    { 193, "HOSTNAME_UNSUPPORTED", 1800 },
    { 255, "UNKNOWN", 1800 },
};

static void
test_names(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpstr(adit_pcp_result_name(rows[i].code), ==, rows[i].name);
}

static void
test_s21_error_lifetimes(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpuint(adit_pcp_error_lifetime(rows[i].code), ==, rows[i].lifetime);
}

static void
test_c8_caps(void)
{
    g_assert_cmpuint(adit_pcp_lifetime_cap(0), ==, 0);
    g_assert_cmpuint(adit_pcp_lifetime_cap(7200), ==, 7200);
    g_assert_cmpuint(adit_pcp_lifetime_cap(86400), ==, 86400);
    g_assert_cmpuint(adit_pcp_lifetime_cap(86401), ==, 86400);
    g_assert_cmpuint(adit_pcp_lifetime_cap(G_MAXUINT32), ==, 86400);
}

static void
test_c8_error_hold(void)
{
    g_assert_cmpuint(adit_pcp_error_hold(ADIT_PCP_NO_RESOURCES, 7), ==, 7);
    g_assert_cmpuint(adit_pcp_error_hold(ADIT_PCP_NO_RESOURCES, 1801), ==, 1800);
    g_assert_cmpuint(adit_pcp_error_hold(ADIT_PCP_NOT_AUTHORIZED, G_MAXUINT32), ==, 1800);
    /* A server that sends 0 with everything is not asked again at once. */
    g_assert_cmpuint(adit_pcp_error_hold(ADIT_PCP_NO_RESOURCES, 0), ==, 30);
    g_assert_cmpuint(adit_pcp_error_hold(ADIT_PCP_NOT_AUTHORIZED, 0), ==, 1800);
    g_assert_cmpuint(adit_pcp_error_hold(77, 0), ==, 1800);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-result/names", test_names);
    g_test_add_func("/pcp-result/S21-error-lifetimes", test_s21_error_lifetimes);
    g_test_add_func("/pcp-result/C8-caps", test_c8_caps);
    g_test_add_func("/pcp-result/C8-error-hold", test_c8_error_hold);
    return g_test_run();
}
