/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Whether @text is digits of @base and nothing else, of a value from @min to @max. Of base 10
 * there is one way to write it, without leading zeros; base 16 takes them.
 *
 * Not g_ascii_string_to_unsigned(): it asks errno whether it worked, and the first call in a
 * process makes a locale under a lock. Another thread at that lock (GDBus starts one) leaves
 * EAGAIN there, and a good number is refused.
 */
gboolean adit_number_parse(const char *text, guint base, guint64 min, guint64 max,
                           guint64 *ret);
