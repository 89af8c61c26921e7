/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/wgdev-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libadit/sys/uapi.h"
#include "tests/contract/netns.h"

static int home = -1; /* the namespace of the test itself */

static WgdevKind kinds[] = {
    { { .no_kernel = FALSE }, "kernel" },
    { { .no_kernel = TRUE }, "userspace" },
};
static gboolean present[G_N_ELEMENTS(kinds)];

static gboolean
have_tun(void)
{
    struct stat st;

    return stat("/dev/net/tun", &st) == 0 && S_ISCHR(st.st_mode);
}

/* The first process of the test's own process namespace: when it ends, all of them do. It
 * waits for the test, and collects what the test leaves. */
static void
run_init(pid_t test)
{
    int status = 0;
    pid_t pid;

    do {
        pid = waitpid(-1, &status, 0);
    } while (pid != test && (pid >= 0 || errno == EINTR));
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Goes on as a process of a namespace of its own, so that no tunnel outlives a test that
 * aborts. The caller itself only waits, and takes it along when it is killed. */
static gboolean
enter_pidns(void)
{
    int status = 0;
    pid_t pid;

    if (unshare(CLONE_NEWPID) < 0)
        return FALSE;
    pid = fork();
    if (pid > 0) {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    if (pid < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return FALSE;
    pid = fork();
    if (pid > 0)
        run_init(pid);
    return pid == 0;
}

static gboolean
enter_mntns(void)
{
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("proc", "/proc", "proc", 0, NULL) == 0 &&
           mount("adit-test", "/run", "tmpfs", 0, "mode=0755") == 0;
}

gboolean
wgdev_enter(char **ret_why)
{
    fflush(NULL); /* or both would print it */
    if (!enter_pidns() || !enter_mntns()) {
        *ret_why = g_strdup_printf("process and mount namespace: %s", g_strerror(errno));
        return FALSE;
    }
    if (!test_netns_enter(ret_why))
        return FALSE;
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(home, >=, 0);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(AditWgdev) wg = wgdev_open(&kinds[i]);
        const AditWgdevKind kind = adit_wgdev_probe(wg);

        present[i] = kinds[i].options.no_kernel ? kind == ADIT_WGDEV_USERSPACE && have_tun()
                                                : kind == ADIT_WGDEV_KERNEL;
    }
    if (present[0] || present[1])
        return TRUE;
    *ret_why = g_strdup("neither WireGuard in the kernel nor wireguard-go and /dev/net/tun");
    return FALSE;
}

static void
run_test(gconstpointer data)
{
    const gpointer *pair = data;
    const WgdevTest func = pair[0];

    func(pair[1]);
}

static void
add_test(guint kind, const char *name, WgdevTest func)
{
    g_autofree char *path = g_strdup_printf("/wgdev/%s/%s", kinds[kind].name, name);
    gpointer *pair;

    if (!present[kind])
        return;
    pair = g_new(gpointer, 2);
    pair[0] = func;
    pair[1] = &kinds[kind];
    g_test_add_data_func_full(path, pair, run_test, g_free);
}

void
wgdev_add_test(const char *name, WgdevTest func)
{
    add_test(0, name, func);
    add_test(1, name, func);
}

void
wgdev_add_user_test(const char *name, WgdevTest func)
{
    add_test(1, name, func);
}

AditWgdev *
wgdev_open(const WgdevKind *kind)
{
    g_autoptr(GError) error = NULL;
    AditWgdev *wg = adit_wgdev_open(&kind->options, &error);

    g_assert_no_error(error);
    return wg;
}

void
wgdev_create(AditWgdev *wg, const char *link)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(adit_wgdev_kind(wg, link), ==, ADIT_WGDEV_NONE);
    adit_wgdev_create(wg, link, &error);
    g_assert_no_error(error);
}

void
wgdev_destroy(AditWgdev *wg, const char *link)
{
    g_autoptr(GError) error = NULL;

    adit_wgdev_destroy(wg, link, &error);
    g_assert_no_error(error);
}

void
wgdev_set(AditWgdev *wg, const AditWgSet *set)
{
    g_autoptr(GError) error = NULL;

    adit_wgdev_set(wg, set, &error);
    g_assert_no_error(error);
}

AditWgDump *
wgdev_get(AditWgdev *wg, const char *link)
{
    g_autoptr(GError) error = NULL;
    AditWgDump *dump = adit_wgdev_get(wg, link, &error);

    g_assert_no_error(error);
    return dump;
}

char *
wgdev_run(const char *line)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *errors = NULL;
    char *output = NULL;
    int status;

    g_spawn_command_line_sync(line, &output, &errors, &status, &error);
    g_assert_no_error(error);
    if (status != 0)
        g_error("%s: %s", line, errors);
    return output;
}

GPid
wgdev_pid(const char *link)
{
    const int fd = adit_uapi_connect(ADIT_UAPI_RUNDIR, link, NULL);
    GPid pid = 0;

    if (fd >= 0) {
        pid = adit_uapi_get_pid(fd, link);
        close(fd);
    }
    return pid;
}

gboolean
wgdev_runs(GPid pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    const char *state;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    state = strrchr(text, ')');
    return state != NULL && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}

int
wgdev_netns_new(void)
{
    int fd;

    g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
    fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_free(test_netns_ip("link set lo up"));
    wgdev_netns_switch(-1);
    return fd;
}

void
wgdev_netns_switch(int fd)
{
    g_assert_cmpint(setns(fd >= 0 ? fd : home, CLONE_NEWNET), ==, 0);
}
