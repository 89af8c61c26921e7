/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdio.h>

#include "libadit/core/settings.h"

/* The file of core/settings.h. One that does not exist means all defaults; any other failure to
 * read it is an error, so that a program never runs on settings nobody wrote. */
gpointer adit_settings_file_load(const AditSettingTable *table, const char *path,
                                 GError **error);
/* What --check does: load @path and print the settings in effect to @out. */
gboolean adit_settings_file_check(const AditSettingTable *table, const char *path, FILE *out,
                                  GError **error);
