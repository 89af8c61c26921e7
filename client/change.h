/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon.h"

/* What users ask of aditd. A change is first made on paper and tried on the planner, then
 * saved, then carried out; a manager of networks answers in its own time, so each ends by its
 * callback, once. While one is under way, a second one of the same gateway is refused (BUSY).
 */

/* @name: of the gateway; @error NULL: done. */
typedef void (*AditChangeDone)(const char *name, const GError *error, gpointer data);

/* Whose profile an import would replace: "" for nobody's, a new gateway's. */
const char *adit_change_whose_import(const AditDaemon *daemon, const char *profile);
void adit_change_import(AditDaemon *daemon, AditBackendKind backend, const char *title,
                        const char *profile, AditChangeDone done, gpointer data);
void adit_change_remove(AditDaemon *daemon, const char *name, AditChangeDone done,
                        gpointer data);
void adit_change_set_up(AditDaemon *daemon, const char *name, gboolean up, AditChangeDone done,
                        gpointer data);
/* @name NULL: no gateway is the default of these families ([0] IPv4, [1] IPv6) any more. */
void adit_change_set_default(AditDaemon *daemon, const char *name, const gboolean families[2],
                             AditChangeDone done, gpointer data);
