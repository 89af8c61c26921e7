/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/wgproc.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"
#include "libadit/sys/uapi.h"

/* We ask for the foreground. Left to itself wireguard-go opens its socket, starts itself anew
 * and leaves: then the kernel names a dead process as the one that listens, and nothing tells
 * which one to stop. In the foreground it is the one that listens, for ever, so SO_PEERCRED of
 * any later connection names it, even to a daemon that did not start it.
 *
 * It gets a session of its own (Ctrl-C at our terminal is not for it), no descriptor of ours,
 * an empty environment, and for its words a piece of memory that cannot grow: a pipe that
 * nobody reads any more would kill it at its first complaint, a file would fill a disk. */

#define START_MS 10000
#define STOP_MS 3000 /* of good manners */
#define KILL_MS 5000 /* until a killed process is gone */
#define REFUSED_MS                                                                             \
    20                 /* between the file's birth and the first listen() nothing is reported  \
                        */
#define WORDS_MAX 2048 /* what it may say before it is muted */

static int
open_words(void)
{
    const int fd = memfd_create("wireguard-words", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 &&
        (ftruncate(fd, WORDS_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK)))
        g_debug("the words of a userspace WireGuard stay unbounded: %s", g_strerror(errno));
    return fd;
}

/* What it said, on one line. */
static char *
read_words(int fd)
{
    char words[WORDS_MAX + 1] = { 0 };

    if (pread(fd, words, WORDS_MAX, 0) < 0)
        words[0] = '\0';
    return g_utf8_make_valid(g_strstrip(g_strdelimit(words, "\r\n\t", ' ')), -1);
}

/* 0, or the errno. */
static int
spawn(const char *program, const char *link, int words, GPid *ret_pid)
{
    char *argv[] = { (char *)program, (char *)link, NULL };
    char *envp[] = { (char *)"WG_PROCESS_FOREGROUND=1", (char *)"LOG_LEVEL=error", NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int result;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, words, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, words, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&files, "/");
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    result = posix_spawn(ret_pid, program, &files, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return result;
}

gboolean
adit_wgproc_reap(GPid pid)
{
    int status;

    return waitpid(pid, &status, WNOHANG) == pid;
}

/* Waits for @pidfd to end; whether it did. */
static gboolean
wait_end(int pidfd, int timeout_ms)
{
    const gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
    gint64 left = timeout_ms;

    while (left >= 0) {
        if (poll(&pfd, 1, left) > 0)
            return TRUE;
        left = (deadline - g_get_monotonic_time()) / 1000 - 1;
    }
    return FALSE;
}

/* A process that we started and do not want after all. */
static void
kill_child(GPid pid, int pidfd)
{
    (void)kill(pid, SIGKILL); /* ours and not reaped: the number is surely its */
    if (pidfd >= 0)
        (void)wait_end(pidfd, KILL_MS);
    (void)adit_wgproc_reap(pid);
}

/* NULL: the socket answers; else what went wrong. The watch tells of the socket's birth, @pidfd
 * of the process' end. */
static const char *
wait_socket(const char *rundir, const char *link, int watch, int pidfd)
{
    const gint64 deadline = g_get_monotonic_time() + (gint64)START_MS * 1000;
    g_autofree char *path = adit_uapi_path(rundir, link);
    struct pollfd pfd[] = { { .fd = watch, .events = POLLIN },
                            { .fd = pidfd, .events = POLLIN } };

    for (;;) {
        const gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        const gboolean born = access(path, F_OK) == 0;
        const int fd = adit_uapi_connect(rundir, link, NULL);
        char events[4096];

        if (fd >= 0) {
            close(fd);
            return NULL;
        }
        if (pfd[1].revents != 0)
            return "ended at once";
        if (left <= 0)
            return "does not listen";
        (void)poll(pfd, G_N_ELEMENTS(pfd), born ? MIN(left, REFUSED_MS) : left);
        (void)!read(watch, events, sizeof(events)); /* which one it was, connect() will say */
    }
}

static gboolean
start_watched(const char *program, const char *rundir, const char *link, int watch, int words,
              GPid *ret_pid, GError **error)
{
    g_autofree char *said = NULL;
    const char *why;
    GPid pid;
    int pidfd;
    const int number = spawn(program, link, words, &pid);

    if (number != 0)
        return adit_syserror_set(error, number, "%s: %s", link, program);
    pidfd = pidfd_open(pid, 0); /* our child, not reaped: the number is surely its */
    why = wait_socket(rundir, link, watch, pidfd);
    if (why == NULL) {
        close(pidfd);
        *ret_pid = pid;
        return TRUE;
    }
    kill_child(pid, pidfd);
    close(pidfd);
    said = read_words(words);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL, "%s: %s: %s%s%s", link, program, why,
                *said != '\0' ? ": " : "", said);
    return FALSE;
}

