/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Passwords and passphrases: typed without echo on a terminal, else a line of standard input.
 * Wipe them. */

#define ADIT_SECRET_ROOM 1100

/* @what in words: "passphrase". */
gboolean adit_cli_ask_secret(const char *what, char ret[ADIT_SECRET_ROOM], GError **error);
/* Twice on a terminal, since it cannot be read there. */
gboolean adit_cli_ask_new_secret(const char *what, char ret[ADIT_SECRET_ROOM], GError **error);
