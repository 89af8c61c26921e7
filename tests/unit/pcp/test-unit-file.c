/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/unit-file.h"

/* What a unit's file says, as "443/tcp 53/udp"; what is wrong is told and left out. */

static char *
names(const GPtrArray *publications)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(publications, i);
        g_autofree char *name = adit_publication_name(p);

        g_assert_cmpstr(p->source, ==, "web.service");
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", name);
    }
    return g_string_free(out, FALSE);
}

static void
test_files(void)
{
    static const struct {
        const char *text, *drop_in, *want, *warning;
    } rows[] = {
        { "[Unit]\nX-Adit-Publish=443/tcp\n", "", "443/tcp", NULL },
        { "[Unit]\nX-Adit-Publish = 443 53/both\n", "", "443/tcp 53/tcp 53/udp", NULL },
        { "[Unit]\nX-Adit-Publish=443\nX-Adit-Publish=80\n", "", "443/tcp 80/tcp", NULL },
        { "[Unit]\nX-Adit-Publish=443\n", "[Unit]\nX-Adit-Publish=\nX-Adit-Publish=8443\n",
          "8443/tcp", NULL },
        { "[Unit]\nX-Adit-Publish=443\n", "[Unit]\nX-Adit-Publish=80-90/udp\n",
          "443/tcp 80-90/udp", NULL },
        { "[Service]\nX-Adit-Publish=443\n", "", "", NULL },
        { "[Unit]\n#X-Adit-Publish=443\n;X-Adit-Publish=443\n", "", "", NULL },
        { "X-Adit-Publish=443\n", "", "", NULL },
        { "[Unit]\nX-Adit-Publish=http 443\n", "", "443/tcp",
          "file:2: X-Adit-Publish: http: not a port (1 to 65535)" },
        { "[Unit]\nX-Adit-Publish=1-2000\n", "", "",
          "file:2: X-Adit-Publish: 1-2000/tcp: a range of more than 1024 ports" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) all =
            g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
        g_autofree char *found = NULL;

        if (rows[i].warning)
            g_test_expect_message("adit", G_LOG_LEVEL_WARNING, rows[i].warning);
        adit_unit_file_read(all, "web.service", "file", rows[i].text);
        adit_unit_file_read(all, "web.service", "drop-in", rows[i].drop_in);
        g_test_assert_expected_messages();
        found = names(all);
        g_assert_cmpstr(found, ==, rows[i].want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/unit-file/files", test_files);
    return g_test_run();
}
