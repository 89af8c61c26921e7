/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/switchover-file.h"

#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define FOLDER "switchovers"
#define MAX_SIZE 1024

void
adit_switch_keys_clear(AditSwitchKeys *keys)
{
    adit_key_clear(&keys->before);
    adit_key_clear(&keys->after);
}

static char *
path_of(const char *state_dir, const char *name)
{
    return g_build_filename(state_dir, FOLDER, name, NULL);
}

static gboolean
parse(const char *path, const char *bytes, gsize len, AditSwitchKeys *ret, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(path, bytes, len, error);

    for (guint i = 0; conf && i < conf->n_tokens; i++) {
        const AditConfToken *token = &conf->tokens[i];
        AditKey *key = g_strcmp0(token->key, "Before") == 0  ? &ret->before
                       : g_strcmp0(token->key, "After") == 0 ? &ret->after
                                                             : NULL;

        if (!token->key)
            continue;
        if (!key || !adit_key_parse(token->value, key, NULL)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: not understood", path,
                        token->line);
            return FALSE;
        }
    }
    if (conf && (adit_key_is_zero(&ret->before) || adit_key_is_zero(&ret->after))) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: a key is missing", path);
        return FALSE;
    }
    return conf != NULL;
}

gboolean
adit_switch_file_load(const char *state_dir, const char *name, AditSwitchKeys *ret,
                      GError **error)
{
    g_autofree char *path = path_of(state_dir, name);
    g_auto(AditSwitchKeys) keys = { 0 };
    gboolean ok;
    char *bytes;
    gsize len;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such file", path);
        return FALSE;
    }
    bytes = adit_store_read(path, MAX_SIZE, &len, error);
    ok = bytes && parse(path, bytes, len, &keys, error);
    if (bytes)
        explicit_bzero(bytes, len);
    g_free(bytes);
    if (ok)
        *ret = keys;
    return ok;
}

gboolean
adit_switch_file_save(const char *state_dir, const char *name, const AditSwitchKeys *keys,
                      GError **error)
{
    g_autofree char *folder = g_build_filename(state_dir, FOLDER, NULL);
    g_autofree char *path = path_of(state_dir, name);
    char *before = adit_key_to_string(&keys->before), *after = adit_key_to_string(&keys->after);
    char *text = g_strdup_printf("[Switchover]\nBefore = %s\nAfter = %s\n", before, after);
    gboolean ok;

    if (g_mkdir_with_parents(folder, 0700) != 0)
        ok = adit_syserror_set(error, errno, "%s", folder);
    else
        ok = adit_store_write(path, text, strlen(text), 0600, error);
    adit_key_string_free(before);
    adit_key_string_free(after);
    adit_key_string_free(text);
    return ok;
}

gboolean
adit_switch_file_remove(const char *state_dir, const char *name, GError **error)
{
    g_autofree char *path = path_of(state_dir, name);

    return adit_store_remove(path, error);
}
