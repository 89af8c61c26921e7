/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/profile-file.h"

#include "libadit/sys/store.h"

#define MAX_PROFILE (4 * 1024 * 1024)

char *
adit_profile_file_read(const char *path, AditProfile **ret, GError **error)
{
    gsize len;
    g_autofree char *base = g_path_get_basename(path);
    char *text = adit_store_read(path, MAX_PROFILE, &len, error);

    if (!text)
        return NULL;
    *ret = adit_profile_parse(base, text, len, error);
    if (!*ret)
        g_clear_pointer(&text, adit_key_string_free);
    return text;
}
