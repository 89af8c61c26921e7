/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* A file closed with a passphrase: a line that names the form, salt, nonce, what the key costs,
 * and an XSalsa20-Poly1305 box (libsodium) with a key that Argon2id makes of the passphrase. */

#define ADIT_SEALED_SALT 16
#define ADIT_SEALED_NONCE 24
#define ADIT_SEALED_PASSPHRASE_MIN 8

/* Chance, from outside. */
typedef struct {
    guint8 salt[ADIT_SEALED_SALT], nonce[ADIT_SEALED_NONCE];
} AditSealedDice;

gboolean adit_sealed_is(const char *bytes, gsize len);
char *adit_sealed_close(const char *bytes, gsize len, const char *passphrase,
                        const AditSealedDice *dice, gsize *ret_len, GError **error);
/* Wipe it with explicit_bzero(). DENIED: another passphrase, or the file was changed. */
char *adit_sealed_open(const char *bytes, gsize len, const char *passphrase, gsize *ret_len,
                       GError **error);
