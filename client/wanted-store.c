/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/wanted-store.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define MAX_FILE (1024 * 1024)

struct _AditWantedStore {
    char *file, *folder;
    AditWanted *kept;   /* the user's; NULL: its file is broken, and must not be overwritten */
    AditWanted *merged; /* of all */
    GPtrArray *problems;
};

AditWantedStore *
adit_wanted_store_new(const AditPlaces *places)
{
    AditWantedStore *self = g_new0(AditWantedStore, 1);

    self->file = g_build_filename(places->state, "publish.conf", NULL);
    self->folder = g_build_filename(places->config, "publish.d", NULL);
    self->merged = adit_wanted_new();
    self->problems = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void
adit_wanted_store_free(AditWantedStore *self)
{
    if (!self)
        return;
    adit_wanted_free(self->kept);
    adit_wanted_free(self->merged);
    g_ptr_array_unref(self->problems);
    g_free(self->file);
    g_free(self->folder);
    g_free(self);
}

const AditWanted *
adit_wanted_store_get(const AditWantedStore *self)
{
    return self->merged;
}

const char *
adit_wanted_store_folder(const AditWantedStore *self)
{
    return self->folder;
}

const GPtrArray *
adit_wanted_store_problems(const AditWantedStore *self)
{
    return self->problems;
}

static AditWanted *
read_file(const char *path, gboolean sourced, GError **error)
{
    gsize len;
    g_autofree char *text = adit_store_read(path, MAX_FILE, &len, error);

    return text ? adit_wanted_parse(path, text, len, sourced, error) : NULL;
}

static void
note(AditWantedStore *self, const char *where, const GError *why)
{
    g_assert(why);
    g_ptr_array_add(self->problems, where ? g_strdup_printf("%s: %s", where, why->message)
                                          : g_strdup(why->message));
}

/* One that another one is in the way of is left out, and told. */
static void
merge(AditWantedStore *self, const AditWanted *from)
{
    for (guint i = 0; i < from->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(from->publications, i);
        g_autoptr(GError) why = NULL;

        if (!adit_wanted_put(self->merged, adit_publication_copy(p), &why))
            note(self, p->source, why);
    }
    for (guint i = 0; i < from->shares->len; i++) {
        const AditShare *share = g_ptr_array_index(from->shares, i);
        AditShare *copy = adit_share_new(&share->network, share->keep_source);
        g_autoptr(GError) why = NULL;

        copy->source = g_strdup(share->source);
        if (!adit_wanted_put_share(self->merged, copy, &why))
            note(self, share->source, why);
    }
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *
list_files(const AditWantedStore *self)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(self->folder, 0, NULL); /* none is as good as empty */
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ".conf") && *name != '.')
            g_ptr_array_add(paths, g_build_filename(self->folder, name, NULL));
    g_ptr_array_sort(paths, by_name);
    return paths;
}

static void
settle(AditWantedStore *self)
{
    g_autoptr(GPtrArray) paths = list_files(self);

    adit_wanted_free(self->merged);
    self->merged = adit_wanted_new();
    if (self->kept)
        merge(self, self->kept);
    for (guint i = 0; i < paths->len; i++) {
        g_autoptr(GError) why = NULL;
        g_autoptr(AditWanted) wanted = read_file(g_ptr_array_index(paths, i), TRUE, &why);

        if (wanted)
            merge(self, wanted);
        else
            note(self, NULL, why);
    }
}

void
adit_wanted_store_load(AditWantedStore *self)
{
    g_autoptr(GError) why = NULL;

    g_ptr_array_set_size(self->problems, 0);
    g_clear_pointer(&self->kept, adit_wanted_free);
    if (g_file_test(self->file, G_FILE_TEST_EXISTS))
        self->kept = read_file(self->file, FALSE, &why);
    else
        self->kept = adit_wanted_new();
    if (!self->kept)
        note(self, NULL, why);
    settle(self);
}

/* A copy of what the user said, to be changed and then kept. */
static AditWanted *
begin(const AditWantedStore *self, GError **error)
{
    g_autofree char *text = NULL;

    if (!self->kept) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: broken: mend or remove it first",
                    self->file);
        return NULL;
    }
    text = adit_wanted_print(self->kept);
    return adit_wanted_parse(self->file, text, strlen(text), FALSE, error);
}

static gboolean
keep(AditWantedStore *self, AditWanted *wanted, GError **error)
{
    g_autoptr(AditWanted) new = wanted;
    g_autofree char *text = adit_wanted_print(new);
    g_autofree char *folder = g_path_get_dirname(self->file);

    if (g_mkdir_with_parents(folder, 0700) != 0)
        return adit_syserror_set(error, errno, "%s", folder);
    if (!(*text ? adit_store_write(self->file, text, strlen(text), 0644, error)
                : adit_store_remove(self->file, error))) /* nothing wanted: nothing left */
        return FALSE;
    adit_wanted_store_load(self);
    return TRUE;
}

gboolean
adit_wanted_store_add(AditWantedStore *self, const char *text, GError **error)
{
    g_autoptr(AditWanted) more = adit_wanted_parse("request", text, strlen(text), FALSE, error);
    g_autoptr(AditWanted) wanted = more ? begin(self, error) : NULL;

    if (!wanted)
        return FALSE;
    for (guint i = 0; i < more->publications->len; i++)
        if (!adit_wanted_put(
                wanted, adit_publication_copy(g_ptr_array_index(more->publications, i)), error))
            return FALSE;
    for (guint i = 0; i < more->shares->len; i++) {
        const AditShare *share = g_ptr_array_index(more->shares, i);

        if (!adit_wanted_put_share(wanted, adit_share_new(&share->network, share->keep_source),
                                   error))
            return FALSE;
    }
    return keep(self, g_steal_pointer(&wanted), error);
}

/* What a file says only its owner takes back. */
static gboolean
blame_file(const AditWantedStore *self, const AditPorts *ports, GError **error)
{
    for (guint i = 0; i < self->merged->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(self->merged->publications, i);
        g_autofree char *name = adit_publication_name(p);

        if (!p->source || p->ports.first != ports->first || p->ports.last != ports->last ||
            !(p->ports.proto & ports->proto))
            continue;
        g_clear_error(error);
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: published by %s: take it out "
                    "there",
                    name, p->source);
        return FALSE;
    }
    return FALSE;
}

gboolean
adit_wanted_store_drop(AditWantedStore *self, const AditPorts *ports, GError **error)
{
    g_autoptr(AditWanted) wanted = begin(self, error);

    if (!wanted)
        return FALSE;
    if (!adit_wanted_drop(wanted, ports, error))
        return blame_file(self, ports, error);
    return keep(self, g_steal_pointer(&wanted), error);
}

gboolean
adit_wanted_store_drop_share(AditWantedStore *self, const AditPrefix *network, GError **error)
{
    g_autoptr(AditWanted) wanted = begin(self, error);

    return wanted && adit_wanted_drop_share(wanted, network, error) &&
           keep(self, g_steal_pointer(&wanted), error);
}
