/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon.h"
#include "client/wanted-store.h"

/* The daemon's part in publishing: it keeps what is wanted and leads on to other machines what
 * is theirs. Asking the servers is adit-publisher's business. */

AditWantedStore *adit_daemon_wanted(AditDaemon *daemon);
/* After a change of the store: the kernel follows, and whoever listens to the daemon. */
gboolean adit_daemon_wanted_changed(AditDaemon *daemon, GError **error);
/* Why nothing may be led on to @addr; NULL: it may. */
char *adit_daemon_refuse_target(AditDaemon *daemon, const AditAddr *addr);
/* Has everybody look again at what the tunnels do: the daemon hears handshakes only so. */
void adit_daemon_look_at_status(AditDaemon *daemon);
