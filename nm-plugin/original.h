/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <NetworkManager.h>

/* An adopted connection as it was: the bytes of its file, kept below @state_dir by UUID. */

/* Keeps the first one it is given. @connection has its secrets; @file may be NULL. */
gboolean adit_nm_original_save(const char *state_dir, NMConnection *connection,
                               const char *file, GError **error);
/* NOT_FOUND: it was not adopted. *@ret_bytes: free with adit_key_string_free(). */
NMConnection *adit_nm_original_load(const char *state_dir, const char *uuid, char **ret_bytes,
                                    GError **error);
gboolean adit_nm_original_remove(const char *state_dir, const char *uuid, GError **error);
