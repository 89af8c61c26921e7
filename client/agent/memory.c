/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/memory.h"

/* The file is one of GKeyFile's, which quotes what programs and gateways may be called:
 *
 *     [told]
 *     gateways=true
 *     reaches=true
 *     keys=443/tcp@home;...
 *     words=203.0.113.7:443;...
 *
 *     [asked]
 *     quiet=false
 *     answered=443/tcp nginx;... */

#define ENTRIES_MAX 1024 /* nobody has as many; a file that grows for ever would be worse */

AditMemory *
adit_memory_new(void)
{
    AditMemory *memory = g_new0(AditMemory, 1);

    memory->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    memory->answered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return memory;
}

void
adit_memory_free(AditMemory *memory)
{
    if (!memory)
        return;
    g_hash_table_unref(memory->told);
    g_hash_table_unref(memory->answered);
    g_free(memory);
}

AditMemory *
adit_memory_parse(const char *bytes, gsize len, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    AditMemory *memory;
    g_auto(GStrv) keys = NULL;
    g_auto(GStrv) words = NULL;
    g_auto(GStrv) answered = NULL;
    gsize n_keys = 0, n_words = 0;

    if (!g_key_file_load_from_data(file, bytes, len, G_KEY_FILE_NONE, error))
        return NULL;
    memory = adit_memory_new();
    memory->knows_gateways = g_key_file_get_boolean(file, "told", "gateways", NULL);
    memory->knows_reaches = g_key_file_get_boolean(file, "told", "reaches", NULL);
    memory->quiet = g_key_file_get_boolean(file, "asked", "quiet", NULL);
    keys = g_key_file_get_string_list(file, "told", "keys", &n_keys, NULL);
    words = g_key_file_get_string_list(file, "told", "words", &n_words, NULL);
    for (gsize i = 0; i < MIN(n_keys, n_words); i++)
        adit_memory_tell(memory, keys[i], words[i]);
    answered = g_key_file_get_string_list(file, "asked", "answered", NULL, NULL);
    for (guint i = 0; answered && answered[i]; i++)
        adit_memory_answer(memory, answered[i]);
    memory->changed = FALSE;
    return memory;
}

static gint
by_text(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that the same memory is the same file. */
static GPtrArray *
keys_of(GHashTable *table)
{
    GPtrArray *keys = g_ptr_array_new();
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_ptr_array_add(keys, key);
    g_ptr_array_sort(keys, by_text);
    return keys;
}

char *
adit_memory_print(const AditMemory *memory)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GPtrArray) keys = keys_of(memory->told);
    g_autoptr(GPtrArray) answered = keys_of(memory->answered);
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    for (guint i = 0; i < keys->len; i++)
        g_ptr_array_add(words, g_hash_table_lookup(memory->told, keys->pdata[i]));
    g_key_file_set_boolean(file, "told", "gateways", memory->knows_gateways);
    g_key_file_set_boolean(file, "told", "reaches", memory->knows_reaches);
    g_key_file_set_string_list(file, "told", "keys", (const char *const *)keys->pdata,
                               keys->len);
    g_key_file_set_string_list(file, "told", "words", (const char *const *)words->pdata,
                               words->len);
    g_key_file_set_boolean(file, "asked", "quiet", memory->quiet);
    g_key_file_set_string_list(file, "asked", "answered", (const char *const *)answered->pdata,
                               answered->len);
    return g_key_file_to_data(file, NULL, NULL);
}

void
adit_memory_tell(AditMemory *memory, const char *key, const char *digest)
{
    if (g_strcmp0(g_hash_table_lookup(memory->told, key), digest) == 0 ||
        g_hash_table_size(memory->told) >= ENTRIES_MAX)
        return;
    g_hash_table_insert(memory->told, g_strdup(key), g_strdup(digest));
    memory->changed = TRUE;
}

void
adit_memory_forget(AditMemory *memory, const char *key)
{
    memory->changed |= g_hash_table_remove(memory->told, key);
}

void
adit_memory_answer(AditMemory *memory, const char *service)
{
    if (g_hash_table_size(memory->answered) < ENTRIES_MAX)
        memory->changed |= g_hash_table_add(memory->answered, g_strdup(service));
}

void
adit_memory_set_quiet(AditMemory *memory, gboolean quiet)
{
    memory->changed |= memory->quiet != quiet;
    memory->quiet = quiet;
}
