/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Files that are whole, old or new, whatever happens: written beside, flushed, renamed, and the
 * directory flushed. What a crash left half written lies at "DIR/.NAME.new" until the next
 * write of the same file, which takes its place. */

/* Replaces @path; on failure the old file stands as it was (only after "flush directory" is the
 * new one there, but perhaps not after a crash). @mode is exact, whatever the umask:
 * 0600 for anything that holds a key. BUSY: another process is writing the same file. */
gboolean adit_store_write(const char *path, const void *bytes, gsize len, mode_t mode,
                          GError **error);
/* The whole file, with a NUL behind it that @ret_len (may be NULL) does not count. NULL on
 * failure: CONFIG for what is not a regular file or longer than @max. */
char *adit_store_read(const char *path, gsize max, gsize *ret_len, GError **error);
/* Gone for good, a left-over half too; one that is not there is no failure. */
gboolean adit_store_remove(const char *path, GError **error);
