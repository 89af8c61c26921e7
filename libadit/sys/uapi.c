/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/uapi.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "libadit/sys/syserror.h"
#include "libadit/wire/uapi.h"

#define ASK_MS 30000                         /* ten thousand peers take wireguard-go seconds */
#define ANSWER_MAX ((gsize)64 * 1024 * 1024) /* ten thousand peers: 6 MB */

char *
adit_uapi_path(const char *rundir, const char *link)
{
    return g_strdup_printf("%s/%s.sock", rundir, link);
}

/* Where the machine's namespaces share a /run, a socket may belong to another's device. */
static gboolean
is_elsewhere(GPid pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", pid);
    struct stat ours, theirs;

    if (stat("/proc/thread-self/ns/net", &ours) < 0 || stat(path, &theirs) < 0)
        return FALSE; /* cannot be told */
    return ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino;
}

/* The last argument of a WireGuard daemon is its link: this tells it from a process that got
 * the number of one that is gone. */
static gboolean
serves(GPid pid, const char *link)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *text = NULL;
    gsize len, n = strlen(link);

    if (!g_file_get_contents(path, &text, &len, NULL) || len < n + 2 || text[len - 1] != '\0')
        return FALSE;
    return text[len - n - 2] == '\0' && memcmp(text + len - n - 1, link, n) == 0;
}

GPid
adit_uapi_get_pid(int fd, const char *link)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.pid <= 0)
        return 0;
    return serves(cred.pid, link) ? cred.pid : 0;
}

/* The connection; or -1 with errno set. */
static int
connect_to(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd, number;

    if (g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path)) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

int
adit_uapi_connect(const char *rundir, const char *link, GError **error)
{
    g_autofree char *path = adit_uapi_path(rundir, link);
    const int fd = connect_to(path);
    GPid pid;

    if (fd < 0 && errno != ENOENT && errno != ECONNREFUSED) {
        adit_syserror_set(error, errno, "%s: %s", link, path);
        return -1;
    }
    if (fd < 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: %s: nobody listens", link,
                    path);
        return -1;
    }
    pid = adit_uapi_get_pid(fd, link);
    if (if_nametoindex(link) == 0 || (pid != 0 && is_elsewhere(pid))) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "%s: %s: belongs to another network namespace", link, path);
        close(fd);
        return -1;
    }
    return fd;
}

void
adit_uapi_sweep(const char *rundir, const char *link)
{
    g_autofree char *path = adit_uapi_path(rundir, link);
    const int fd = connect_to(path);

    if (fd < 0 && errno == ECONNREFUSED)
        (void)unlink(path);
    if (fd >= 0)
        close(fd);
}

/* Waits for @events, at most until @deadline; FALSE with @error when that has passed. */
static gboolean
wait_ready(int fd, short events, gint64 deadline, const char *link, GError **error)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    const gint64 left = deadline - g_get_monotonic_time();

    if (left > 0) {
        (void)poll(&pfd, 1, left / 1000 + 1); /* whatever it says, the caller tries again */
        return TRUE;
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT, "%s: WireGuard did not answer in %d s",
                link, ASK_MS / 1000);
    return FALSE;
}

static gboolean
write_all(int fd, const char *link, const char *text, gint64 deadline, GError **error)
{
    gsize len = strlen(text);

    while (len > 0) {
        const gssize n = send(fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return adit_syserror_set(error, errno, "%s: WireGuard socket", link);
        if (n > 0) {
            text += n;
            len -= n;
        } else if (!wait_ready(fd, POLLOUT, deadline, link, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* The answer holds keys: when it grows, what it grew from is wiped. */
typedef struct {
    char *bytes;
    gsize len, room;
} Answer;

static void
answer_clear(Answer *answer)
{
    if (answer->bytes != NULL)
        explicit_bzero(answer->bytes, answer->room);
    g_clear_pointer(&answer->bytes, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void
answer_grow(Answer *answer)
{
    Answer bigger = { .len = answer->len, .room = MAX(8192, 2 * answer->room) };

    bigger.bytes = g_malloc0(bigger.room);
    if (answer->len > 0)
        memcpy(bigger.bytes, answer->bytes, answer->len);
    answer_clear(answer);
    *answer = bigger;
}

static gboolean
is_complete(const Answer *answer)
{
    const gsize n = strlen(ADIT_UAPI_END);

    return answer->len >= n && memcmp(answer->bytes + answer->len - n, ADIT_UAPI_END, n) == 0;
}

char *
adit_uapi_ask(int fd, const char *link, const char *request, gsize *ret_len, GError **error)
{
    const gint64 deadline = g_get_monotonic_time() + (gint64)ASK_MS * 1000;
    g_auto(Answer) answer = { 0 };

    if (!write_all(fd, link, request, deadline, error))
        return NULL;
    while (!is_complete(&answer)) {
        gssize n;

        if (answer.room - answer.len < 2) /* one for the NUL */
            answer_grow(&answer);
        n = recv(fd, answer.bytes + answer.len, answer.room - answer.len - 1, 0);
        if (n > 0)
            answer.len += n;
        if (n == 0 || answer.len > ANSWER_MAX) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "%s: answer of WireGuard: %s",
                        link, n == 0 ? "breaks off" : "is too long");
            return NULL;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            adit_syserror_set(error, errno, "%s: WireGuard socket", link);
            return NULL;
        }
        if (n < 0 && !wait_ready(fd, POLLIN, deadline, link, error))
            return NULL;
    }
    answer.bytes[answer.len] = '\0';
    *ret_len = answer.len;
    return g_steal_pointer(&answer.bytes);
}
