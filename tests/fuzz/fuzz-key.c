/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "tests/fuzz/target.h"

#include <string.h>

/* A key has one text; what is no key can be quoted, in a line that does nothing to a terminal.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(AditKey) key = { 0 };

    if (adit_key_parse(text, &key, NULL)) {
        char *again = adit_key_to_string(&key);

        g_assert_cmpstr(text, ==, again);
        adit_key_string_free(again);
    } else {
        g_autofree char *quoted = adit_error_quote(text);

        g_assert_true(g_utf8_validate(quoted, -1, NULL));
        for (const char *c = quoted; *c != '\0'; c = g_utf8_next_char(c))
            g_assert_true(g_unichar_isprint(g_utf8_get_char(c)));
    }
    return 0;
}
