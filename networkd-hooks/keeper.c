/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/keeper.h"

#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "networkd-hooks/adopted.h"
#include "networkd-hooks/guard-network.h"
#include "networkd-hooks/render.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* networkd takes its rules back when a file that is still there no longer asks for them: one
 * that is to go is emptied first, and removed once networkd has acted on that. Its answer to
 * Reload comes earlier (seen of 252 to 255), and what it reads meanwhile is what it acts on. */

#define ACT_SECONDS 5 /* what it has to hear of the kernel first may be long */

struct _AditNetworkdKeeper {
    const char *const *folders;
    AditNetwork1 *network1;
    char *wanted;     /* sections; NULL: none */
    char *told;       /* those that networkd reads, or has read */
    char *path;       /* where they are; NULL: nowhere */
    gboolean settled; /* nothing is to be done for @wanted */
    gboolean telling; /* networkd's answer is to come */
    guint later;      /* the source that removes what is emptied; 0: none */
};

AditNetworkdKeeper *
adit_networkd_keeper_new(const char *const *folders)
{
    AditNetworkdKeeper *self = g_new0(AditNetworkdKeeper, 1);

    self->folders = folders;
    return self;
}

void
adit_networkd_keeper_free(AditNetworkdKeeper *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->later, g_source_remove);
    g_free(self->wanted);
    g_free(self->told);
    g_free(self->path);
    g_free(self);
}

/* A drop-in's folder is made for it. */
static gboolean
write_file(const char *path, const char *text, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (!g_file_test(folder, G_FILE_TEST_IS_DIR) &&
        (g_mkdir_with_parents(folder, 0755) < 0 || g_chmod(folder, 0755) < 0))
        return adit_syserror_set(error, errno, "%s", folder);
    return adit_store_write(path, text, strlen(text), 0644, error);
}

static gboolean
remove_file(const AditNetworkdKeeper *self, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (!adit_store_remove(path, error))
        return FALSE;
    if (!g_str_equal(folder, self->folders[0]))
        g_rmdir(folder); /* stays where others use it as well */
    return TRUE;
}

/* Ours that are there, by path. */
static GPtrArray *
find_files(const AditNetworkdKeeper *self)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(self->folders[0], 0, NULL);
    g_autofree char *own = g_build_filename(self->folders[0], ADIT_NETWORKD_LO, NULL);
    const char *name;

    if (g_file_test(own, G_FILE_TEST_EXISTS))
        g_ptr_array_add(paths, g_steal_pointer(&own));
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path =
            g_build_filename(self->folders[0], name, ADIT_NETWORKD_DROP_IN, NULL);

        if (g_str_has_suffix(name, ".network.d") && g_file_test(path, G_FILE_TEST_EXISTS))
            g_ptr_array_add(paths, g_steal_pointer(&path));
    }
    return paths;
}

static gboolean
find_any(const AditNetworkdKeeper *self)
{
    g_autoptr(GPtrArray) present = find_files(self);

    return present->len > 0;
}

static char *
choose_path(const AditNetworkdKeeper *self, gboolean *ret_drop_in)
{
    g_autofree char *theirs = adit_networkd_hand_find_lo(self->folders);
    g_autofree char *folder = theirs ? g_strconcat(theirs, ".d", NULL) : NULL;

    *ret_drop_in = theirs != NULL;
    return theirs ? g_build_filename(self->folders[0], folder, ADIT_NETWORKD_DROP_IN, NULL)
                  : g_build_filename(self->folders[0], ADIT_NETWORKD_LO, NULL);
}

static gboolean
says(const char *path, const char *text)
{
    g_autofree char *present = NULL;

    return g_file_get_contents(path, &present, NULL, NULL) && g_str_equal(present, text);
}

