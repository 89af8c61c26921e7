/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "networkd-hooks/render.h"

/* What would become of files, as a difference to those that are there: pure. */

/* The text of a file that is there, to be freed; NULL: there is none, or nobody may read it. */
typedef char *(*AditNetworkdPresent)(const char *name, gpointer data);
/* Every file with its path, lines as diff(1) has them, and no key. */
char *adit_networkd_files_to_diff(const GPtrArray *files, AditNetworkdPresent present,
                                  gpointer data);
