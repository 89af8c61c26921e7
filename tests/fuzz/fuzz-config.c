/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/key.h"
#include "tests/fuzz/target.h"
#include "tunnel-server/config.h"

#include <string.h>

/* A whole server as text: what is taken prints to a file of the same server. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditModel) model = NULL, again = NULL;
    g_autofree char *difference = NULL;
    char *text, *text_again;

    model = adit_config_parse("x", (const char *)data, size, &error);
    g_assert_true((model != NULL) == (error == NULL));
    if (!model) {
        g_assert_true(g_str_has_prefix(error->message, "x:"));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    text = adit_config_to_string(model);
    again = adit_config_parse("x", text, strlen(text), &error);
    g_assert_no_error(error);
    difference = adit_config_difference(model, again);
    g_assert_cmpstr(difference, ==, "");
    text_again = adit_config_to_string(again);
    g_assert_cmpstr(text, ==, text_again);
    adit_key_string_free(text);
    adit_key_string_free(text_again);
    return 0;
}
