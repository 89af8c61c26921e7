/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/target.h"
#include "tunnel-server/web/access.h"

#include <string.h>

/* The file of hashes of the page: what is taken prints to the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditWebAccess) access = NULL, again = NULL;
    g_autofree char *text = NULL, *text_again = NULL;

    access = adit_web_access_parse("x", (const char *)data, size, &error);
    g_assert_true((access != NULL) == (error == NULL));
    if (!access) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    text = adit_web_access_to_string(access);
    again = adit_web_access_parse("x", text, strlen(text), NULL);
    g_assert_nonnull(again);
    text_again = adit_web_access_to_string(again);
    g_assert_cmpstr(text, ==, text_again);
    g_assert_cmpuint(access->tokens->len, ==, again->tokens->len);
    for (guint i = 0; i < access->tokens->len; i++) {
        const AditWebToken *token = g_ptr_array_index(access->tokens, i);

        g_assert_true(adit_web_access_has_token(again, token->name));
        g_assert_cmpint(token->scope, !=, 0);
    }
    return 0;
}
