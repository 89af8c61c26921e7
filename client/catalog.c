/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/catalog.h"

#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/core/ifname.h"
#include "libadit/core/number.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "policy-routing/gateway.h"
#include "policy-routing/numbers.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define FOLDER "gateways"
#define MAX_PROFILE (4 * 1024 * 1024)
#define MAX_DECISION 4096

AditEntry *
adit_entry_new(const char *name, AditProfile *profile)
{
    AditEntry *entry = g_new0(AditEntry, 1);

    entry->name = g_strdup(name);
    entry->profile = profile;
    entry->backend = ADIT_BACKEND_DIRECT;
    entry->since = g_get_monotonic_time();
    return entry;
}

void
adit_entry_free(AditEntry *entry)
{
    if (!entry)
        return;
    g_free(entry->name);
    g_free(entry->title);
    g_free(entry->id);
    g_free(entry->owner);
    adit_profile_free(entry->profile);
    g_free(entry);
}

AditEntry *
adit_catalog_find(const GPtrArray *entries, const char *name)
{
    for (guint i = 0; i < entries->len; i++) {
        AditEntry *entry = g_ptr_array_index(entries, i);

        if (g_str_equal(entry->name, name))
            return entry;
    }
    return NULL;
}

static gboolean
slot_is_held(const GPtrArray *entries, guint slot)
{
    for (guint i = 0; i < entries->len; i++)
        if (((const AditEntry *)g_ptr_array_index(entries, i))->slot == slot)
            return TRUE;
    return FALSE;
}

guint
adit_catalog_free_slot(const GPtrArray *entries)
{
    for (guint slot = ADIT_SLOT_MIN; slot <= ADIT_SLOT_MAX; slot++)
        if (adit_gateway_slot_is_valid(slot) && !slot_is_held(entries, slot))
            return slot;
    return 0;
}

static char *
profile_path(const char *config_dir, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".conf", NULL);

    return g_build_filename(config_dir, FOLDER, file, NULL);
}

gboolean
adit_catalog_has_profile(const char *config_dir, const char *name)
{
    g_autofree char *path = adit_ifname_is_valid(name) ? profile_path(config_dir, name) : NULL;

    return path && g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static void
set_text(char **field, const char *text)
{
    g_free(*field);
    *field = g_strdup(text);
}

static gboolean
parse_backend(const char *text, AditBackendKind *ret)
{
    AditBackendKind kind;

    if (!adit_backend_parse(text, &kind) || kind == ADIT_BACKEND_AUTO)
        return FALSE;
    *ret = kind;
    return TRUE;
}

/* [Gateway] with a few keys; written by us, read strictly all the same. */
static gboolean
parse_decision(AditEntry *entry, const char *path, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(path, bytes, len, error);

    for (guint i = 0; conf && i < conf->n_tokens; i++) {
        const AditConfToken *token = &conf->tokens[i];
        guint64 slot;

        if (!token->key)
            continue;
        if (g_str_equal(token->key, "Slot") &&
            adit_number_parse(token->value, 10, ADIT_SLOT_MIN, ADIT_SLOT_MAX, &slot))
            entry->slot = (guint)slot;
        else if (g_str_equal(token->key, "Backend") &&
                 parse_backend(token->value, &entry->backend))
            continue;
        else if (g_str_equal(token->key, "Title"))
            set_text(&entry->title, token->value);
        else if (g_str_equal(token->key, "Id"))
            set_text(&entry->id, token->value);
        else if (g_str_equal(token->key, "Up"))
            entry->up = g_str_equal(token->value, "yes");
        else if (g_str_equal(token->key, "Default4"))
            entry->selected[0] = g_str_equal(token->value, "yes");
        else if (g_str_equal(token->key, "Default6"))
            entry->selected[1] = g_str_equal(token->value, "yes");
        else {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: %s: %s: not understood",
                        path, token->line, token->key, token->value);
            return FALSE;
        }
    }
    return conf != NULL;
}

static gboolean
load_decision(AditEntry *entry, const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, FOLDER, entry->name, NULL);
    g_autofree char *bytes = NULL;
    gsize len;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        entry->up = TRUE;
        return TRUE;
    }
    bytes = adit_store_read(path, MAX_DECISION, &len, error);
    return bytes && parse_decision(entry, path, bytes, len, error);
}

