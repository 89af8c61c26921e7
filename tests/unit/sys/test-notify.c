/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/* A manager of our own at the other end of NOTIFY_SOCKET. */
typedef struct {
    int fd;
} Manager;

static void
set_up(Manager *m, gconstpointer data)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    g_autofree char *env = g_strdup_printf("@adit-test-notify-%d", getpid());
    gsize len = strlen(env);

    memcpy(name.sun_path, env, len);
    name.sun_path[0] = '\0'; /* abstract: no file to leave behind */
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(m->fd, >=, 0);
    g_assert_cmpint(bind(m->fd, (struct sockaddr *)&name,
                         G_STRUCT_OFFSET(struct sockaddr_un, sun_path) + len),
                    ==, 0);
    g_assert_true(g_setenv("NOTIFY_SOCKET", env, TRUE));
}

static void
tear_down(Manager *m, gconstpointer data)
{
    g_unsetenv("NOTIFY_SOCKET");
    close(m->fd);
}

static void
assert_told(Manager *m, const char *want)
{
    char text[256] = "";

    g_assert_cmpint(recv(m->fd, text, sizeof(text) - 1, 0), >, 0);
    g_assert_cmpstr(text, ==, want);
}

static void
test_words(Manager *m, gconstpointer data)
{
    g_assert_true(adit_notify_ready("3 gateways"));
    assert_told(m, "READY=1\nSTATUS=3 gateways");
    g_assert_true(adit_notify_ready(NULL));
    assert_told(m, "READY=1");
    g_assert_true(adit_notify_stopping(NULL));
    assert_told(m, "STOPPING=1");
    g_assert_true(adit_notify_stopping("bye"));
    assert_told(m, "STOPPING=1\nSTATUS=bye");
    g_assert_true(adit_notify_watchdog());
    assert_told(m, "WATCHDOG=1");
    g_assert_true(adit_notify_status("%u leases", 7));
    assert_told(m, "STATUS=7 leases");
}

/* Text from outside cannot add a word of its own. */
static void
test_no_second_line(Manager *m, gconstpointer data)
{
    g_assert_true(adit_notify_status("%s", "home\nSTOPPING=1"));
    assert_told(m, "STATUS=home STOPPING=1");
}

static void
test_reloading(Manager *m, gconstpointer data)
{
    char text[256] = "";

    g_assert_true(adit_notify_reloading());
    g_assert_cmpint(recv(m->fd, text, sizeof(text) - 1, 0), >, 0);
    g_assert_true(g_str_has_prefix(text, "RELOADING=1\nMONOTONIC_USEC="));
    g_assert_true(g_ascii_isdigit(text[strlen("RELOADING=1\nMONOTONIC_USEC=")]));
}

static void
test_no_manager(void)
{
    g_unsetenv("NOTIFY_SOCKET");
    g_assert_false(adit_notify_ready("up"));
    g_assert_false(adit_notify_watchdog());
    g_setenv("NOTIFY_SOCKET", "@adit-test-nobody-listens", TRUE);
    g_assert_false(adit_notify_ready("up"));
    g_unsetenv("NOTIFY_SOCKET");
}

static void
test_watchdog_usec(void)
{
    g_autofree char *pid = g_strdup_printf("%d", getpid());

    g_unsetenv("WATCHDOG_USEC");
    g_unsetenv("WATCHDOG_PID");
    g_assert_cmpuint(adit_notify_watchdog_usec(), ==, 0);
    g_setenv("WATCHDOG_USEC", "30000000", TRUE);
    g_assert_cmpuint(adit_notify_watchdog_usec(), ==, 15000000);
    g_setenv("WATCHDOG_PID", "1", TRUE); /* another's */
    g_assert_cmpuint(adit_notify_watchdog_usec(), ==, 0);
    g_setenv("WATCHDOG_PID", pid, TRUE);
    g_assert_cmpuint(adit_notify_watchdog_usec(), ==, 15000000);
    g_unsetenv("WATCHDOG_USEC");
    g_unsetenv("WATCHDOG_PID");
}

static void
test_stderr(void)
{
    if (g_test_subprocess()) {
        adit_journal(LOG_INFO, "443/tcp is open", "ADIT_DEVICE", "home", NULL);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("443/tcp is open\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/notify/words", Manager, NULL, set_up, test_words, tear_down);
    g_test_add("/notify/no-second-line", Manager, NULL, set_up, test_no_second_line, tear_down);
    g_test_add("/notify/reloading", Manager, NULL, set_up, test_reloading, tear_down);
    g_test_add_func("/notify/no-manager", test_no_manager);
    g_test_add_func("/notify/watchdog-usec", test_watchdog_usec);
    g_test_add_func("/notify/stderr", test_stderr);
    return g_test_run();
}
