/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/store.h"
#include "tests/contract/netns.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/* What needs a file system of one's own: /run of this process's mount namespace is a new, small
 * tmpfs; the machine's stays as it is. */
#define SIZE (256 * 1024)

static void
build(void)
{
    g_assert_cmpint(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), ==, 0);
    g_assert_cmpint(mount("tmpfs", "/run", "tmpfs", 0, "size=256k"), ==, 0);
}

static void
assert_content(const char *path, const char *want)
{
    g_autofree char *bytes = adit_store_read(path, SIZE, NULL, NULL);

    g_assert_cmpstr(bytes, ==, want);
}

/* Both do not fit: the old file stands, the half one makes room, a smaller one goes in. */
static void
test_full(void)
{
    const char *path = "/run/full/file";
    g_autofree char *bytes = g_malloc0(SIZE);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(mkdir("/run/full", 0700), ==, 0);
    g_assert_true(adit_store_write(path, "old", 3, 0600, NULL));
    g_assert_false(adit_store_write(path, bytes, SIZE, 0600, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL);
    g_assert_cmpstr(error->message, ==, "/run/full/file: write: No space left on device");
    assert_content(path, "old");
    g_assert_cmpint(access("/run/full/.file.new", F_OK), !=, 0);
    g_assert_true(adit_store_write(path, "new", 3, 0600, NULL));
    assert_content(path, "new");
    g_assert_true(adit_store_remove(path, NULL));
    g_assert_cmpint(rmdir("/run/full"), ==, 0);
}

static void
test_read_only(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_store_write("/run/file", "old", 3, 0600, NULL));
    g_assert_cmpint(mount("none", "/run", "tmpfs", MS_REMOUNT | MS_RDONLY, "size=256k"), ==, 0);
    g_assert_false(adit_store_write("/run/file", "new", 3, 0600, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    g_assert_cmpstr(error->message, ==, "/run/file: create: Read-only file system");
    g_clear_error(&error);
    g_assert_false(adit_store_remove("/run/file", &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    assert_content("/run/file", "old");
    g_assert_cmpint(mount("none", "/run", "tmpfs", MS_REMOUNT, "size=256k"), ==, 0);
    g_assert_true(adit_store_remove("/run/file", NULL));
}

static int
listen_at(const char *path, int type)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(name.sun_path, path, sizeof(name.sun_path));
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof(name)), ==, 0);
    if (type == SOCK_STREAM)
        g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

/* stderr as systemd connects it for a service; the old one is returned. */
static int
stderr_to_journal(void)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX,
                                .sun_path = "/run/systemd/journal/stdout" };
    int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int before = dup(STDERR_FILENO);

    g_assert_cmpint(connect(stream, (struct sockaddr *)&name, sizeof(name)), ==, 0);
    g_assert_cmpint(dup2(stream, STDERR_FILENO), ==, STDERR_FILENO);
    close(stream);
    return before;
}

static void
test_journal(void)
{
    char text[1024] = "";
    int stream, entries, before;
    gssize n;

    g_assert_cmpint(g_mkdir_with_parents("/run/systemd/journal", 0755), ==, 0);
    stream = listen_at("/run/systemd/journal/stdout", SOCK_STREAM);
    entries = listen_at("/run/systemd/journal/socket", SOCK_DGRAM);
    before = stderr_to_journal();
    adit_journal(LOG_NOTICE, "443/tcp is open", "ADIT_DEVICE", "home", "ADIT_LABEL", NULL,
                 "ADIT_PORT", "443", NULL);
    n = recv(entries, text, sizeof(text) - 1, 0);
    g_assert_cmpint(dup2(before, STDERR_FILENO), ==, STDERR_FILENO);
    close(before);

    g_assert_cmpint(n, >, 0);
    g_assert_nonnull(strstr(text, "MESSAGE=443/tcp is open\n"));
    g_assert_nonnull(strstr(text, "PRIORITY=5\n"));
    g_assert_nonnull(strstr(text, "ADIT_DEVICE=home\n"));
    g_assert_nonnull(strstr(text, "ADIT_PORT=443\n"));
    g_assert_null(strstr(text, "ADIT_LABEL"));
    g_assert_null(strstr(text, "CODE_FILE"));
    close(stream);
    close(entries);
}

/* Nobody listens where entries go (the file is still there): the line takes the other way. */
static void
test_journal_gone(void)
{
    char text[64] = "";
    int stream, service, before;

    g_assert_cmpint(unlink("/run/systemd/journal/stdout"), ==, 0);
    stream = listen_at("/run/systemd/journal/stdout", SOCK_STREAM);
    before = stderr_to_journal();
    adit_journal(LOG_INFO, "still here", NULL);
    service = accept4(stream, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    g_assert_cmpint(dup2(before, STDERR_FILENO), ==, STDERR_FILENO);
    close(before);
    g_assert_cmpint(recv(service, text, sizeof(text) - 1, 0), >, 0);
    g_assert_cmpstr(text, ==, "still here\n");
    close(service);
    close(stream);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (unshare(CLONE_NEWNS) != 0)
        return test_netns_skip("mount namespace: not to be had");
    build();
    g_test_add_func("/store/full", test_full);
    g_test_add_func("/store/read-only", test_read_only);
    g_test_add_func("/notify/journal", test_journal);
    g_test_add_func("/notify/journal-gone", test_journal_gone);
    return g_test_run();
}
