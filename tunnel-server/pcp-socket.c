/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-socket.h"

#include "libadit/core/pcp.h"
#include "libadit/sys/nl.h"

#include <glib-unix.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER (4 * 1024 * 1024) /* one device's flood leaves room for the others */

typedef struct {
    guint8 family;
    AditUdp *udp;
    guint source;
} Socket;

struct _AditPcpSockets {
    char *device;
    AditPcpSocketsFunc func;
    gpointer data;
    guint ifindex; /* that the sockets are bound to */
    guint generation;
    Socket sockets[2];
    AditNl *links; /* hears of links that come and go; NULL: we only look from time to time */
    guint links_source;
    char *trouble;
};

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer data)
{
    AditPcpSockets *self = data;

    self->func(self->data);
    return G_SOURCE_CONTINUE;
}

static void
close_socket(Socket *s)
{
    g_clear_handle_id(&s->source, g_source_remove);
    g_clear_pointer(&s->udp, adit_udp_close);
}

static gboolean
open_socket(AditPcpSockets *self, Socket *s, GError **error)
{
    const AditUdpConfig config = { .family = s->family,
                                   .device = self->device,
                                   .port = ADIT_PCP_SERVER_PORT };
    const int size = RECEIVE_BUFFER;

    s->udp = adit_udp_open(&config, error);
    if (!s->udp)
        return FALSE;
    setsockopt(adit_udp_get_fd(s->udp), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    s->source = g_unix_fd_add(adit_udp_get_fd(s->udp), G_IO_IN, on_readable, self);
    return TRUE;
}

/* Said once, until it is another trouble. */
static void
complain(AditPcpSockets *self, const GError *error)
{
    if (g_strcmp0(self->trouble, error->message) != 0)
        g_warning("PCP: %s", error->message);
    g_free(self->trouble);
    self->trouble = g_strdup(error->message);
}

void
adit_pcp_sockets_check(AditPcpSockets *self)
{
    const guint ifindex = if_nametoindex(self->device);
    gboolean opened = FALSE;

    for (guint i = 0; i < G_N_ELEMENTS(self->sockets); i++) {
        Socket *s = &self->sockets[i];
        g_autoptr(GError) error = NULL;

        if (ifindex != self->ifindex)
            close_socket(s);
        if (ifindex == 0 || s->udp)
            continue;
        if (open_socket(self, s, &error))
            opened = TRUE;
        else
            complain(self, error);
    }
    self->ifindex = ifindex;
    if (!opened)
        return;
    self->generation++;
    g_clear_pointer(&self->trouble, g_free);
    g_info("PCP: listening on %s", self->device);
}

guint
adit_pcp_sockets_generation(const AditPcpSockets *self)
{
    return self->generation;
}

static gboolean
ignore_message(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    return TRUE;
}

/* Whatever it was, the device's number is compared: an overrun loses nothing. */
static gboolean
on_links(gint fd, GIOCondition condition, gpointer data)
{
    AditPcpSockets *self = data;

    adit_nl_dispatch(self->links, ignore_message, NULL, NULL);
    adit_pcp_sockets_check(self);
    return G_SOURCE_CONTINUE;
}

AditPcpSockets *
adit_pcp_sockets_new(const char *device, AditPcpSocketsFunc func, gpointer data)
{
    AditPcpSockets *self = g_new0(AditPcpSockets, 1);
    g_autoptr(GError) error = NULL;

    self->device = g_strdup(device);
    self->func = func;
    self->data = data;
    self->sockets[0].family = AF_INET;
    self->sockets[1].family = AF_INET6;
    self->links = adit_nl_open(NETLINK_ROUTE, &error);
    if (self->links && !adit_nl_subscribe(self->links, RTNLGRP_LINK, &error))
        g_clear_pointer(&self->links, adit_nl_close);
    if (self->links)
        self->links_source =
            g_unix_fd_add(adit_nl_get_fd(self->links), G_IO_IN, on_links, self);
    else
        g_warning("PCP: %s", error->message);
    return self;
}

AditUdp *
adit_pcp_sockets_get(AditPcpSockets *self, guint8 family)
{
    return self->sockets[family == AF_INET6].udp;
}

void
adit_pcp_sockets_free(AditPcpSockets *self)
{
    if (!self)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(self->sockets); i++)
        close_socket(&self->sockets[i]);
    g_clear_handle_id(&self->links_source, g_source_remove);
    g_clear_pointer(&self->links, adit_nl_close);
    g_free(self->device);
    g_free(self->trouble);
    g_free(self);
}
