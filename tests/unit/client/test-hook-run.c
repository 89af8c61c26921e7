/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-run.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_S 20

typedef struct {
    char *top, *folder, *log;
} Fixture;

static void
begin(Fixture *f, gconstpointer data)
{
    f->top = g_dir_make_tmp("adit-hooks-XXXXXX", NULL);
    f->folder = g_build_filename(f->top, "published", NULL);
    f->log = g_build_filename(f->top, "log", NULL);
    g_assert_cmpint(g_mkdir(f->folder, 0755), ==, 0);
}

static void
sweep(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            sweep(path);
        else
            g_unlink(path);
    }
    g_rmdir(folder);
}

static void
end(Fixture *f, gconstpointer data)
{
    sweep(f->top);
    g_free(f->top);
    g_free(f->folder);
    g_free(f->log);
}

static void
write_hook(const Fixture *f, const char *name, int mode, const char *body)
{
    g_autofree char *path = g_build_filename(f->folder, name, NULL);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\nlog=%s\n%s\n", f->log, body);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
}

static void
queue(AditHookRunner *runner, const char *number)
{
    AditHookEvent *event = g_new0(AditHookEvent, 1);

    event->kind = ADIT_HOOK_PUBLISHED;
    event->environment = g_environ_setenv(NULL, "ADIT_NUMBER", number, TRUE);
    adit_hook_runner_queue(runner, event);
}

/* The file is another process's: nothing of the main loop wakes when it grows. */
static char *
wait_for(const Fixture *f, const char *word)
{
    const gint64 until = g_get_monotonic_time() + PATIENCE_S * (gint64)G_USEC_PER_SEC;
    char *text = NULL;

    while (!g_file_get_contents(f->log, &text, NULL, NULL) || !strstr(text, word)) {
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    }
    return text;
}

/* In the order of names, one event after the other, whatever becomes of each. */
static void
test_order(Fixture *f, gconstpointer data)
{
    AditHookRunner *runner = adit_hook_runner_new(f->top, "/etc/somewhere", 1);
    g_autofree char *text = NULL;

    g_setenv("ADIT_UNIT_SECRET", "secret", TRUE);
    write_hook(f, "10-fails", 0755, "echo \"$ADIT_NUMBER fails\" >>$log; exit 3");
    write_hook(f, "20-hangs", 0755,
               "echo \"$ADIT_NUMBER hangs\" >>$log; sleep 600 & wait; echo woke >>$log");
    write_hook(f, "30-tells", 0755,
               "read -r line; echo \"$ADIT_NUMBER $ADIT_CONFIG_DIR<$line><$ADIT_UNIT_SECRET>\" "
               ">>$log");
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*10-fails: exit status 3");
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*20-hangs: ended*more than 1 s");
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*10-fails: exit status 3");
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, "*20-hangs: ended*more than 1 s");
    queue(runner, "1");
    queue(runner, "2");
    text = wait_for(f, "2 /etc");
    g_assert_cmpstr(text, ==,
                    "1 fails\n1 hangs\n1 /etc/somewhere<><>\n"
                    "2 fails\n2 hangs\n2 /etc/somewhere<><>\n");
    g_test_assert_expected_messages();
    adit_hook_runner_free(runner);
}

/* Ended in the middle: nothing of it goes on. */
static void
test_end(Fixture *f, gconstpointer data)
{
    AditHookRunner *runner = adit_hook_runner_new(f->top, f->top, 60);
    g_autofree char *text = NULL;

    write_hook(f, "hangs", 0755, "echo $$ >>$log; exec sleep 600");
    queue(runner, "1");
    text = wait_for(f, "\n");
    adit_hook_runner_free(runner);
    for (guint i = 0; i < 2000 && g_file_test("/proc/self", G_FILE_TEST_EXISTS); i++) {
        g_autofree char *path = g_strdup_printf("/proc/%s/exe", g_strstrip(text));
        g_autofree char *exe = g_file_read_link(path, NULL);

        if (!exe)
            return; /* a zombie has none */
        g_usleep(1000);
    }
    g_assert_not_reached();
}

typedef struct {
    const char *name;
    int mode;
    const char *why; /* NULL: run; "": passed over without a word */
} ListCase;

static const ListCase list_cases[] = {
    { "10-good", 0755, NULL },
    { "20-not-executable", 0644, "not executable" },
    { "30-everybody-s", 0757, "others than its owner" },
    { "40-group-s", 0775, "others than its owner" },
    { "50-old.bak", 0755, "" },
    { "60-new.dpkg-dist", 0755, "" },
    { "70~", 0755, "" },
    { ".hidden", 0755, "" },
    { "80 blank", 0755, "" },
    { "90.sh", 0555, NULL },
};

static void
test_list(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) why = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *dangling = g_build_filename(f->folder, "99-dangling", NULL);
    g_auto(GStrv) paths = NULL;
    g_autofree char *all = NULL;
    guint n = 0, n_why = 1;

    for (guint i = 0; i < G_N_ELEMENTS(list_cases); i++)
        write_hook(f, list_cases[i].name, list_cases[i].mode, "");
    g_assert_cmpint(symlink("nowhere", dangling), ==, 0);
    paths = adit_hook_list(f->folder, why);
    g_ptr_array_add(why, NULL);
    all = g_strjoinv("\n", (GStrv)why->pdata);
    for (guint i = 0; i < G_N_ELEMENTS(list_cases); i++) {
        const ListCase *c = &list_cases[i];
        g_autofree char *said = g_strdup_printf("%s: not run: %s", c->name, c->why);

        if (!c->why)
            g_assert_true(g_str_has_suffix(paths[n++], c->name));
        else if (*c->why)
            n_why += strstr(all, said) != NULL;
    }
    g_assert_null(paths[n]);
    g_assert_cmpuint(n_why, ==, 4);
    g_assert_nonnull(strstr(all, "99-dangling: not run: No such file"));
}

/* Whoever may write the folder could put anything into it. */
static void
test_folder(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) why = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) paths = NULL;
    AditHookRunner *runner = adit_hook_runner_new(f->top, f->top, 1);

    write_hook(f, "10-good", 0755, "");
    g_assert_true(adit_hook_runner_has(runner, ADIT_HOOK_PUBLISHED));
    g_assert_false(adit_hook_runner_has(runner, ADIT_HOOK_LOST));
    g_assert_cmpint(g_chmod(f->folder, 0777), ==, 0);
    paths = adit_hook_list(f->folder, why);
    g_assert_null(paths[0]);
    g_assert_cmpuint(why->len, ==, 1);
    g_assert_false(adit_hook_runner_has(runner, ADIT_HOOK_PUBLISHED));
    adit_hook_runner_free(runner);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *f, gconstpointer data);
    } tests[] = { { "order", test_order },
                  { "end", test_end },
                  { "list", test_list },
                  { "folder", test_folder } };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/client/hook-run/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, begin, tests[i].run, end);
    }
    return g_test_run();
}
