/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/port.h"

#include "libadit/core/error.h"
#include "libadit/core/pcp.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A socket bound to a device stays bound to the number the device had. So whenever the kernel
 * tells of links or addresses, a request socket is opened anew; if it came out as the present
 * one (same device number, same address), the present one stays. That asks the kernel the very
 * question that matters and needs no reading of messages. */

#define STIR_READS 64 /* datagrams of the kernel a call takes in */

struct _AditPort {
    char *device;
    AditAddr server, own;
    int poll, timer, ear;
    gint64 timer_at;
    guint ifindex; /* of the device when the sockets were opened */
    AditUdp *request, *notice;
    GError *error;
    gboolean doubtful; /* a request could not be sent: look */
    gboolean lost;     /* there is no way to the server: routes and rules are heard as well */
};

static gboolean
watch(AditPort *port, int fd, GError **error)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl(port->poll, EPOLL_CTL_ADD, fd, &event) == 0 ||
           adit_syserror_set(error, errno, "pcp: epoll");
}

static gboolean
open_ear(AditPort *port, GError **error)
{
    const struct sockaddr_nl name = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    };

    port->ear = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (port->ear < 0 ||
        bind(port->ear, (const struct sockaddr *)(const void *)&name, sizeof(name)) != 0)
        return adit_syserror_set(error, errno, "pcp: rtnetlink");
    return watch(port, port->ear, error);
}

AditPort *
adit_port_open(const AditPortConfig *config, GError **error)
{
    g_autoptr(AditPort) port = g_new0(AditPort, 1);

    port->device = g_strdup(config->device);
    port->server = config->server;
    port->own = config->own;
    port->timer_at = G_MAXINT64;
    port->timer = port->ear = -1;
    port->poll = epoll_create1(EPOLL_CLOEXEC);
    if (port->poll < 0) {
        adit_syserror_set(error, errno, "pcp: epoll");
        return NULL;
    }
    port->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (port->timer < 0) {
        adit_syserror_set(error, errno, "pcp: timer");
        return NULL;
    }
    if (!watch(port, port->timer, error) || !open_ear(port, error))
        return NULL;
    return g_steal_pointer(&port);
}

/* A way comes after the address it starts from, so without one its coming has to be heard. With
 * one it is nothing to wake up for: some machines have routes that change all day. */
static void
hear_ways(AditPort *port, gboolean lost)
{
    static const int groups[] = { RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
                                  RTNLGRP_IPV6_RULE };

    for (guint i = 0; i < G_N_ELEMENTS(groups) && lost != port->lost; i++)
        setsockopt(port->ear, SOL_NETLINK,
                   lost ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &groups[i],
                   sizeof(groups[i]));
    port->lost = lost;
}

int
adit_port_get_fd(const AditPort *port)
{
    return port->poll;
}

