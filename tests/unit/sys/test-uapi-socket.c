/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/uapi.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/core/key.h"

/* Both ends in one process: the answer lies in the socket before the question is asked. */
static char *
ask(const char *answer, char **ret_asked, GError **error)
{
    g_autofree char *asked = g_new0(char, 64);
    int fds[2];
    char *got;
    gsize len;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==,
                    0);
    g_assert_cmpint(write(fds[1], answer, strlen(answer)), ==, strlen(answer));
    g_assert_cmpint(shutdown(fds[1], SHUT_WR), ==, 0);
    got = adit_uapi_ask(fds[0], "wg0", "get=1\n\n", &len, error);
    g_assert_cmpint(read(fds[1], asked, 63), ==, 7);
    if (got != NULL)
        g_assert_cmpuint(len, ==, strlen(got));
    close(fds[0]);
    close(fds[1]);
    *ret_asked = g_steal_pointer(&asked);
    return got;
}

static void
check_answer(const char *answer)
{
    g_autofree char *asked = NULL;
    g_autoptr(GError) error = NULL;
    char *got = ask(answer, &asked, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(got, ==, answer);
    g_assert_cmpstr(asked, ==, "get=1\n\n");
    adit_key_string_free(got);
}

static void
test_answer(void)
{
    g_autofree char *filler = g_strnfill(100000, 'x'); /* the buffer grows several times */
    g_autofree char *large = g_strconcat(filler, "\nerrno=0\n\n", NULL);

    check_answer("errno=0\n\n");
    check_answer(large);
}

static void
test_breaks_off(void)
{
    static const char *const answers[] = { "", "errno", "errno=0\n" };

    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *asked = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_null(ask(answers[i], &asked, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, "wg0: answer of WireGuard: breaks off");
    }
}

static void
test_gone(void)
{
    g_autoptr(GError) error = NULL;
    int fds[2];
    gsize len;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    close(fds[1]); /* and no SIGPIPE */
    g_assert_null(adit_uapi_ask(fds[0], "wg0", "get=1\n\n", &len, &error));
    g_assert_cmpstr(error->message, ==, "wg0: WireGuard socket: Broken pipe");
    close(fds[0]);
}

static int
listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

/* "lo" is the one link that is there everywhere. */
static void
test_connect(void)
{
    g_autofree char *dir = g_dir_make_tmp("adit-uapi-XXXXXX", NULL);
    g_autofree char *path = adit_uapi_path(dir, "lo");
    g_autoptr(GError) error = NULL;
    int server, client;

    g_assert_cmpint(adit_uapi_connect(dir, "lo", &error), ==, -1);
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_assert_true(g_str_has_suffix(error->message, "/lo.sock: nobody listens"));

    server = listen_at(path);
    client = adit_uapi_connect(dir, "lo", NULL);
    g_assert_cmpint(client, >=, 0);
    g_assert_cmpint(adit_uapi_get_pid(client, "lo"), ==, 0); /* this is no daemon of "lo" */
    close(client);
    adit_uapi_sweep(dir, "lo");
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS)); /* somebody listens: it stays */

    close(server);
    g_clear_error(&error);
    g_assert_cmpint(adit_uapi_connect(dir, "lo", &error), ==, -1);
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    adit_uapi_sweep(dir, "lo");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void
test_bad_place(void)
{
    g_autofree char *dir = g_strnfill(200, 'd');
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(adit_uapi_connect(dir, "lo", &error), ==, -1);
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL);
    g_assert_true(g_str_has_suffix(error->message, "File name too long"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uapi-socket/answer", test_answer);
    g_test_add_func("/uapi-socket/breaks-off", test_breaks_off);
    g_test_add_func("/uapi-socket/gone", test_gone);
    g_test_add_func("/uapi-socket/connect", test_connect);
    g_test_add_func("/uapi-socket/bad-place", test_bad_place);
    return g_test_run();
}
