/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/local.h"

#include "libadit/sys/redirect.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64

struct _AditLocal {
    AditRedirect *redirect;
    guint16 port;
    guint source;
    GSource *timer;
};

/* One timer, re-set: a source of its own whose ready time is the next deadline. */
static void
arm(AditLocal *local)
{
    const gint64 deadline = adit_redirect_deadline(local->redirect);

    g_source_set_ready_time(local->timer, deadline == 0 ? -1 : deadline);
}

static gboolean
on_timer(gpointer data)
{
    AditLocal *local = data;

    adit_redirect_dispatch(local->redirect, g_get_monotonic_time());
    arm(local);
    return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_timer(GSource *source, GSourceFunc func, gpointer data)
{
    return func(data);
}

static GSourceFuncs timer_funcs = { .dispatch = dispatch_timer };

static gboolean
on_ready(int fd, GIOCondition condition, gpointer data)
{
    AditLocal *local = data;

    adit_redirect_dispatch(local->redirect, g_get_monotonic_time());
    arm(local);
    return G_SOURCE_CONTINUE;
}

static int
listen_at(const AditAddr *own, guint16 *ret_port, GError **error)
{
    g_autofree char *text = adit_addr_to_string(own);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string(text, 0);
    struct sockaddr_storage native = { 0 };
    socklen_t size = (socklen_t)g_socket_address_get_native_size(address);
    const int fd = socket(own->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_socket_address_to_native(address, &native, sizeof(native), NULL);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&native, size) == 0 &&
        listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&native, &size) == 0) {
        g_autoptr(GSocketAddress) bound = g_socket_address_new_from_native(&native, size);

        *ret_port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
        return fd;
    }
    adit_syserror_set(error, errno, "%s: a port to answer on", text);
    if (fd >= 0)
        close(fd);
    return -1;
}

AditLocal *
adit_local_new(const AditAddr *own, GError **error)
{
    g_autoptr(AditRedirect) redirect = adit_redirect_new(error);
    guint16 port = 0;
    const int fd = redirect ? listen_at(own, &port, error) : -1;
    AditLocal *local;

    if (fd < 0)
        return NULL;
    local = g_new0(AditLocal, 1);
    local->redirect = g_steal_pointer(&redirect);
    local->port = port;
    adit_redirect_listen(local->redirect, &fd, 1);
    local->timer = g_source_new(&timer_funcs, sizeof(GSource));
    g_source_set_callback(local->timer, on_timer, local, NULL);
    g_source_attach(local->timer, NULL);
    local->source =
        g_unix_fd_add(adit_redirect_get_fd(local->redirect), G_IO_IN, on_ready, local);
    return local;
}

guint16
adit_local_get_port(const AditLocal *local)
{
    return local->port;
}

void
adit_local_free(AditLocal *local)
{
    if (!local)
        return;
    g_source_destroy(local->timer);
    g_source_unref(local->timer);
    g_clear_handle_id(&local->source, g_source_remove);
    adit_redirect_free(local->redirect);
    g_free(local);
}
