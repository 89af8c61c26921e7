/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/settings-file.h"

#include <errno.h>

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#define FILE_MAX (256 * 1024)

gpointer
adit_settings_file_load(const AditSettingTable *table, const char *path, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree char *bytes = NULL;
    gsize len;

    bytes = adit_store_read(path, FILE_MAX, &len, &local);
    if (bytes != NULL)
        return adit_settings_parse(table, path, bytes, len, error);
    if (g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        return adit_settings_defaults(table);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

gboolean
adit_settings_file_check(const AditSettingTable *table, const char *path, FILE *out,
                         GError **error)
{
    gpointer settings = adit_settings_file_load(table, path, error);
    g_autofree char *text = NULL;

    if (settings == NULL)
        return FALSE;
    text = adit_settings_to_string(table, settings);
    adit_settings_free(table, settings);
    if (fputs(text, out) < 0 || fflush(out) != 0)
        return adit_syserror_set(error, errno, "%s: print", path);
    return TRUE;
}
