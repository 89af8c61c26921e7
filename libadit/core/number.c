/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/number.h"

gboolean
adit_number_parse(const char *text, guint base, guint64 min, guint64 max, guint64 *ret)
{
    guint64 value = 0;

    g_assert(base == 10 || base == 16);
    if (*text == '\0' || (base == 10 && text[0] == '0' && text[1] != '\0'))
        return FALSE;
    for (const char *at = text; *at; at++) {
        const int digit = base == 10 ? g_ascii_digit_value(*at) : g_ascii_xdigit_value(*at);

        if (digit < 0 || value > (G_MAXUINT64 - (guint64)digit) / base)
            return FALSE;
        value = value * base + (guint64)digit;
    }
    if (value < min || value > max)
        return FALSE;
    *ret = value;
    return TRUE;
}
