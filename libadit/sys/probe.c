/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/probe.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS 400
#define ECHO_SMALL 64
#define ECHO_MAX 2048

typedef struct {
    AditProber *prober;
    AditProbe *probe;
    int fd; /* -1: over */
    guint source;
} Asked;

struct _AditProber {
    GArray *probes;
    Asked *asked;
    guint left;
    guint again, late;
    AditProberDone done;
    gpointer data;
};

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Name;

static socklen_t
name_put(Name *name, const AditAddr *addr, guint16 port)
{
    memset(name, 0, sizeof(*name));
    name->any.sa_family = addr->family;
    if (addr->family == AF_INET) {
        memcpy(&name->v4.sin_addr, addr->bytes, 4);
        name->v4.sin_port = htons(port);
        return sizeof(name->v4);
    }
    memcpy(&name->v6.sin6_addr, addr->bytes, 16);
    name->v6.sin6_port = htons(port);
    return sizeof(name->v6);
}

static int
make_socket(const AditProbe *probe)
{
    const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    const int family = probe->to.addr.family;

    switch (probe->kind) {
    case ADIT_PROBE_ECHO:
        return socket(family, SOCK_DGRAM | flags,
                      family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    case ADIT_PROBE_UDP: return socket(family, SOCK_DGRAM | flags, 0);
    case ADIT_PROBE_TCP: return socket(family, SOCK_STREAM | flags, 0);
    }
    g_assert_not_reached();
}

static gboolean
set_number(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* What routers say about the packet is wanted, and a whole packet, whatever the path is said to
 * take. */
static gboolean
set_path(int fd, const AditProbe *probe)
{
    const gboolean v4 = probe->to.addr.family == AF_INET;

    if (probe->kind == ADIT_PROBE_TCP)
        return TRUE;
    if (!set_number(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1))
        return FALSE;
    return probe->size == 0 ||
           (v4 ? set_number(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
               : set_number(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) &&
                     set_number(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1));
}

static gboolean
configure(int fd, const AditProbe *probe)
{
    Name name;

    if (probe->mark != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_MARK, &probe->mark, sizeof(probe->mark)) != 0)
        return FALSE;
    if (*probe->link && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, probe->link,
                                   (socklen_t)strlen(probe->link) + 1) != 0)
        return FALSE;
    if (adit_addr_is_set(&probe->from) &&
        bind(fd, &name.any, name_put(&name, &probe->from, 0)) != 0)
        return FALSE;
    return set_path(fd, probe);
}

static void
judge_errno(AditProbe *probe, int number)
{
    probe->error = number;
    switch (number) {
    case ECONNREFUSED: probe->outcome = ADIT_PROBE_REFUSED; break;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EACCES: probe->outcome = ADIT_PROBE_NO_WAY; break;
    case EMSGSIZE:
    case ETIMEDOUT: probe->outcome = ADIT_PROBE_SILENT; break;
    default: probe->outcome = ADIT_PROBE_NOT_SENT; break;
    }
}

static void
end(Asked *asked)
{
    if (asked->fd < 0)
        return;
    g_clear_handle_id(&asked->source, g_source_remove);
    close(asked->fd);
    asked->fd = -1;
    asked->prober->left--;
}

static void
finish(AditProber *self)
{
    g_clear_handle_id(&self->again, g_source_remove);
    g_clear_handle_id(&self->late, g_source_remove);
    for (guint i = 0; i < self->probes->len; i++)
        end(&self->asked[i]);
    self->done(self->probes, self->data);
}

static void
send_echo(int fd, const AditProbe *probe)
{
    const gboolean v4 = probe->to.addr.family == AF_INET;
    const guint headers = v4 ? sizeof(struct ip) : 40;
    guint8 packet[ECHO_MAX] = { v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST };
    const guint size = probe->size ? probe->size : ECHO_SMALL;

    if (send(fd, packet, CLAMP(size, headers + 8, ECHO_MAX) - headers, 0) < 0)
        return; /* what its own link refuses gets no answer */
}

static void
ask(Asked *asked)
{
    const AditProbe *probe = asked->probe;

    if (asked->fd < 0 || probe->kind == ADIT_PROBE_TCP)
        return; /* the kernel asks again */
    if (probe->kind == ADIT_PROBE_ECHO)
        send_echo(asked->fd, probe);
    else if (send(asked->fd, probe->bytes, probe->len, 0) < 0)
        return;
}

static int
read_outcome(const Asked *asked)
{
    guint8 bytes[ECHO_MAX];
    int number = 0;
    socklen_t len = sizeof(number);

    if (asked->probe->kind == ADIT_PROBE_TCP)
        return getsockopt(asked->fd, SOL_SOCKET, SO_ERROR, &number, &len) == 0 ? number : errno;
    return recv(asked->fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0 ? 0 : errno;
}

static gboolean
on_ready(int fd, GIOCondition condition, gpointer data)
{
    Asked *asked = data;
    AditProber *self = asked->prober;
    const int number = read_outcome(asked);

    if (number == EAGAIN)
        return G_SOURCE_CONTINUE;
    if (number == 0)
        asked->probe->outcome = ADIT_PROBE_ANSWERED;
    else
        judge_errno(asked->probe, number);
    asked->source = 0; /* by what is returned */
    end(asked);
    if (self->left == 0)
        finish(self);
    return G_SOURCE_REMOVE;
}

static void
begin(AditProber *self, Asked *asked)
{
    AditProbe *probe = asked->probe;
    const gboolean tcp = probe->kind == ADIT_PROBE_TCP;
    Name name;

    asked->fd = make_socket(probe);
    if (asked->fd < 0) {
        probe->error = errno;
        return;
    }
    self->left++;
    probe->outcome = ADIT_PROBE_SILENT;
    if (!configure(asked->fd, probe)) {
        probe->outcome = ADIT_PROBE_NOT_SENT;
        probe->error = errno;
        end(asked);
        return;
    }
    if (connect(asked->fd, &name.any, name_put(&name, &probe->to.addr, probe->to.port)) != 0 &&
        errno != EINPROGRESS) {
        judge_errno(probe, errno);
        end(asked);
        return;
    }
    asked->source = g_unix_fd_add(asked->fd, (tcp ? G_IO_OUT : G_IO_IN) | G_IO_ERR | G_IO_HUP,
                                  on_ready, asked);
    ask(asked);
}

static gboolean
on_again(gpointer data)
{
    AditProber *self = data;

    for (guint i = 0; i < self->probes->len; i++)
        ask(&self->asked[i]);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_late(gpointer data)
{
    AditProber *self = data;

    self->late = 0;
    finish(self);
    return G_SOURCE_REMOVE;
}

AditProber *
adit_prober_new(GArray *probes, guint wait_ms, AditProberDone done, gpointer data)
{
    AditProber *self = g_new0(AditProber, 1);

    self->probes = probes;
    self->asked = g_new0(Asked, probes->len);
    self->done = done;
    self->data = data;
    for (guint i = 0; i < probes->len; i++) {
        self->asked[i] =
            (Asked){ .prober = self, .probe = &g_array_index(probes, AditProbe, i), .fd = -1 };
        begin(self, &self->asked[i]);
    }
    self->again = g_timeout_add(AGAIN_MS, on_again, self);
    self->late = g_timeout_add(self->left > 0 ? wait_ms : 0, on_late, self);
    return self;
}

void
adit_prober_free(AditProber *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->again, g_source_remove);
    g_clear_handle_id(&self->late, g_source_remove);
    for (guint i = 0; i < self->probes->len; i++)
        end(&self->asked[i]);
    g_array_unref(self->probes);
    g_free(self->asked);
    g_free(self);
}
