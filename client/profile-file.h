/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

/* A profile that a user has as a file: read with the user's own rights, and refused with its
 * name and line; "-" is standard input. The text holds keys: free with adit_key_string_free().
 */
char *adit_profile_file_read(const char *path, AditProfile **ret, GError **error);
