/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "tests/golden.h"
#include "tunnel-server/config.h"
#include "tunnel-server/starttunnel.h"

#include <string.h>

/* A dump of another server's database becomes a file of ours, and what is left out is said. */
static void
test_dump(void)
{
    g_autofree char *path = g_build_filename(ADIT_TEST_DATA, "starttunnel", "dump.json", NULL);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(AditModel) model = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL, *text = NULL, *said = NULL;
    gsize len;

    g_file_get_contents(path, &bytes, &len, &error);
    g_assert_no_error(error);
    text = adit_starttunnel_convert("dump.json", bytes, len, notes, &error);
    g_assert_no_error(error);
    model = adit_config_parse("text", text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(model->devices->len, ==, 3);
    g_assert_cmpuint(model->publishes->len, ==, 4);
    g_ptr_array_add(notes, NULL);
    said = g_strjoinv("\n# ", (char **)notes->pdata);
    {
        g_autofree char *whole = g_strdup_printf("# %s\n%s", said, text);

        golden_check("starttunnel/dump.conf", whole);
    }
}

static void
test_bad(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "{", "x: not JSON" },
        { "[]", "x: the top: not an object" },
        { "{}", "x: wg.key: missing: not a database of StartTunnel" },
        { "{\"wg\":{\"key\":\"AAAA\"}}", "x: wg.key: missing: not a database of StartTunnel" },
        { "{\"wg\":{\"key\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUA=\","
          "\"subnets\":{\"here\":{}}}}",
          "x: here: not a network" },
        { "{\"wg\":{\"key\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUA=\"},"
          "\"portForwards\":{\"1.2.3.4:5\":\"10.0.0.2:5\"}}",
          "x: 1.2.3.4:5: of another version than 1.1 to 1.3" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;

        g_assert_null(
            adit_starttunnel_convert("x", rows[i].text, strlen(rows[i].text), notes, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        if (!g_str_has_prefix(error->message, rows[i].says))
            g_error("%s", error->message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/starttunnel/dump", test_dump);
    g_test_add_func("/starttunnel/bad", test_bad);
    return g_test_run();
}