void
adit_port_set_timer(AditPort *port, gint64 at)
{
    struct itimerspec when = { 0 };

    if (at == port->timer_at)
        return;
    port->timer_at = at;
    if (at != G_MAXINT64) {
        at = MAX(at, 1); /* all zeros would stop it */
        when.it_value = (struct timespec){ at / 1000, at % 1000 * 1000000 };
    }
    timerfd_settime(port->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void
hang_up(AditPort *port)
{
    g_clear_pointer(&port->request, adit_udp_close);
    g_clear_pointer(&port->notice, adit_udp_close);
}

void
adit_port_set_own(AditPort *port, const AditAddr *own)
{
    port->own = *own;
}

void
adit_port_set_server(AditPort *port, const AditAddr *server)
{
    port->server = *server;
    hang_up(port);
}

gboolean
adit_port_is_stirred(AditPort *port)
{
    gboolean stirred = port->doubtful;
    guint64 ticks;
    char byte;

    if (read(port->timer, &ticks, sizeof(ticks)) == sizeof(ticks))
        port->timer_at = G_MAXINT64; /* gone off: to be set again, be it to the same time */
    /* What it says does not matter, nor that the end of it is cut off; ENOBUFS: much was. */
    for (guint i = 0; i < STIR_READS; i++) {
        if (recv(port->ear, &byte, 1, 0) < 0 && errno != ENOBUFS)
            break;
        stirred = TRUE;
    }
    port->doubtful = FALSE;
    return stirred;
}

/* On a device without an address of the family the kernel connects all the same, from 0.0.0.0.
 */
static AditUdp *
open_request(const AditPort *port, GError **error)
{
    g_autoptr(AditUdp) udp = NULL;
    AditAddr own;
    const AditUdpConfig config = {
        .family = port->server.family,
        .device = port->device,
        .local = port->own,
        .peer = { port->server, ADIT_PCP_SERVER_PORT },
    };

    udp = adit_udp_open(&config, error);
    if (!udp)
        return NULL;
    own = adit_udp_get_local(udp);
    if (!adit_addr_is_unspecified(&own))
        return g_steal_pointer(&udp);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "pcp: %s: no address to ask from",
                port->device ?: "this machine");
    return NULL;
}

/* Not connected: that would bind it to one address, and multicast would pass it by. */
static AditUdp *
open_notice(const AditPort *port, GError **error)
{
    const AditUdpConfig config = {
        .family = port->server.family,
        .device = port->device,
        .port = ADIT_PCP_CLIENT_PORT,
        .share = TRUE,
    };

    return adit_udp_open(&config, error);
}

static gboolean
is_same(const AditPort *port, const AditUdp *fresh, guint ifindex)
{
    AditAddr have, got;

    if (!port->request || ifindex != port->ifindex)
        return FALSE;
    have = adit_udp_get_local(port->request);
    got = adit_udp_get_local(fresh);
    return adit_addr_cmp(&have, &got) == 0;
}

static void
listen_for_notices(AditPort *port)
{
    g_clear_error(&port->error);
    port->notice = open_notice(port, &port->error);
    if (port->notice)
        watch(port, adit_udp_get_fd(port->notice), NULL);
}

/* Once more after the ear is open for them: a way may have come in between. */
static AditUdp *
find_way(AditPort *port, GError **error)
{
    AditUdp *udp = open_request(port, NULL);

    if (!udp) {
        hear_ways(port, TRUE);
        udp = open_request(port, error);
    }
    if (udp)
        hear_ways(port, FALSE);
    return udp;
}

gboolean
adit_port_look(AditPort *port)
{
    guint ifindex = port->device ? if_nametoindex(port->device) : 0;
    g_autoptr(GError) error = NULL;
    AditUdp *fresh = find_way(port, &error);

    if (fresh && is_same(port, fresh, ifindex)) {
        adit_udp_close(fresh);
        if (!port->notice)
            listen_for_notices(port); /* whoever held the port may be gone */
        return FALSE;
    }
    hang_up(port);
    if (!fresh) {
        g_clear_error(&port->error);
        port->error = g_steal_pointer(&error);
        return TRUE;
    }
    port->ifindex = ifindex;
    port->request = fresh;
    watch(port, adit_udp_get_fd(port->request), NULL);
    listen_for_notices(port);
    return TRUE;
}

AditAddr
adit_port_get_own(const AditPort *port)
{
    return port->request ? adit_udp_get_local(port->request) : (AditAddr){ 0 };
}

const GError *
adit_port_get_error(const AditPort *port)
{
    return port->error;
}

int
adit_port_receive(AditPort *port, gboolean notice, AditUdpPacket *ret, guint max)
{
    AditUdp *udp = notice ? port->notice : port->request;

    return udp ? adit_udp_receive(udp, ret, max, NULL) : 0;
}

int
adit_port_send(AditPort *port, const guint8 *bytes, gsize len)
{
    AditUdpPacket packet = { .bytes = bytes, .len = len };

    if (!port->request)
        return ENETDOWN;
    adit_udp_send(port->request, &packet, 1);
    port->doubtful |= packet.error != 0 && packet.error != EAGAIN;
    return packet.error;
}

void
adit_port_close(AditPort *port)
{
    if (!port)
        return;
    hang_up(port);
    if (port->poll >= 0)
        close(port->poll);
    if (port->timer >= 0)
        close(port->timer);
    if (port->ear >= 0)
        close(port->ear);
    g_clear_error(&port->error);
    g_free(port->device);
    g_free(port);
}
