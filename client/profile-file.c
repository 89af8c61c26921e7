/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/profile-file.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROFILE (4 * 1024 * 1024)

/* All of a pipe, up to its end. */
static char *
read_stdin(gsize *ret_len, GError **error)
{
    char *bytes = g_malloc0(MAX_PROFILE + 1);
    gsize at = 0;
    gssize n;

    do {
        n = read(STDIN_FILENO, bytes + at, MAX_PROFILE + 1 - at);
        at += n > 0 ? n : 0;
    } while ((n > 0 && at <= MAX_PROFILE) || (n < 0 && errno == EINTR));
    if (n == 0) {
        *ret_len = at;
        return bytes;
    }
    if (n < 0)
        adit_syserror_set(error, errno, "standard input: read");
    else
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "standard input: read: more than %d bytes", MAX_PROFILE);
    explicit_bzero(bytes, MAX_PROFILE + 1);
    g_free(bytes);
    return NULL;
}

char *
adit_profile_file_read(const char *path, AditProfile **ret, GError **error)
{
    gsize len;
    gboolean piped = g_str_equal(path, "-");
    g_autofree char *base = piped ? g_strdup("standard input") : g_path_get_basename(path);
    char *text =
        piped ? read_stdin(&len, error) : adit_store_read(path, MAX_PROFILE, &len, error);

    if (!text)
        return NULL;
    *ret = adit_profile_parse(base, text, len, error);
    if (!*ret)
        g_clear_pointer(&text, adit_key_string_free);
    return text;
}
