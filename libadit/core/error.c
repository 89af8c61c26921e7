/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/error.h"

/* Not G_DEFINE_QUARK: the formatter puts blanks into its name. */
GQuark
adit_error_quark(void)
{
    return g_quark_from_static_string("adit-error-quark");
}

int
adit_error_exit_code(const GError *error)
{
    if (error->domain != ADIT_ERROR)
        return 1;

    switch ((AditError)error->code) {
    case ADIT_ERROR_CONFIG:
    case ADIT_ERROR_BUSY:
    case ADIT_ERROR_PROTOCOL:
    case ADIT_ERROR_KERNEL: return 1;
    case ADIT_ERROR_NOT_FOUND: return 3;
    case ADIT_ERROR_DENIED: return 4;
    case ADIT_ERROR_TIMEOUT: return 5;
    }
    return 1;
}

#define QUOTE_MAX 80 /* characters: a line of a terminal */

char *
adit_error_quote(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    const char *c = valid;

    for (guint n = 0; *c != '\0' && n < QUOTE_MAX; n++, c = g_utf8_next_char(c)) {
        gunichar u = g_utf8_get_char(c);

        if (!g_unichar_isprint(u))
            g_string_append_printf(out, "\\x%02x", u);
        else
            g_string_append_unichar(out, u);
    }
    if (*c != '\0')
        g_string_append(out, "...");
    return g_string_free(out, FALSE);
}
