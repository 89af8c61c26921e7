/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/qr.h"

#include "libadit/core/error.h"

#include <qrencode.h>
#include <sodium.h>

#define QUIET 4 /* light modules around it (ISO/IEC 18004) */

static gboolean
is_light(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return TRUE;
    return (code->data[y * code->width + x] & 1) == 0;
}

/* A dark terminal draws light modules: what is drawn is what is light. */
static const char *
half_blocks(gboolean top, gboolean bottom)
{
    if (top)
        return bottom ? "█" : "▀";
    return bottom ? "▄" : " ";
}

static QRcode *
encode(const char *text, GError **error)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!code)
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "the profile is too long for a QR code: use --out FILE");
    return code;
}

static void
wipe(QRcode *code)
{
    sodium_memzero(code->data, (gsize)code->width * (gsize)code->width);
    QRcode_free(code);
}

char *
adit_qr_to_string(const char *text, GError **error)
{
    QRcode *code = encode(text, error);
    GString *out;

    if (!code)
        return NULL;
    out = g_string_new(NULL);
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET; x++)
            g_string_append(out, half_blocks(is_light(code, x, y), is_light(code, x, y + 1)));
        g_string_append_c(out, '\n');
    }
    wipe(code);
    return g_string_free(out, FALSE);
}

char *
adit_qr_to_bits(const char *text, GError **error)
{
    QRcode *code = encode(text, error);
    gsize width, at = 0;
    char *out;

    if (!code)
        return NULL;
    width = (gsize)code->width;
    out = g_malloc0(width * (width + 1) + 1);
    for (int y = 0; y < code->width; y++) {
        for (int x = 0; x < code->width; x++)
            out[at++] = is_light(code, x, y) ? '0' : '1';
        out[at++] = '\n';
    }
    wipe(code);
    return out;
}
