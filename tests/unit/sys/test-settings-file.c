/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/settings-file.h"
#include "libadit/sys/store.h"

#include <string.h>
#include <unistd.h>

typedef struct {
    gint64 quota;
    char *name;
} Settings;

static const AditSetting rows[] = {
    { "server", "quota", ADIT_SETTING_INT, G_STRUCT_OFFSET(Settings, quota), "64", 0, 4096 },
    { "server", "name", ADIT_SETTING_STRING, G_STRUCT_OFFSET(Settings, name), "adit" },
};
static const AditSettingTable table = { rows, G_N_ELEMENTS(rows), sizeof(Settings) };

typedef struct {
    char *dir, *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("adit-settings-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
    f->path = g_build_filename(f->dir, "adit.conf", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_assert_true(adit_store_remove(f->path, NULL));
    g_assert_cmpint(rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->path);
}

static void
write_file(Fixture *f, const char *text)
{
    g_assert_true(adit_store_write(f->path, text, strlen(text), 0644, NULL));
}

static void
test_load(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    Settings *s = adit_settings_file_load(&table, f->path, &error);

    g_assert_no_error(error); /* no file: all defaults */
    g_assert_cmpint(s->quota, ==, 64);
    adit_settings_free(&table, s);

    write_file(f, "[server]\nquota = 5\n");
    s = adit_settings_file_load(&table, f->path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(s->quota, ==, 5);
    g_assert_cmpstr(s->name, ==, "adit");
    adit_settings_free(&table, s);
}

/* A directory where the file should be is no reason to run on defaults. */
static void
test_unreadable(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(adit_settings_file_load(&table, f->dir, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
}

static void
test_check(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *want = g_strdup_printf("%s:3: [server] qouta: unknown key", f->path);
    char *text = NULL;
    gsize len = 0;
    FILE *out = open_memstream(&text, &len);

    write_file(f, "[server]\nname = home\n");
    g_assert_true(adit_settings_file_check(&table, f->path, out, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, "[server]\nquota = 64\nname = home\n");

    write_file(f, "[server]\nname = home\nqouta = 3\n");
    g_assert_false(adit_settings_file_check(&table, f->path, out, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, want);
    fclose(out);
    free(text);
}

static void
test_check_cannot_print(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    FILE *out = fopen("/dev/full", "w");

    g_assert_nonnull(out);
    g_assert_false(adit_settings_file_check(&table, f->path, out, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL);
    g_assert_true(g_str_has_suffix(error->message, ": print: No space left on device"));
    fclose(out);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/settings-file/load", Fixture, NULL, set_up, test_load, tear_down);
    g_test_add("/settings-file/unreadable", Fixture, NULL, set_up, test_unreadable, tear_down);
    g_test_add("/settings-file/check", Fixture, NULL, set_up, test_check, tear_down);
    g_test_add("/settings-file/check-cannot-print", Fixture, NULL, set_up,
               test_check_cannot_print, tear_down);
    return g_test_run();
}
