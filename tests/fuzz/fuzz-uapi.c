/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/uapi.h"

#include <string.h>

#include "tests/fuzz/target.h"

/* What is accepted is printed, read and printed the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AditWgDump) dump = NULL;
    g_autoptr(AditWgDump) back = NULL;
    char *once, *twice;

    (void)adit_uapi_ack_parse("wg0", (const char *)data, size, NULL);
    dump = adit_uapi_dump_parse("wg0", (const char *)data, size, NULL);
    if (dump == NULL)
        return 0;
    once = adit_uapi_dump_build(dump);
    back = adit_uapi_dump_parse("wg0", once, strlen(once), NULL);
    g_assert_nonnull(back);
    twice = adit_uapi_dump_build(back);
    g_assert_cmpstr(once, ==, twice);
    adit_key_string_free(once);
    adit_key_string_free(twice);
    return 0;
}
