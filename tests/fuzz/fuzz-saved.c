/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/saved.h"
#include "tests/fuzz/target.h"

#include <string.h>

/* A state file that is accepted prints to one that is accepted and prints to the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AditSaved) saved = adit_saved_parse("x", (const char *)data, size, NULL);
    g_autoptr(AditSaved) again = NULL;
    g_autofree char *once = NULL, *twice = NULL;

    if (!saved)
        return 0;
    g_assert_cmpuint(saved->n_mappings, <=, ADIT_SAVED_MAX);
    once = adit_saved_print(saved);
    again = adit_saved_parse("x", once, strlen(once), NULL);
    g_assert_nonnull(again);
    twice = adit_saved_print(again);
    g_assert_cmpstr(once, ==, twice);
    return 0;
}
