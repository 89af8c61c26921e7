/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* A certificate that nobody else vouches for, for a page whose admin compares its fingerprint.
 */

typedef struct {
    char *certificate; /* PEM */
    char *key;         /* PEM; wipe with adit_key_string_free() */
    char *fingerprint; /* SHA-256, as browsers show it: "AB:CD:..." */
} AditCertificate;

/* For @names: host names and addresses, the first of them its subject; at least one. Good for
 * ten years from @now, in seconds since 1970. */
gboolean adit_certificate_make(AditCertificate *ret, const char *const *names, gint64 now,
                               GError **error);
void adit_certificate_clear(AditCertificate *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditCertificate, adit_certificate_clear)
