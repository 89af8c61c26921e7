/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/sysctl-memory.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/sysctl.h"

#include <string.h>

#define MAX_FILE (1024 * 1024)

/* path=value, a line each. */
GHashTable *
adit_sysctl_noted(const char *file, GError **error)
{
    g_autoptr(GHashTable) noted =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_test(file, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&noted);
    text = adit_store_read(file, MAX_FILE, NULL, error);
    if (!text)
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        char *equal = strchr(lines[i], '=');

        if (!equal && *lines[i] == '\0')
            continue;
        if (!equal) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: not path=value", file,
                        i + 1);
            return NULL;
        }
        g_hash_table_insert(noted, g_strndup(lines[i], (gsize)(equal - lines[i])),
                            g_strdup(equal + 1));
    }
    return g_steal_pointer(&noted);
}

static gboolean
save(const char *file, GHashTable *noted, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GList) paths = g_list_sort(g_hash_table_get_keys(noted), (GCompareFunc)strcmp);

    for (const GList *l = paths; l; l = l->next)
        g_string_append_printf(text, "%s=%s\n", (const char *)l->data,
                               (const char *)g_hash_table_lookup(noted, l->data));
    return adit_store_write(file, text->str, text->len, 0600, error);
}

gboolean
adit_sysctl_remember(const char *file, const AditState *want, GError **error)
{
    g_autoptr(GHashTable) noted = adit_sysctl_noted(file, error);
    gboolean fresh = FALSE;

    if (!noted)
        return FALSE;
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_SYSCTL); i++) {
        const AditSysctl *sysctl = adit_state_get(want, ADIT_KIND_SYSCTL, i);
        char *value;

        if (g_hash_table_contains(noted, sysctl->path))
            continue;
        value = adit_sysctl_read(sysctl->path, NULL);
        if (!value)
            continue;
        g_hash_table_insert(noted, g_strdup(sysctl->path), value);
        fresh = TRUE;
    }
    return !fresh || save(file, noted, error);
}

gboolean
adit_sysctl_restore(const char *file, GError **error)
{
    g_autoptr(GHashTable) noted = adit_sysctl_noted(file, error);
    GHashTableIter iter;
    gpointer path, value;

    if (!noted)
        return FALSE;
    g_hash_table_iter_init(&iter, noted);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        g_autoptr(GError) reason = NULL;

        if (!adit_sysctl_write(path, value, &reason) &&
            !g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return FALSE;
        }
    }
    return adit_store_remove(file, error);
}
