/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

#define ADIT_KEY_LEN 32
#define ADIT_KEY_TEXT_LEN 44

/* A WireGuard key: private, public or preshared. All zero means "no key", as in the kernel.
 * A private or preshared one is held in a g_auto(AditKey), so that it is wiped at scope exit.
 */
typedef struct {
    guint8 bytes[ADIT_KEY_LEN];
} AditKey;

/* Canonical base64 only: 44 characters, no stray bits. The message never quotes the text. */
gboolean adit_key_parse(const char *text, AditKey *ret, GError **error);
char *adit_key_to_string(const AditKey *key); /* wipe with adit_key_string_free() if secret */
void adit_key_string_free(char *text);
void adit_key_public(const AditKey *private_key, AditKey *ret); /* X25519 */
void adit_key_clamp(AditKey *private_key); /* random bytes to a private key */
gboolean adit_key_is_zero(const AditKey *key);
gboolean adit_key_equal(const AditKey *a, const AditKey *b); /* constant time */
int adit_key_cmp(const AditKey *a, const AditKey *b);        /* for sorting public keys */
void adit_key_clear(AditKey *key);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditKey, adit_key_clear)