gboolean
adit_wgproc_start(const char *program, const char *rundir, const char *link, GPid *ret_pid,
                  GError **error)
{
    gboolean ok;
    int watch, words;

    if (g_mkdir_with_parents(rundir, 0755) < 0)
        return adit_syserror_set(error, errno, "%s: %s", link, rundir);
    watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    words = open_words();
    if (watch < 0 || words < 0 || inotify_add_watch(watch, rundir, IN_CREATE) < 0)
        ok = adit_syserror_set(error, errno, "%s: %s", link, rundir);
    else
        ok = start_watched(program, rundir, link, watch, words, ret_pid, error);
    if (watch >= 0)
        close(watch);
    if (words >= 0)
        close(words);
    return ok;
}

/* Without a descriptor of the process: its connection breaks when it ends. */
static gboolean
wait_hangup(int fd)
{
    const gint64 deadline = g_get_monotonic_time() + (gint64)STOP_MS * 1000;
    struct pollfd pfd = { .fd = fd }; /* a hang-up is reported without being asked for */
    gint64 left = STOP_MS;

    while (left >= 0) {
        if (poll(&pfd, 1, left) > 0)
            return TRUE;
        left = (deadline - g_get_monotonic_time()) / 1000 - 1;
    }
    return FALSE;
}

/* Where the number is not known, the link is gone already, and that ends it. Where it is, there
 * was no descriptor to be had (before Linux 5.3, under valgrind). */
static gboolean
hang_up(GPid pid, int fd)
{
    if (pid != 0)
        (void)kill(pid, SIGTERM);
    if (!wait_hangup(fd))
        return FALSE;
    if (pid != 0)
        (void)adit_wgproc_reap(pid);
    return TRUE;
}

static gboolean
end_process(GPid pid, int pidfd)
{
    gboolean gone;

    (void)pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
    gone = wait_end(pidfd, STOP_MS);
    if (!gone) {
        (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        gone = wait_end(pidfd, KILL_MS);
    }
    if (gone)
        (void)adit_wgproc_reap(pid);
    return gone;
}

gboolean
adit_wgproc_stop(const char *rundir, const char *link, int fd, GError **error)
{
    g_autofree char *path = adit_uapi_path(rundir, link);
    const GPid pid = adit_uapi_get_pid(fd, link);
    const int pidfd = pid != 0 ? pidfd_open(pid, 0) : -1;
    gboolean gone;

    if (pidfd >= 0 && adit_uapi_get_pid(fd, link) == pid) /* still it, now that we hold it */
        gone = end_process(pid, pidfd);
    else
        gone = hang_up(pid, fd);
    if (pidfd >= 0)
        close(pidfd);
    if (!gone)
        return adit_syserror_set(error, ETIMEDOUT, "%s: userspace WireGuard does not end",
                                 link);
    if (unlink(path) < 0 && errno != ENOENT) /* left behind by one that was killed */
        return adit_syserror_set(error, errno, "%s: %s", link, path);
    return TRUE;
}
