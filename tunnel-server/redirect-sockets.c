/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/redirect-sockets.h"

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

typedef union {
    struct cmsghdr header; /* aligns it */
    char bytes[CMSG_SPACE(sizeof(int) * ADIT_REDIRECT_SOCKETS_MAX)];
} Control;

/* An empty set is one byte without descriptors. */
gboolean
adit_redirect_sockets_send(int channel, const int *fds, guint n, GError **error)
{
    char byte = 0;
    struct iovec iov = { &byte, sizeof(byte) };
    Control control = { 0 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

    g_return_val_if_fail(n <= ADIT_REDIRECT_SOCKETS_MAX, FALSE);
    if (n > 0) {
        struct cmsghdr *header = &control.header;

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * n);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * n);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n);
    }
    if (sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return adit_syserror_set(error, errno, "sockets for adit-redirect");
    return TRUE;
}

int
adit_redirect_sockets_connect(const char *runtime_dir, GError **error)
{
    g_autofree char *path = g_build_filename(runtime_dir, ADIT_REDIRECT_SOCKET, NULL);
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int channel;

    if (g_strlcpy(at.sun_path, path, sizeof(at.sun_path)) >= sizeof(at.sun_path)) {
        adit_syserror_set(error, ENAMETOOLONG, "%s", path);
        return -1;
    }
    channel = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (channel >= 0 && connect(channel, (const struct sockaddr *)&at, sizeof(at)) == 0)
        return channel;
    adit_syserror_set(error, errno, "%s", path);
    if (channel >= 0)
        close(channel);
    return -1;
}

static gboolean
is_listening(int fd)
{
    int listening = 0;
    socklen_t len = sizeof(listening);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* Those of @all that listen; the others are closed. */
static guint
keep_listening(const int *all, guint n, int *ret)
{
    guint kept = 0;

    for (guint i = 0; i < n; i++)
        if (is_listening(all[i]))
            ret[kept++] = all[i];
        else
            close(all[i]);
    return kept;
}

int
adit_redirect_sockets_receive(int channel, int *ret, GError **error)
{
    char byte;
    struct iovec iov = { &byte, sizeof(byte) };
    Control control = { 0 };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control) };
    gssize n = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int fds[ADIT_REDIRECT_SOCKETS_MAX];

    if (n < 0 && errno == EAGAIN)
        return -1;
    if (n <= 0) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT, "adit-server has gone");
        return -1;
    }
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    return (int)keep_listening(fds, (guint)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int)),
                               ret);
}

guint
adit_redirect_sockets_from_systemd(int *ret)
{
    int n = sd_listen_fds(TRUE);
    int fds[ADIT_REDIRECT_SOCKETS_MAX];

    n = CLAMP(n, 0, ADIT_REDIRECT_SOCKETS_MAX);
    for (int i = 0; i < n; i++)
        fds[i] = SD_LISTEN_FDS_START + i;
    return keep_listening(fds, (guint)n, ret);
}
