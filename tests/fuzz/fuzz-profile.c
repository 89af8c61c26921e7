/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/profile.h"
#include "tests/fuzz/target.h"

#include <string.h>

/* What parses prints to text that parses to an equal profile and prints the same again; what
 * does not has an error that says where. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = NULL, again = NULL;
    char *text, *text_again;

    profile = adit_profile_parse("x", (const char *)data, size, &error);
    g_assert_true((profile != NULL) == (error == NULL));
    if (!profile) {
        g_assert_true(g_str_has_prefix(error->message, "x:"));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    text = adit_profile_to_string(profile);
    again = adit_profile_parse("x", text, strlen(text), NULL);
    g_assert_nonnull(again);
    g_assert_true(adit_profile_equal(profile, again));
    text_again = adit_profile_to_string(again);
    g_assert_cmpstr(text, ==, text_again);
    adit_key_string_free(text);
    adit_key_string_free(text_again);
    return 0;
}
