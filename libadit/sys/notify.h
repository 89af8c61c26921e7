/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What a service tells systemd. Without a manager that listens nothing happens: FALSE is no
 * failure, it says that nobody was told. */

gboolean adit_notify_ready(const char *status); /* after start, and again after a reload */
gboolean adit_notify_reloading(void);
gboolean adit_notify_stopping(const char *status);
gboolean adit_notify_status(const char *format, ...) G_GNUC_PRINTF(1, 2);
gboolean adit_notify_watchdog(void);
/* How often the manager wants to hear adit_notify_watchdog(), halved for safety; 0: never. */
guint64 adit_notify_watchdog_usec(void);

/* One event in the journal: @message for people, fields for programs. Pairs of name (upper
 * case, digits, underscores) and text, ended by NULL; a NULL text leaves its field out. Without
 * the journal a line on stderr carries the message alone. Never a secret. */
void adit_journal(int priority, const char *message, ...) G_GNUC_NULL_TERMINATED;