static AditEntry *
load_entry(const char *name, const char *config_dir, const char *state_dir, GError **error)
{
    g_autofree char *path = profile_path(config_dir, name);
    g_autoptr(AditProfile) profile = NULL;
    g_autoptr(AditEntry) entry = NULL;
    gsize len;
    char *bytes = adit_store_read(path, MAX_PROFILE, &len, error);

    if (!bytes)
        return NULL;
    profile = adit_profile_parse(path, bytes, len, error);
    explicit_bzero(bytes, len);
    g_free(bytes);
    if (!profile)
        return NULL;
    entry = adit_entry_new(name, g_steal_pointer(&profile));
    if (!load_decision(entry, state_dir, error))
        return NULL;
    return g_steal_pointer(&entry);
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const AditEntry *const *)a)->name, (*(const AditEntry *const *)b)->name);
}

/* Hand-dropped profiles get their slot last, so that they take nobody's. */
static gboolean
assign_slots(GPtrArray *entries, GError **error)
{
    for (guint i = 0; i < entries->len; i++) {
        AditEntry *entry = g_ptr_array_index(entries, i);

        if (entry->slot == 0)
            entry->slot = adit_catalog_free_slot(entries);
        if (entry->slot == 0) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                        "%s: all 60 gateway slots are taken", entry->name);
            return FALSE;
        }
    }
    return TRUE;
}

GPtrArray *
adit_catalog_load(const char *config_dir, const char *state_dir, GError **error)
{
    g_autoptr(GPtrArray) entries =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_entry_free);
    g_autofree char *folder = g_build_filename(config_dir, FOLDER, NULL);
    g_autoptr(GDir) dir =
        g_file_test(folder, G_FILE_TEST_IS_DIR) ? g_dir_open(folder, 0, error) : NULL;
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *name = adit_ifname_title(file);
        AditEntry *entry;

        if (!g_str_has_suffix(file, ".conf") || *file == '.')
            continue;
        if (!adit_ifname_is_valid(name)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s/%s: not an interface name: use `adit import` or rename it", folder,
                        file);
            return NULL;
        }
        entry = load_entry(name, config_dir, state_dir, error);
        if (!entry)
            return NULL;
        g_ptr_array_add(entries, entry);
    }
    g_ptr_array_sort(entries, by_name);
    if (!assign_slots(entries, error))
        return NULL;
    return g_steal_pointer(&entries);
}

static gboolean
make_folder_of(const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (g_mkdir_with_parents(folder, 0700) == 0)
        return TRUE;
    return adit_syserror_set(error, errno, "%s", folder);
}

gboolean
adit_catalog_save_decision(const AditEntry *entry, const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, FOLDER, entry->name, NULL);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "[Gateway]\nSlot = %u\nBackend = %s\n", entry->slot,
                           adit_backend_to_string(entry->backend));
    if (entry->id)
        g_string_append_printf(text, "Id = %s\n", entry->id);
    if (entry->title)
        g_string_append_printf(text, "Title = %s\n", entry->title);
    g_string_append_printf(text, "Up = %s\nDefault4 = %s\nDefault6 = %s\n",
                           entry->up ? "yes" : "no", entry->selected[0] ? "yes" : "no",
                           entry->selected[1] ? "yes" : "no");
    return make_folder_of(path, error) &&
           adit_store_write(path, text->str, text->len, 0600, error);
}

gboolean
adit_catalog_save(const AditEntry *entry, const char *config_dir, const char *state_dir,
                  GError **error)
{
    g_autofree char *path = profile_path(config_dir, entry->name);
    char *text = adit_profile_to_string(entry->profile);
    gboolean saved =
        make_folder_of(path, error) && adit_store_write(path, text, strlen(text), 0600, error);

    adit_key_string_free(text);
    return saved && adit_catalog_save_decision(entry, state_dir, error);
}

/* The profile goes first: a crash in between leaves an orphaned decision, which nobody reads.
 */
gboolean
adit_catalog_remove(const AditEntry *entry, const char *config_dir, const char *state_dir,
                    GError **error)
{
    g_autofree char *profile = profile_path(config_dir, entry->name);
    g_autofree char *decision = g_build_filename(state_dir, FOLDER, entry->name, NULL);

    return adit_store_remove(profile, error) && adit_store_remove(decision, error);
}
