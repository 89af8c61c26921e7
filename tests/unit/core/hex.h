/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Bytes written by hand: "02 01 0000 ...", blanks wherever they help the eye. */
static inline GByteArray *
hex(const char *text)
{
    GByteArray *bytes = g_byte_array_new();

    for (const char *p = text; *p != '\0'; p++) {
        guint8 byte;

        if (*p == ' ')
            continue;
        g_assert_true(g_ascii_isxdigit(p[0]) && g_ascii_isxdigit(p[1]));
        byte = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
        g_byte_array_append(bytes, &byte, 1);
        p++;
    }
    return bytes;
}

static inline void
assert_hex(const guint8 *have, gsize len, const char *want)
{
    g_autoptr(GByteArray) bytes = hex(want);

    g_assert_cmpmem(have, len, bytes->data, bytes->len);
}
