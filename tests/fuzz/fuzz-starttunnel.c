/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/key.h"
#include "tests/fuzz/target.h"
#include "tunnel-server/config.h"
#include "tunnel-server/starttunnel.h"

#include <string.h>

/* Whatever a database says: no line of our file comes out of its words but as a value. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(AditModel) model = NULL;
    g_autoptr(GError) error = NULL;
    char *text = adit_starttunnel_convert("x", (const char *)data, size, notes, &error);

    g_assert_true((text == NULL) == (error != NULL));
    if (!text)
        return 0;
    model = adit_config_parse("x", text, strlen(text), NULL);
    adit_key_string_free(text);
    return 0;
}
