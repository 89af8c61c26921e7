/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/responder.h"

#include "libadit/sys/syserror.h"
#include "tunnel-server/redirect-sockets.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define USER "adit-redirect"
#define BACKLOG 512
#define SILENT_S 5 /* a connection that says nothing is not even shown to the responder */

/* Sockets are made for a responder that is there and kept by it alone: one that dies leaves a
 * port that refuses at once, instead of one that takes connections and never answers. */
struct _AditResponder {
    char *path;
    int door, channel; /* -1: none */
    guint door_watch, channel_watch;
    AditSockAddr *at;
    guint n;
};

gboolean
adit_responder_is_there(const AditResponder *self)
{
    return self->channel >= 0;
}

static gboolean
set_options(int fd, guint8 family)
{
    static const struct {
        int level, name, value;
        guint8 family; /* 0: both */
    } options[] = {
        { SOL_SOCKET, SO_REUSEADDR, 1, 0 },
        { SOL_SOCKET, SO_REUSEPORT, 1, 0 }, /* beside the set that this one replaces */
        { IPPROTO_IP, IP_FREEBIND, 1, AF_INET },
        { IPPROTO_IPV6, IPV6_FREEBIND, 1, AF_INET6 },
        { IPPROTO_IPV6, IPV6_V6ONLY, 1, AF_INET6 },
        { IPPROTO_TCP, TCP_DEFER_ACCEPT, SILENT_S, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        if ((options[i].family == 0 || options[i].family == family) &&
            setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                       sizeof(options[i].value)) != 0)
            return FALSE;
    return TRUE;
}

/* -1: it cannot be, and the journal knows why. */
static int
listen_at(const AditSockAddr *at)
{
    g_autofree char *text = adit_addr_to_string(&at->addr);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string(text, at->port);
    struct sockaddr_storage native = { 0 };
    gssize size = g_socket_address_get_native_size(address);
    int fd = socket(at->addr.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_socket_address_to_native(address, &native, sizeof(native), NULL);
    if (fd >= 0 && set_options(fd, at->addr.family) &&
        bind(fd, (const struct sockaddr *)&native, (socklen_t)size) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    g_warning("redirect: %s port %u: %s", text, at->port, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static void
hang_up(AditResponder *self)
{
    g_clear_handle_id(&self->channel_watch, g_source_remove);
    if (self->channel >= 0)
        close(self->channel);
    self->channel = -1;
}

static void
hand_over(AditResponder *self)
{
    int fds[ADIT_REDIRECT_SOCKETS_MAX] = { 0 };
    g_autoptr(GError) error = NULL;
    guint n = 0;

    if (self->channel < 0)
        return;
    for (guint i = 0; i < self->n && n < ADIT_REDIRECT_SOCKETS_MAX; i++) {
        fds[n] = listen_at(&self->at[i]);
        n += fds[n] >= 0;
    }
    if (!adit_redirect_sockets_send(self->channel, fds, n, &error)) {
        g_warning("%s", error->message);
        hang_up(self);
    }
    while (n-- > 0)
        close(fds[n]);
}

void
adit_responder_set(AditResponder *self, const AditSockAddr *at, guint n)
{
    gboolean same = n == self->n;

    for (guint i = 0; same && i < n; i++)
        same = adit_sockaddr_cmp(&at[i], &self->at[i]) == 0;
    if (same)
        return;
    g_free(self->at);
    self->at = g_memdup2(at, n * sizeof(*at));
    self->n = n;
    hand_over(self);
}

/* It never says anything; when its end is readable, it has gone. */
static gboolean
on_channel(int fd, GIOCondition condition, gpointer data)
{
    AditResponder *self = data;

    g_message("adit-redirect has gone: nobody answers on port 80");
    self->channel_watch = 0; /* the source goes by itself */
    hang_up(self);
    return G_SOURCE_REMOVE;
}

/* The last one counts: the one before is on its way out. */
static gboolean
on_door(int fd, GIOCondition condition, gpointer data)
{
    AditResponder *self = data;
    int channel = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (channel < 0)
        return G_SOURCE_CONTINUE;
    hang_up(self);
    self->channel = channel;
    self->channel_watch = g_unix_fd_add(channel, G_IO_IN | G_IO_HUP, on_channel, self);
    hand_over(self);
    return G_SOURCE_CONTINUE;
}

/* Who may connect gets our sockets: root, and the responder's group if there is such a user; a
 * server without root must be a member to give the door away. It gets its name last: a
 * responder that finds it finds it open. */
static gboolean
make_door(AditResponder *self, GError **error)
{
    const struct passwd *user = getpwnam(USER);
    g_autofree char *making = g_strconcat(self->path, ".new", NULL);
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    if (g_strlcpy(at.sun_path, making, sizeof(at.sun_path)) >= sizeof(at.sun_path))
        return adit_syserror_set(error, ENAMETOOLONG, "%s", self->path);
    self->door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_unlink(making); /* of a server that was killed */
    if (self->door < 0 || fchmod(self->door, 0600) != 0 ||
        bind(self->door, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        (user && (chown(making, (uid_t)-1, user->pw_gid) != 0 || chmod(making, 0660) != 0)) ||
        listen(self->door, 4) != 0 || g_rename(making, self->path) != 0)
        return adit_syserror_set(error, errno, "%s", self->path);
    return TRUE;
}

AditResponder *
adit_responder_new(const char *runtime_dir, GError **error)
{
    g_autoptr(AditResponder) self = g_new0(AditResponder, 1);

    self->door = self->channel = -1;
    self->path = g_build_filename(runtime_dir, ADIT_REDIRECT_SOCKET, NULL);
    if (g_mkdir_with_parents(runtime_dir, 0755) != 0) {
        adit_syserror_set(error, errno, "%s", runtime_dir);
        return NULL;
    }
    if (!make_door(self, error))
        return NULL;
    self->door_watch = g_unix_fd_add(self->door, G_IO_IN, on_door, self);
    return g_steal_pointer(&self);
}

void
adit_responder_free(AditResponder *self)
{
    if (!self)
        return;
    hang_up(self);
    g_clear_handle_id(&self->door_watch, g_source_remove);
    if (self->door >= 0) {
        close(self->door);
        g_unlink(self->path);
    }
    g_free(self->path);
    g_free(self->at);
    g_free(self);
}
