/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/sealed.h"

#include "libadit/core/bytes.h"
#include "libadit/core/error.h"

#include <sodium.h>
#include <string.h>

#define MAGIC "adit-server export, sealed 1\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)

/* What RFC 9106 recommends where memory is scarce, as it is on a small VPS. */
#define PASSES 3
#define MEMORY_KIB (64 * 1024)
/* What a file may ask of us. */
#define PASSES_MAX 16
#define MEMORY_KIB_MAX (1024 * 1024)

#define COST_AT (MAGIC_LEN + ADIT_SEALED_SALT + ADIT_SEALED_NONCE)
#define BOX_AT (COST_AT + 8)

G_STATIC_ASSERT(ADIT_SEALED_SALT == crypto_pwhash_SALTBYTES);
G_STATIC_ASSERT(ADIT_SEALED_NONCE == crypto_secretbox_NONCEBYTES);

gboolean
adit_sealed_is(const char *bytes, gsize len)
{
    return len >= MAGIC_LEN && memcmp(bytes, MAGIC, MAGIC_LEN) == 0;
}

static gboolean
make_key(guint8 ret[crypto_secretbox_KEYBYTES], const char *passphrase, const guint8 *head,
         GError **error)
{
    const guint32 passes = adit_get_be32(head + COST_AT);
    const guint32 memory = adit_get_be32(head + COST_AT + 4);

    if (passes == 0 || passes > PASSES_MAX || memory < 8 || memory > MEMORY_KIB_MAX) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "sealed file: a key of %u passes over %u KiB: not a form of ours", passes,
                    memory);
        return FALSE;
    }
    if (sodium_init() >= 0 &&
        crypto_pwhash(ret, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase),
                      head + MAGIC_LEN, passes, (gsize)memory * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) == 0)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL,
                "sealed file: making the key takes %u KiB of memory: there is not so much",
                memory);
    return FALSE;
}

char *
adit_sealed_close(const char *bytes, gsize len, const char *passphrase,
                  const AditSealedDice *dice, gsize *ret_len, GError **error)
{
    g_autofree guint8 *out = NULL;
    guint8 key[crypto_secretbox_KEYBYTES];

    if (strlen(passphrase) < ADIT_SEALED_PASSPHRASE_MIN) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "passphrase: at least %u characters",
                    ADIT_SEALED_PASSPHRASE_MIN);
        return NULL;
    }
    out = g_malloc0(BOX_AT + crypto_secretbox_MACBYTES + len);
    memcpy(out, MAGIC, MAGIC_LEN);
    memcpy(out + MAGIC_LEN, dice->salt, ADIT_SEALED_SALT);
    memcpy(out + MAGIC_LEN + ADIT_SEALED_SALT, dice->nonce, ADIT_SEALED_NONCE);
    adit_put_be32(out + COST_AT, PASSES);
    adit_put_be32(out + COST_AT + 4, MEMORY_KIB);
    if (!make_key(key, passphrase, out, error))
        return NULL;
    crypto_secretbox_easy(out + BOX_AT, (const guint8 *)bytes, len, dice->nonce, key);
    sodium_memzero(key, sizeof(key));
    *ret_len = BOX_AT + crypto_secretbox_MACBYTES + len;
    return (char *)g_steal_pointer(&out);
}

char *
adit_sealed_open(const char *bytes, gsize len, const char *passphrase, gsize *ret_len,
                 GError **error)
{
    const guint8 *in = (const guint8 *)bytes;
    g_autofree char *out = NULL;
    guint8 key[crypto_secretbox_KEYBYTES];
    gboolean ok;

    if (!adit_sealed_is(bytes, len) || len < BOX_AT + crypto_secretbox_MACBYTES) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "sealed file: cut short");
        return NULL;
    }
    if (!make_key(key, passphrase, in, error))
        return NULL;
    out = g_malloc0(len - BOX_AT - crypto_secretbox_MACBYTES + 1);
    ok = crypto_secretbox_open_easy((guint8 *)out, in + BOX_AT, len - BOX_AT,
                                    in + MAGIC_LEN + ADIT_SEALED_SALT, key) == 0;
    sodium_memzero(key, sizeof(key));
    if (!ok) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                            "sealed file: another passphrase, or the file was changed");
        return NULL;
    }
    *ret_len = len - BOX_AT - crypto_secretbox_MACBYTES;
    return g_steal_pointer(&out);
}
