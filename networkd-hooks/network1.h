/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* systemd-networkd on the system bus, org.freedesktop.network1. Each call waits for its answer,
 * 10 s at most. It is never started by asking: an admin who stopped it meant that. TIMEOUT
 * where there is no bus, no networkd, or no answer; NOT_FOUND for a link it does not know. */

typedef struct _AditNetwork1 AditNetwork1;

AditNetwork1 *adit_network1_open(GError **error);
/* `networkctl reload`: new and changed files are read; a link whose files changed is configured
 * anew. */
gboolean adit_network1_reload(AditNetwork1 *network1, GError **error);
/* `networkctl reconfigure LINK` */
gboolean adit_network1_reconfigure(AditNetwork1 *network1, const char *link, GError **error);
/* "configured", "configuring", "unmanaged", "failed", ... as `networkctl list` shows it. */
gboolean adit_network1_get_state(AditNetwork1 *network1, const char *link, char **ret,
                                 GError **error);
void adit_network1_close(AditNetwork1 *network1);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNetwork1, adit_network1_close)
