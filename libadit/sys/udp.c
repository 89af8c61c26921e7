/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/sys/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"

/* Room for the packet info of either family. */
#define CONTROL_SIZE 128

typedef union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
} Name;

typedef union {
    struct cmsghdr align;
    guint8 bytes[CONTROL_SIZE];
} Control;

struct _AditUdp {
    int fd;
    guint8 family;
    AditSockAddr local;
    gboolean connected;
};

/* Of all sockets of a thread: what one takes is looked at before another one is asked. */
static _Thread_local guint8 taken[ADIT_UDP_BATCH][ADIT_UDP_PACKET_MAX];

/* What one recvmmsg() or sendmmsg() points to. */
typedef struct {
    struct mmsghdr msgs[ADIT_UDP_BATCH];
    struct iovec iov[ADIT_UDP_BATCH];
    Name names[ADIT_UDP_BATCH];
    Control control[ADIT_UDP_BATCH];
} Batch;

static socklen_t
name_set(Name *name, guint8 family, const AditAddr *addr, guint16 port, guint ifindex)
{
    memset(name, 0, sizeof(*name));
    name->any.sa_family = family;
    if (family == AF_INET) {
        name->in.sin_port = g_htons(port);
        memcpy(&name->in.sin_addr, addr->bytes, 4); /* zeros when unset: any */
        return sizeof(name->in);
    }
    name->in6.sin6_port = g_htons(port);
    memcpy(&name->in6.sin6_addr, addr->bytes, 16);
    if (adit_addr_is_link_local(addr))
        name->in6.sin6_scope_id = ifindex;
    return sizeof(name->in6);
}

static AditSockAddr
name_get(const Name *name)
{
    AditSockAddr ret = { 0 };

    if (name->any.sa_family == AF_INET) {
        ret.addr = adit_addr_from_bytes(AF_INET, &name->in.sin_addr);
        ret.port = g_ntohs(name->in.sin_port);
    } else {
        ret.addr = adit_addr_from_bytes(AF_INET6, &name->in6.sin6_addr);
        ret.port = g_ntohs(name->in6.sin6_port);
    }
    return ret;
}

static gboolean
option_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static gboolean
configure(int fd, const AditUdpConfig *config, GError **error)
{
    gboolean info;

    if (config->family == AF_INET)
        info = option_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    else
        info = option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
               option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (!info)
        return adit_syserror_set(error, errno, "udp: packet info");
    if (config->share && !option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return adit_syserror_set(error, errno, "udp: share port %u", config->port);
    if (config->mark != 0 && !option_set(fd, SOL_SOCKET, SO_MARK, config->mark))
        return adit_syserror_set(error, errno, "udp: mark 0x%x", config->mark);
    if (config->device != NULL && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, config->device,
                                             strlen(config->device) + 1) != 0)
        return adit_syserror_set(error, errno, "udp: device %s", config->device);
    return TRUE;
}

static gboolean
attach(int fd, const AditUdpConfig *config, GError **error)
{
    Name name;
    socklen_t len = name_set(&name, config->family, &config->local, config->port, 0);

    if (bind(fd, &name.any, len) != 0)
        return adit_syserror_set(error, errno, "udp: bind to port %u", config->port);
    if (!adit_addr_is_set(&config->peer.addr))
        return TRUE;

    len = name_set(&name, config->family, &config->peer.addr, config->peer.port, 0);
    if (connect(fd, &name.any, len) != 0) {
        g_autofree char *peer = adit_sockaddr_to_string(&config->peer);

        return adit_syserror_set(error, errno, "udp: %s", peer);
    }
    return TRUE;
}

AditUdp *
adit_udp_open(const AditUdpConfig *config, GError **error)
{
    g_autoptr(AditUdp) udp = g_new0(AditUdp, 1);
    Name name = { 0 };
    socklen_t len = sizeof(name);

    udp->family = config->family;
    udp->connected = adit_addr_is_set(&config->peer.addr);
    udp->fd = socket(config->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (udp->fd < 0) {
        adit_syserror_set(error, errno, "udp: socket");
        return NULL;
    }
    if (!configure(udp->fd, config, error) || !attach(udp->fd, config, error))
        return NULL;
    if (getsockname(udp->fd, &name.any, &len) != 0) {
        adit_syserror_set(error, errno, "udp: name");
        return NULL;
    }
    udp->local = name_get(&name);
    return g_steal_pointer(&udp);
}

int
adit_udp_get_fd(const AditUdp *udp)
{
    return udp->fd;
}

guint16
adit_udp_get_port(const AditUdp *udp)
{
    return udp->local.port;
}

AditAddr
adit_udp_get_local(const AditUdp *udp)
{
    return udp->local.addr;
}

/* The destination in the packet's own header, not the address the kernel would answer from. */
static void
info_get(struct msghdr *msg, AditUdpPacket *ret)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            ret->local = adit_addr_from_bytes(AF_INET, &info.ipi_addr);
            ret->ifindex = info.ipi_ifindex;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            ret->local = adit_addr_from_bytes(AF_INET6, &info.ipi6_addr);
            ret->ifindex = info.ipi6_ifindex;
        }
    }
}

