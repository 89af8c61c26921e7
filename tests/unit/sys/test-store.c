/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/store.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 200
#define BIG (64 * 1024)
#define NOBODY 65534

typedef struct {
    char *dir;
    char *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    /* In memory where there is such a place: these tests kill processes, not machines, and a
     * disk's flush would be all their time. */
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();

    f->dir = g_build_filename(where, "adit-store-XXXXXX", NULL);
    g_assert_nonnull(g_mkdtemp(f->dir));
    f->path = g_build_filename(f->dir, "file", NULL);
}

static int
compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in the directory, sorted and joined. */
static char *
names(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL)
        g_ptr_array_add(list, g_strdup(name));
    g_ptr_array_sort(list, compare);
    g_ptr_array_add(list, NULL);
    return g_strjoinv(" ", (char **)list->pdata);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_store_remove(f->path, &error));
    g_assert_no_error(error);
    g_assert_cmpint(rmdir(f->dir), ==, 0); /* which says that nothing was left over */
    g_free(f->dir);
    g_free(f->path);
}

static void
assert_content(const char *path, const char *want)
{
    g_autoptr(GError) error = NULL;
    gsize len = 0;
    g_autofree char *bytes = adit_store_read(path, 1024, &len, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(bytes, ==, want);
    g_assert_cmpuint(len, ==, strlen(want));
}

static void
test_round_trip(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *seen = NULL;

    g_assert_true(adit_store_write(f->path, "old", 3, 0600, &error));
    assert_content(f->path, "old");
    g_assert_true(adit_store_write(f->path, "new and longer", 14, 0600, &error));
    assert_content(f->path, "new and longer");
    g_assert_true(adit_store_write(f->path, "", 0, 0600, &error));
    assert_content(f->path, "");
    g_assert_no_error(error);
    seen = names(f->dir);
    g_assert_cmpstr(seen, ==, "file");
}

static void
test_mode(Fixture *f, gconstpointer data)
{
    const mode_t modes[] = { 0600, 0644, 0400, 0666 };
    mode_t before = umask(077);
    struct stat st;

    for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_assert_true(adit_store_write(f->path, "x", 1, modes[i], NULL));
        g_assert_cmpint(stat(f->path, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, modes[i]);
    }
    umask(before);
}

/* What a crash left, longer and open to all, is neither read nor inherited. */
static void
test_left_over(Fixture *f, gconstpointer data)
{
    g_autofree char *half = g_build_filename(f->dir, ".file.new", NULL);
    g_autofree char *seen = NULL;
    struct stat st;

    g_assert_true(g_file_set_contents(half, "half of something long", -1, NULL));
    g_assert_cmpint(chmod(half, 0666), ==, 0);
    g_assert_true(adit_store_write(f->path, "whole", 5, 0600, NULL));
    assert_content(f->path, "whole");
    g_assert_cmpint(stat(f->path, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
    seen = names(f->dir);
    g_assert_cmpstr(seen, ==, "file");
}

static void
test_left_over_symlink(Fixture *f, gconstpointer data)
{
    g_autofree char *half = g_build_filename(f->dir, ".file.new", NULL);
    g_autofree char *victim = g_build_filename(f->dir, "victim", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(victim, "mine", -1, NULL));
    g_assert_cmpint(symlink("victim", half), ==, 0);
    g_assert_false(adit_store_write(f->path, "x", 1, 0600, &error));
    g_assert_nonnull(error);
    assert_content(victim, "mine");
    g_assert_cmpint(unlink(victim), ==, 0);
}

static void
test_busy(Fixture *f, gconstpointer data)
{
    g_autofree char *half = g_build_filename(f->dir, ".file.new", NULL);
    g_autofree char *want =
        g_strdup_printf("%s: write: another process is writing it", f->path);
    g_autoptr(GError) error = NULL;
    int fd = open(half, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
    g_assert_true(g_file_set_contents(f->path, "old", -1, NULL));
    g_assert_false(adit_store_write(f->path, "new", 3, 0600, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    g_assert_cmpstr(error->message, ==, want);
    assert_content(f->path, "old");
    close(fd); /* it died */
    g_assert_true(adit_store_write(f->path, "new", 3, 0600, NULL));
    assert_content(f->path, "new");
}

static void
test_remove(Fixture *f, gconstpointer data)
{
    g_autofree char *half = g_build_filename(f->dir, ".file.new", NULL);
    g_autofree char *nowhere = g_build_filename(f->dir, "no", "file", NULL);
    g_autofree char *under = g_build_filename(f->path, "file", NULL);
    g_autofree char *seen = NULL;

    g_assert_true(adit_store_write(f->path, "x", 1, 0600, NULL));
    g_assert_true(g_file_set_contents(half, "half", -1, NULL));
    g_assert_false(adit_store_remove(under, NULL)); /* below a file */
    g_assert_true(adit_store_remove(f->path, NULL));
    g_assert_true(adit_store_remove(f->path, NULL));
    g_assert_true(adit_store_remove(nowhere, NULL));
    seen = names(f->dir);
    g_assert_cmpstr(seen, ==, "");
}

static void
test_remove_directory(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(mkdir(f->path, 0700), ==, 0);
    g_assert_false(adit_store_remove(f->path, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL);
    g_clear_error(&error);
    g_assert_false(adit_store_write(f->path, "x", 1, 0600, &error)); /* and no half stays */
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL);
    g_assert_cmpint(rmdir(f->path), ==, 0);
}

static void
assert_read_fails(const char *path, gsize max, AditError code, const char *why)
{
    g_autofree char *want = g_strdup_printf("%s: %s", path, why);
    g_autoptr(GError) error = NULL;
    gsize len = 77;

    g_assert_null(adit_store_read(path, max, &len, &error));
    g_assert_error(error, ADIT_ERROR, (gint)code);
    g_assert_cmpstr(error->message, ==, want);
    g_assert_cmpuint(len, ==, 77);
}

static void
test_read_errors(Fixture *f, gconstpointer data)
{
    g_autofree char *pipe = g_build_filename(f->dir, "pipe", NULL);

    assert_read_fails(f->path, 10, ADIT_ERROR_NOT_FOUND, "open: No such file or directory");
    g_assert_true(adit_store_write(f->path, "0123456789", 10, 0600, NULL));
    assert_read_fails(f->path, 9, ADIT_ERROR_CONFIG, "read: 10 bytes: more than 9");
    assert_content(f->path, "0123456789");
    assert_read_fails(f->dir, 10, ADIT_ERROR_CONFIG, "open: not a regular file");
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    assert_read_fails(pipe, 10, ADIT_ERROR_CONFIG, "open: not a regular file");
    g_assert_cmpint(unlink(pipe), ==, 0);
}

/* The kernel's own files have no size before they are read. */
static void
test_read_unsteady(void)
{
    assert_read_fails("/proc/self/status", 1 << 20, ADIT_ERROR_BUSY,
                      "read: it changed meanwhile");
}

static void
test_no_directory(Fixture *f, gconstpointer data)
{
    g_autofree char *path = g_build_filename(f->dir, "no", "file", NULL);
    g_autofree char *want = g_strdup_printf("%s: directory: No such file or directory", path);
    g_autoptr(GError) error = NULL;

    g_assert_false(adit_store_write(path, "x", 1, 0600, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, want);
}

/* No file takes the place of a device or a pipe, nor of the name of one. */
static void
test_no_file(Fixture *f, gconstpointer data)
{
    g_autofree char *pipe = g_build_filename(f->dir, "pipe", NULL);
    g_autofree char *link = g_build_filename(f->dir, "link", NULL);
    const char *const paths[] = { pipe, link };

    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    g_assert_cmpint(symlink("/dev/null", link), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *want = g_strdup_printf("%s: write: not a regular file", paths[i]);
        g_autoptr(GError) error = NULL;

        g_assert_false(adit_store_write(paths[i], "x", 1, 0600, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, want);
        g_assert_cmpint(unlink(paths[i]), ==, 0);
    }
}

/* Runs @func in a child that has given up root; its exit code. */
static int
as_nobody(int (*func)(const char *path), const char *path)
{
    int status = -1;
    pid_t child = fork();

    g_assert_cmpint(child, >=, 0);
    if (child == 0)
        _exit(geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0 ? 99 : func(path));
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
write_denied(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *want = g_strdup_printf("%s: create: Permission denied", path);

    if (adit_store_write(path, "new", 3, 0600, &error))
        return 1;
    if (!g_error_matches(error, ADIT_ERROR, ADIT_ERROR_DENIED))
        return 2;
    return g_str_equal(error->message, want) ? 0 : 3;
}

static int
remove_denied(const char *path)
{
    g_autoptr(GError) error = NULL;

    if (adit_store_remove(path, &error))
        return 1;
    return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_DENIED) ? 0 : 2;
}

static void
test_read_only_directory(Fixture *f, gconstpointer data)
{
    g_assert_true(adit_store_write(f->path, "old", 3, 0644, NULL));
    g_assert_cmpint(chmod(f->dir, 0555), ==, 0);
    g_assert_cmpint(as_nobody(write_denied, f->path), ==, 0);
    g_assert_cmpint(as_nobody(remove_denied, f->path), ==, 0);
    g_assert_cmpint(chmod(f->dir, 0755), ==, 0);
    assert_content(f->path, "old");
}

static int
write_too_much(const char *path)
{
    const struct rlimit small = { 8192, 8192 };
    g_autofree char *bytes = g_malloc0(BIG);
    g_autofree char *want = g_strdup_printf("%s: write: File too large", path);
    g_autoptr(GError) error = NULL;

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &small) != 0)
        return 98;
    if (adit_store_write(path, bytes, BIG, 0600, &error))
        return 1;
    if (!g_error_matches(error, ADIT_ERROR, ADIT_ERROR_KERNEL))
        return 2;
    return g_str_equal(error->message, want) ? 0 : 3;
}

/* The write stops in the middle: the old file stands, the half one is gone. */
static void
test_write_stops(Fixture *f, gconstpointer data)
{
    g_autofree char *seen = NULL;

    g_assert_true(adit_store_write(f->path, "old", 3, 0666, NULL));
    g_assert_cmpint(chmod(f->dir, 0777), ==, 0);
    g_assert_cmpint(as_nobody(write_too_much, f->path), ==, 0);
    assert_content(f->path, "old");
    seen = names(f->dir);
    g_assert_cmpstr(seen, ==, "file");
}

static void G_GNUC_NORETURN
write_for_ever(const char *path, int started)
{
    g_autofree char *a = g_malloc(BIG);
    g_autofree char *b = g_malloc(BIG / 2);

    memset(a, 'a', BIG);
    memset(b, 'b', BIG / 2);
    alarm(20); /* should the parent be gone */
    for (;;) {
        if (!adit_store_write(path, a, BIG, 0600, NULL) || write(started, "", 1) != 1 ||
            !adit_store_write(path, b, BIG / 2, 0600, NULL))
            _exit(1);
    }
}

static void
assert_all_or_nothing(const char *path)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *bytes = adit_store_read(path, BIG, &len, &error);

    g_assert_no_error(error);
    g_assert_true((len == BIG && bytes[0] == 'a') || (len == BIG / 2 && bytes[0] == 'b'));
    for (gsize i = 1; i < len; i++)
        g_assert_true(bytes[i] == bytes[0]);
}

/* kill -9 anywhere between two writes. The wait is for the child's first whole file, then for a
 * random while that ends in the kill. */
static void
test_killed(Fixture *f, gconstpointer data)
{
    guint left_over = 0;

    for (guint i = 0; i < ROUNDS; i++) {
        struct timespec while_ = { 0, g_test_rand_int_range(0, 1500) * 1000 };
        g_autofree char *seen = NULL;
        char byte;
        int fds[2], status;
        pid_t child;

        g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
        child = fork();
        g_assert_cmpint(child, >=, 0);
        if (child == 0)
            write_for_ever(f->path, fds[1]);
        g_assert_cmpint(read(fds[0], &byte, 1), ==, 1);
        g_assert_cmpint(ppoll(NULL, 0, &while_, NULL), ==, 0);
        g_assert_cmpint(kill(child, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(child, &status, 0), ==, child);
        g_assert_true(WIFSIGNALED(status));
        close(fds[0]);
        close(fds[1]);

        assert_all_or_nothing(f->path);
        seen = names(f->dir);
        g_assert_true(g_str_equal(seen, "file") || g_str_equal(seen, ".file.new file"));
        left_over += g_str_equal(seen, ".file.new file");
    }
    g_test_message("%u of %u kills left a half file", left_over, ROUNDS);
    g_assert_cmpuint(left_over, >, 0); /* else the kills came at no interesting time */
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "/store/round-trip", test_round_trip },
        { "/store/mode", test_mode },
        { "/store/left-over", test_left_over },
        { "/store/left-over-symlink", test_left_over_symlink },
        { "/store/no-file", test_no_file },
        { "/store/busy", test_busy },
        { "/store/remove", test_remove },
        { "/store/remove-directory", test_remove_directory },
        { "/store/read-errors", test_read_errors },
        { "/store/no-directory", test_no_directory },
        { "/store/read-only-directory", test_read_only_directory },
        { "/store/write-stops", test_write_stops },
        { "/store/killed", test_killed },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
    g_test_add_func("/store/read-unsteady", test_read_unsteady);
    return g_test_run();
}
