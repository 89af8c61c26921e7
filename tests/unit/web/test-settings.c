/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/settings.h"

/* The sample file that is installed says the defaults, and nothing else. */
static void
test_sample(void)
{
    g_autofree char *bytes = NULL;
    g_autofree char *sample = NULL;
    g_autofree char *defaults = NULL;
    g_autoptr(GError) error = NULL;
    gpointer read, shipped;
    gsize len;

    g_file_get_contents(g_getenv("ADIT_SAMPLE"), &bytes, &len, &error);
    g_assert_no_error(error);
    read = adit_settings_parse(&adit_web_settings, "web.conf", bytes, len, &error);
    g_assert_no_error(error);
    shipped = adit_settings_defaults(&adit_web_settings);
    sample = adit_settings_to_string(&adit_web_settings, read);
    defaults = adit_settings_to_string(&adit_web_settings, shipped);
    g_assert_cmpstr(sample, ==, defaults);
    adit_settings_free(&adit_web_settings, read);
    adit_settings_free(&adit_web_settings, shipped);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/settings/sample", test_sample);
    return g_test_run();
}
