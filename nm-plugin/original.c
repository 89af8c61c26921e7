/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/original.h"

#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define FOLDER "originals"
#define MAX_FILE (1024 * 1024)

static char *
path_of(const char *state_dir, const char *uuid)
{
    g_autofree char *name = g_strconcat(uuid, ".nmconnection", NULL);

    return g_build_filename(state_dir, FOLDER, name, NULL);
}

/* One that lives in memory only has no file: then what its file would be. */
static char *
bytes_of(NMConnection *connection, const char *file, gsize *ret_len, GError **error)
{
    g_autoptr(GKeyFile) keyfile = NULL;
    char *bytes = file ? adit_store_read(file, MAX_FILE, ret_len, NULL) : NULL;

    if (bytes)
        return bytes;
    keyfile = nm_keyfile_write(connection, NM_KEYFILE_HANDLER_FLAGS_NONE, NULL, NULL, error);
    return keyfile ? g_key_file_to_data(keyfile, ret_len, error) : NULL;
}

gboolean
adit_nm_original_save(const char *state_dir, NMConnection *connection, const char *file,
                      GError **error)
{
    g_autofree char *path = path_of(state_dir, nm_connection_get_uuid(connection));
    g_autofree char *folder = g_path_get_dirname(path);
    gboolean saved;
    char *bytes;
    gsize len;

    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return TRUE;
    if (g_mkdir_with_parents(folder, 0700) != 0)
        return adit_syserror_set(error, errno, "%s", folder);
    bytes = bytes_of(connection, file, &len, error);
    if (!bytes)
        return FALSE;
    saved = adit_store_write(path, bytes, len, 0600, error);
    adit_key_string_free(bytes);
    return saved;
}

static NMConnection *
parse(const char *bytes, gsize len, GError **error)
{
    g_autoptr(GKeyFile) keyfile = g_key_file_new();

    if (!g_key_file_load_from_data(keyfile, bytes, len, G_KEY_FILE_NONE, error))
        return NULL;
    return nm_keyfile_read(keyfile, "/", NM_KEYFILE_HANDLER_FLAGS_NONE, NULL, NULL, error);
}

NMConnection *
adit_nm_original_load(const char *state_dir, const char *uuid, char **ret_bytes, GError **error)
{
    g_autofree char *path = path_of(state_dir, uuid);
    NMConnection *connection;
    char *bytes;
    gsize len;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "%s: not adopted but made by adit: use `adit remove`", uuid);
        return NULL;
    }
    bytes = adit_store_read(path, MAX_FILE, &len, error);
    if (!bytes)
        return NULL;
    connection = parse(bytes, len, error);
    if (!connection) {
        g_prefix_error(error, "%s: ", path);
        adit_key_string_free(bytes);
        return NULL;
    }
    *ret_bytes = bytes;
    return connection;
}

gboolean
adit_nm_original_remove(const char *state_dir, const char *uuid, GError **error)
{
    g_autofree char *path = path_of(state_dir, uuid);

    return adit_store_remove(path, error);
}