/* A group cannot be answered from: then the kernel chooses. */
static void
info_put(struct msghdr *msg, guint8 family, const AditUdpPacket *packet)
{
    gboolean from = adit_addr_is_set(&packet->local) && !adit_addr_is_multicast(&packet->local);
    struct in_pktinfo info = { .ipi_ifindex = packet->ifindex };
    struct in6_pktinfo info6 = { .ipi6_ifindex = packet->ifindex };
    gsize size = family == AF_INET ? sizeof(info) : sizeof(info6);
    struct cmsghdr *c;

    if (!from && packet->ifindex == 0) {
        msg->msg_control = NULL;
        msg->msg_controllen = 0;
        return;
    }
    if (from) {
        memcpy(&info.ipi_spec_dst, packet->local.bytes, 4);
        memcpy(&info6.ipi6_addr, packet->local.bytes, 16);
    }
    msg->msg_controllen = CMSG_SPACE(size);
    c = CMSG_FIRSTHDR(msg);
    c->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = family == AF_INET ? IP_PKTINFO : IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), family == AF_INET ? (void *)&info : (void *)&info6, size);
}

static void
batch_wire(Batch *batch, guint n)
{
    memset(batch->msgs, 0, n * sizeof(batch->msgs[0]));
    memset(batch->control, 0, n * sizeof(batch->control[0]));
    for (guint i = 0; i < n; i++) {
        struct msghdr *msg = &batch->msgs[i].msg_hdr;

        msg->msg_iov = &batch->iov[i];
        msg->msg_iovlen = 1;
        msg->msg_name = &batch->names[i];
        msg->msg_namelen = sizeof(batch->names[i]);
        msg->msg_control = &batch->control[i];
        msg->msg_controllen = sizeof(batch->control[i]);
    }
}

int
adit_udp_receive(AditUdp *udp, AditUdpPacket *ret, guint max, GError **error)
{
    guint n = MIN(max, ADIT_UDP_BATCH);
    Batch batch;
    int got;

    batch_wire(&batch, n);
    for (guint i = 0; i < n; i++)
        batch.iov[i] = (struct iovec){ taken[i], ADIT_UDP_PACKET_MAX };
    do {
        got = recvmmsg(udp->fd, batch.msgs, n, 0, NULL);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (got < 0) {
        adit_syserror_set(error, errno, "udp: receive");
        return -1;
    }

    for (int i = 0; i < got; i++) {
        ret[i] = (AditUdpPacket){
            .peer = name_get(&batch.names[i]),
            .bytes = taken[i],
            .len = batch.msgs[i].msg_len,
            .cut = (batch.msgs[i].msg_hdr.msg_flags & MSG_TRUNC) != 0,
        };
        info_get(&batch.msgs[i].msg_hdr, &ret[i]);
    }
    return got;
}

static void
batch_fill(Batch *batch, const AditUdp *udp, const AditUdpPacket *packets, guint n)
{
    batch_wire(batch, n);
    for (guint i = 0; i < n; i++) {
        const AditUdpPacket *p = &packets[i];
        struct msghdr *msg = &batch->msgs[i].msg_hdr;

        batch->iov[i] = (struct iovec){ (void *)p->bytes, p->len };
        info_put(msg, udp->family, p);
        if (udp->connected) {
            msg->msg_name = NULL;
            msg->msg_namelen = 0;
        } else {
            msg->msg_namelen = name_set(&batch->names[i], udp->family, &p->peer.addr,
                                        p->peer.port, p->ifindex);
        }
    }
}

/* sendmmsg() stops before a packet that fails; it names the error only when that packet is the
 * first. So the failed one is stepped over and the rest sent by another call. */
static guint
send_batch(AditUdp *udp, AditUdpPacket *packets, guint n)
{
    guint sent = 0;
    Batch batch;

    batch_fill(&batch, udp, packets, n);
    for (guint at = 0; at < n;) {
        int done = sendmmsg(udp->fd, batch.msgs + at, n - at, 0);

        if (done < 0 && errno == EINTR)
            continue;
        if (done > 0) {
            for (int i = 0; i < done; i++)
                packets[at + i].error = 0;
            at += done;
            sent += done;
            continue;
        }
        packets[at].error = done < 0 ? errno : EAGAIN;
        if (packets[at].error == EAGAIN || packets[at].error == EWOULDBLOCK)
            break; /* those behind it keep the EAGAIN they began with */
        at++;
    }
    return sent;
}

guint
adit_udp_send(AditUdp *udp, AditUdpPacket *packets, guint n)
{
    guint sent = 0;

    for (guint i = 0; i < n; i++)
        packets[i].error = EAGAIN;
    for (guint at = 0; at < n; at += ADIT_UDP_BATCH) {
        guint now = MIN(n - at, ADIT_UDP_BATCH);

        sent += send_batch(udp, packets + at, now);
        if (packets[at + now - 1].error == EAGAIN)
            break;
    }
    return sent;
}

void
adit_udp_close(AditUdp *udp)
{
    if (udp->fd >= 0)
        close(udp->fd);
    g_free(udp);
}
