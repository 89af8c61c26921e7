/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/change.h"

/* A gateway changes hands: another manager makes its link from now on. Name, slot, keys,
 * selection and what is published stay, and so does its guard all the while. Where the new one
 * cannot, the old one has it back. @profile: as for an update, which comes first. */
void adit_move(AditDaemon *daemon, const char *name, AditBackendKind to, const char *profile,
               AditChangeDone done, gpointer data);
