/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* The database of a StartTunnel server as `start-tunnel db dump --format json` prints it or as
 * it lies on its disk, of the shape that 1.1 to 1.3 have: wg.port, .key and .subnets, each with
 * its clients; portForwards (kind dnat); pinholes6. Becomes our declarative file (config.h).
 *
 * @notes: sentences (char *) about what has no counterpart here and stays behind. @name stands
 * in errors. The text holds keys: free it with adit_key_string_free(). */
char *adit_starttunnel_convert(const char *name, const char *bytes, gsize len, GPtrArray *notes,
                               GError **error);
