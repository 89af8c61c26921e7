/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* systemd-networkd on the system bus, org.freedesktop.network1, in the main loop of the thread
 * that opens it. Nothing waits: each question is answered by its callback, within 10 s (20
 * where a Reload has to wait for others'), unless the connection is closed before. networkd is
 * never started by asking: an admin who stopped it meant that. TIMEOUT where there is no bus,
 * no networkd, or no answer; NOT_FOUND for a link it does not know. */

typedef struct _AditNetwork1 AditNetwork1;

/* @answer: of get_state, else NULL. */
typedef void (*AditNetwork1Done)(const char *answer, const GError *error, gpointer data);
/* networkd came or went, or the state of a link of its changed. */
typedef void (*AditNetwork1Heard)(gpointer data);

AditNetwork1 *adit_network1_open(GError **error);
gboolean adit_network1_watch(AditNetwork1 *network1, AditNetwork1Heard heard, gpointer data,
                             GError **error);
/* `networkctl reload`: new and changed files are read; a link whose files changed is configured
 * anew. One that is under way is waited for. */
void adit_network1_reload(AditNetwork1 *network1, AditNetwork1Done done, gpointer data);
/* `networkctl reconfigure LINK` */
void adit_network1_reconfigure(AditNetwork1 *network1, const char *link, AditNetwork1Done done,
                               gpointer data);
/* "configured", "configuring", "unmanaged", "failed", ... as `networkctl list` shows it. */
void adit_network1_get_state(AditNetwork1 *network1, const char *link, AditNetwork1Done done,
                             gpointer data);
void adit_network1_close(AditNetwork1 *network1);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNetwork1, adit_network1_close)
