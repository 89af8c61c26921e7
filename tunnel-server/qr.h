/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* @text as a QR code of half blocks, for a camera before a dark terminal: two rows of modules a
 * line, with the quiet zone that readers want. CONFIG: too long for a QR code. It holds what
 * @text held: free it with adit_key_string_free(). */
char *adit_qr_to_string(const char *text, GError **error);
/* The same for who draws it: a line a row, '1' for a dark module, no quiet zone. */
char *adit_qr_to_bits(const char *text, GError **error);
