/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/key.h"

#include "libadit/core/error.h"

#include <sodium.h>
#include <string.h>

/* libsodium decodes without table look-ups, so that timing tells nothing of a private key, and
 * refuses stray bits and a missing '='. But it takes some characters above 127 for digits (seen
 * with 1.0.18), which would give a key a second text. */
static gboolean
decode(const char *text, AditKey *ret)
{
    gsize len = 0;
    guint8 high = 0;

    if (strlen(text) != ADIT_KEY_TEXT_LEN)
        return FALSE;
    for (guint i = 0; i < ADIT_KEY_TEXT_LEN; i++)
        high |= text[i] & 0x80;
    return high == 0 &&
           sodium_base642bin(ret->bytes, ADIT_KEY_LEN, text, ADIT_KEY_TEXT_LEN, NULL, &len,
                             NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == ADIT_KEY_LEN;
}

gboolean
adit_key_parse(const char *text, AditKey *ret, GError **error)
{
    g_auto(AditKey) key = { 0 };

    if (!decode(text, &key)) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "not a key: 44 characters of canonical base64 are wanted");
        return FALSE;
    }
    *ret = key;
    return TRUE;
}

char *
adit_key_to_string(const AditKey *key)
{
    char *text = g_malloc(ADIT_KEY_TEXT_LEN + 1);

    return sodium_bin2base64(text, ADIT_KEY_TEXT_LEN + 1, key->bytes, ADIT_KEY_LEN,
                             sodium_base64_VARIANT_ORIGINAL);
}

void
adit_key_string_free(char *text)
{
    if (!text)
        return;
    sodium_memzero(text, strlen(text));
    g_free(text);
}

void
adit_key_public(const AditKey *private_key, AditKey *ret)
{
    /* It clamps a copy, as the kernel does; for the base point it cannot fail. */
    if (crypto_scalarmult_base(ret->bytes, private_key->bytes) != 0)
        g_assert_not_reached();
}

/* RFC 7748 section 5. */
void
adit_key_clamp(AditKey *private_key)
{
    private_key->bytes[0] &= 248;
    private_key->bytes[31] = (private_key->bytes[31] & 127) | 64;
}

gboolean
adit_key_is_zero(const AditKey *key)
{
    return sodium_is_zero(key->bytes, ADIT_KEY_LEN);
}

gboolean
adit_key_equal(const AditKey *a, const AditKey *b)
{
    return sodium_memcmp(a->bytes, b->bytes, ADIT_KEY_LEN) == 0;
}

int
adit_key_cmp(const AditKey *a, const AditKey *b)
{
    return memcmp(a->bytes, b->bytes, ADIT_KEY_LEN);
}

void
adit_key_clear(AditKey *key)
{
    sodium_memzero(key, sizeof(*key));
}
