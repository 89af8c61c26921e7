/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/change.h"

/* Another profile for a gateway that is there: what the file does not replace is kept (name,
 * slot, publications, the user's own edits, each peer's preshared key), and flows live on while
 * the keys stay. Changed keys cost one handshake; where none comes within 15 s the old profile
 * is put back, in store and kernel, and the error (TIMEOUT) says so. */
void adit_update(AditDaemon *daemon, const char *name, const char *profile, AditChangeDone done,
                 gpointer data);
/* Goes on with one that was under way, and not judged yet, when the daemon or the machine
 * ended; none was: nothing. */
void adit_update_resume(AditDaemon *daemon, const char *name);
/* The same with a profile of our own making, of which the caller keeps the one before. */
void adit_update_profile(AditDaemon *daemon, const char *name, const AditProfile *profile,
                         AditChangeDone done, gpointer data);
