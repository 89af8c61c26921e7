/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/publication.h"
#include "tests/fuzz/target.h"

#include <string.h>

/* What is read and printed reads the same again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AditWanted) wanted =
        adit_wanted_parse("x", (const char *)data, size, FALSE, NULL);
    g_autoptr(AditWanted) again = NULL;
    g_autofree char *text = NULL, *same = NULL;

    if (!wanted)
        return 0;
    text = adit_wanted_print(wanted);
    again = adit_wanted_parse("x", text, strlen(text), FALSE, NULL);
    g_assert_nonnull(again);
    same = adit_wanted_print(again);
    g_assert_cmpstr(same, ==, text);
    return 0;
}
