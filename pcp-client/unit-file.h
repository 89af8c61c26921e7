/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/publication.h"

/* What a systemd unit says of itself: [Unit] X-Adit-Publish=443/tcp 53/udp. systemd leaves
 * keys that begin with X- alone. Pure. */

/* Adds what @text of the file @name says, with @unit as its source; like systemd's own lists an
 * empty value forgets those before. What is wrong is told by g_warning and left out. */
void adit_unit_file_read(GPtrArray *publications, const char *unit, const char *name,
                         const char *text);