/* Where it belongs, and nowhere else: the admin may have got a file for lo meanwhile. */
static gboolean
put(AditNetworkdKeeper *self, gboolean *ret_changed, GError **error)
{
    g_autoptr(GPtrArray) present = find_files(self);
    gboolean drop_in;
    g_autofree char *path = choose_path(self, &drop_in);
    g_autofree char *text = adit_networkd_guard_file(self->wanted, drop_in);

    *ret_changed = !says(path, text);
    if (*ret_changed && !write_file(path, text, error))
        return FALSE;
    for (guint i = 0; i < present->len; i++) {
        const char *other = g_ptr_array_index(present, i);

        if (g_str_equal(other, path))
            continue;
        *ret_changed = TRUE;
        if (!remove_file(self, other, error))
            return FALSE;
    }
    g_free(self->path);
    self->path = g_steal_pointer(&path);
    return TRUE;
}

/* Those that ask for something; the others are done with. */
static gboolean
empty_all(const AditNetworkdKeeper *self, gboolean *ret_changed, GError **error)
{
    g_autoptr(GPtrArray) present = find_files(self);

    *ret_changed = FALSE;
    for (guint i = 0; i < present->len; i++) {
        const char *path = g_ptr_array_index(present, i);
        g_autofree char *text =
            adit_networkd_guard_file(NULL, g_str_has_suffix(path, ADIT_NETWORKD_DROP_IN));

        *ret_changed |= !says(path, text);
        if (!says(path, text) && !write_file(path, text, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
remove_all(AditNetworkdKeeper *self, gboolean *ret_changed, GError **error)
{
    g_autoptr(GPtrArray) present = find_files(self);

    *ret_changed = present->len > 0;
    g_clear_pointer(&self->path, g_free);
    for (guint i = 0; i < present->len; i++)
        if (!remove_file(self, g_ptr_array_index(present, i), error))
            return FALSE;
    return TRUE;
}

static void step(AditNetworkdKeeper *self);

/* Nobody to tell: what was to go goes all the same. */
static void
end_untold(AditNetworkdKeeper *self, const GError *error)
{
    gboolean changed;

    g_warning("networkd-guard: %s%s", error->message,
              self->told ? "" : ": rules that it may have made stay until it starts anew");
    if (!self->told)
        remove_all(self, &changed, NULL);
    self->settled = TRUE;
}

static gboolean
on_later(gpointer data)
{
    AditNetworkdKeeper *self = data;

    self->later = 0;
    step(self);
    return G_SOURCE_REMOVE;
}

static void
on_told(const char *answer, const GError *error, gpointer data)
{
    AditNetworkdKeeper *self = data;

    self->telling = FALSE;
    if (g_strcmp0(self->told, self->wanted) != 0)
        step(self); /* another wish meanwhile */
    else if (error)
        end_untold(self, error);
    else if (!self->wanted && find_any(self))
        self->later = g_timeout_add_seconds(ACT_SECONDS, on_later, self);
    else
        self->settled = TRUE;
}

/* Written and, where something changed, told. */
static void
step(AditNetworkdKeeper *self)
{
    g_autoptr(GError) error = NULL;
    gboolean changed = FALSE, good;

    g_free(self->told);
    self->told = g_strdup(self->wanted);
    good = self->wanted ? put(self, &changed, &error) : empty_all(self, &changed, &error);
    if (good && !self->wanted && (!changed || !self->network1))
        good = remove_all(self, &changed, &error);
    if (!good)
        g_warning("networkd-guard: %s", error->message);
    self->settled = !good || !changed || !self->network1;
    self->telling = !self->settled;
    if (self->telling)
        adit_network1_reload(self->network1, on_told, self);
}

void
adit_networkd_keeper_set(AditNetworkdKeeper *self, AditNetwork1 *network1,
                         const AditState *want)
{
    g_autofree char *sections = want ? adit_networkd_guard_sections(want) : NULL;
    const gboolean there = !self->path || g_file_test(self->path, G_FILE_TEST_EXISTS);

    self->network1 = network1;
    if ((self->settled || self->later) && there && g_strcmp0(sections, self->wanted) == 0)
        return;
    g_clear_handle_id(&self->later, g_source_remove);
    g_free(self->wanted);
    self->wanted = g_steal_pointer(&sections);
    if (!self->telling)
        step(self);
}
