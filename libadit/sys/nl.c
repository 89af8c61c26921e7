/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"
#include "libadit/wire/ack.h"

/* How requests travel.
 *
 * The kernel carries a request out while it is being sent: its answers lie in our receive
 * buffer when sendmsg() returns. So many requests go in one write, as many as their answers
 * have room for: an acknowledgement is 36 bytes, but it is charged most of a kilobyte, and one
 * that finds no room is lost. A dump is different: each read makes the kernel write on.
 *
 * Every request has a number of its own. What answers an earlier, abandoned one is dropped. */

#define READ_SIZE (64 * 1024)         /* a dump fills 32 KiB at a time */
#define WRITE_SIZE (64 * 1024)        /* a piece of many requests; a longer one goes alone */
#define BUFFER_SIZE (8 * 1024 * 1024) /* asked for; less will do */
#define ACK_CHARGE 2048               /* of the receive buffer, with a text */
#define ANSWER_CHARGE (32 * 1024)     /* when answers carry data */
#define ANSWER_MS 10000               /* it is there already: this bounds a kernel's bug */
#define DUMP_TRIES 8
#define DISPATCH_MAX 256 /* datagrams in one turn of the caller's event loop */

struct _AditNl {
    struct mnl_socket *socket;
    guint32 seq;        /* of the last request */
    gsize receive_size; /* of the socket's receive buffer */
    gsize send_size;    /* the longest write it takes */
    guint8 in[READ_SIZE] __attribute__((aligned(8)));
};

/* A write under way, and what became of it. */
typedef struct {
    guint8 *bytes; /* our copy, numbered; wiped: it may hold keys */
    gsize len;
    guint32 first, last; /* numbers of its requests */
    guint32 final;       /* its verdict is the last one we wait for */
    AditNlFunc func;
    gpointer data;
    gboolean interrupted;
    gboolean failed; /* stop calling @func; @error is set */
    guint32 failed_seq;
    gboolean finished;
} Flight;

static gboolean
set_option(AditNl *nl, int option, GError **error)
{
    int on = 1;

    if (mnl_socket_setsockopt(nl->socket, option, &on, sizeof(on)) == 0)
        return TRUE;
    return adit_syserror_set(error, errno, "netlink socket option");
}

/* Without CAP_NET_ADMIN the size is capped by net.core.{r,w}mem_max: then pieces are smaller.
 */
static gsize
set_buffer(AditNl *nl, int force, int plain, gsize size)
{
    const int fd = mnl_socket_get_fd(nl->socket);
    int value = size;
    socklen_t len = sizeof(value);

    if (setsockopt(fd, SOL_SOCKET, force, &value, sizeof(value)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, plain, &value, sizeof(value));
    if (getsockopt(fd, SOL_SOCKET, plain, &value, &len) < 0)
        return 0;
    return value;
}

AditNl *
adit_nl_open(int protocol, GError **error)
{
    g_autoptr(AditNl) nl = g_new0(AditNl, 1);

    nl->socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
    if (nl->socket == NULL || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        adit_syserror_set(error, errno, "netlink socket");
        return NULL;
    }
    if (!set_option(nl, NETLINK_EXT_ACK, error) || !set_option(nl, NETLINK_CAP_ACK, error) ||
        !set_option(nl, NETLINK_GET_STRICT_CHK, error))
        return NULL;
    nl->send_size = WRITE_SIZE; /* always allowed */
    nl->receive_size = set_buffer(nl, SO_RCVBUFFORCE, SO_RCVBUF, BUFFER_SIZE);
    return g_steal_pointer(&nl);
}

void
adit_nl_close(AditNl *nl)
{
    if (nl == NULL)
        return;
    if (nl->socket != NULL)
        mnl_socket_close(nl->socket);
    explicit_bzero(nl->in, sizeof(nl->in)); /* a device dump holds keys */
    g_free(nl);
}

int
adit_nl_get_fd(const AditNl *nl)
{
    return mnl_socket_get_fd(nl->socket);
}

void
adit_nl_unsubscribe(AditNl *nl, guint group)
{
    int value = group;

    (void)mnl_socket_setsockopt(nl->socket, NETLINK_DROP_MEMBERSHIP, &value, sizeof(value));
}

/* The kernel writes into every event whose request it answers. A busy server makes hundreds of
 * thousands a second of them: the kernel throws them away before they take room in the buffer.
 * It loads words in network order. */
gboolean
adit_nl_ignore(AditNl *nl, const AditNl *who, GError **error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, g_htonl(mnl_socket_get_portid(who->socket)), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, G_MAXUINT32),
    };
    const struct sock_fprog filter = { G_N_ELEMENTS(code), code };

    if (setsockopt(mnl_socket_get_fd(nl->socket), SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                   sizeof(filter)) != 0)
        return adit_syserror_set(error, errno, "netlink filter");
    return TRUE;
}

gboolean
adit_nl_subscribe(AditNl *nl, guint group, GError **error)
{
    int value = group;

    if (mnl_socket_setsockopt(nl->socket, NETLINK_ADD_MEMBERSHIP, &value, sizeof(value)) == 0)
        return TRUE;
    return adit_syserror_set(error, errno, "netlink group");
}

/* One datagram from the kernel itself, at most @timeout_ms away. 0: none; -1: @error. */
static gssize
receive(AditNl *nl, int timeout_ms, GError **error)
{
    struct pollfd pfd = { .fd = mnl_socket_get_fd(nl->socket), .events = POLLIN };
    const gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;

    for (;;) {
        struct sockaddr_nl from = { 0 };
        struct iovec iov = { nl->in, sizeof(nl->in) };
        struct msghdr msg = { &from, sizeof(from), &iov, 1, NULL, 0, 0 };
        const gssize n = recvmsg(pfd.fd, &msg, MSG_DONTWAIT);
        const gint64 left = deadline - g_get_monotonic_time();

        if (n >= 0 && from.nl_pid != 0) {
            if (left <= 0)
                return 0;
            continue; /* written by another process, not by the kernel */
        }
        if (n >= 0 && (msg.msg_flags & MSG_TRUNC) != 0) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                        "netlink: an answer is longer than %d bytes", READ_SIZE);
            return -1;
        }
        if (n >= 0)
            return n;
        if (errno == ENOBUFS) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                        "netlink: the receive buffer overran, something was lost");
            return -1;
        }
        if (errno != EAGAIN && errno != EINTR) {
            adit_syserror_set(error, errno, "netlink receive");
            return -1;
        }
        if (left <= 0)
            return 0;
        (void)poll(&pfd, 1, left / 1000 + 1); /* whatever it says, we look and count time */
    }
}

/* The request that got @seq, inside the bytes we sent. */
static const struct nlmsghdr *
request_of(const Flight *flight, guint32 seq)
{
    for (gsize at = 0; at < flight->len;) {
        const struct nlmsghdr *nlh =
            (const struct nlmsghdr *)(gconstpointer)(flight->bytes + at);

        if (nlh->nlmsg_seq == seq)
            return nlh;
        at += NLMSG_ALIGN(nlh->nlmsg_len);
    }
    return NULL;
}

static void
take_message(Flight *flight, const struct nlmsghdr *nlh, GError **error)
{
    const guint32 offset = nlh->nlmsg_seq - flight->first;
    const gboolean verdict = nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE;

    if (offset > flight->last - flight->first)
        return; /* to a request given up earlier */
    if ((nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
        flight->interrupted = TRUE;
    if (verdict && nlh->nlmsg_seq == flight->final)
        flight->finished = TRUE;
    if (flight->failed || nlh->nlmsg_type == NLMSG_NOOP)
        return;
    if (verdict)
        flight->failed = !adit_ack_get(nlh, request_of(flight, nlh->nlmsg_seq), error);
    else if (flight->func != NULL)
        flight->failed = !flight->func(nlh, flight->data, error);
    if (flight->failed)
        flight->failed_seq = nlh->nlmsg_seq;
}

/* Reads until the last verdict is in. After a failure it reads on while there is something, so
 * that the next call finds an empty buffer and no dump under way. */
static gboolean
collect(AditNl *nl, Flight *flight, GError **error)
{
    while (!flight->finished) {
        gssize len = receive(nl, flight->failed ? 0 : ANSWER_MS, flight->failed ? NULL : error);
        const struct nlmsghdr *nlh = (const struct nlmsghdr *)(gconstpointer)nl->in;

        if (len < 0 || (len == 0 && flight->failed))
            return FALSE;
        if (len == 0) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                        "netlink: the kernel did not answer in %d s", ANSWER_MS / 1000);
            return FALSE;
        }
        for (int left = len; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
            take_message(flight, nlh, error);
    }
    return !flight->failed;
}

/* Numbers the messages of @flight; the verdict on number @final (from 0) ends it. */
static void
number(AditNl *nl, Flight *flight, guint16 flags, guint final, guint16 final_flags)
{
    flight->first = nl->seq + 1;
    flight->final = flight->first + final;
    for (gsize at = 0; at < flight->len;) {
        struct nlmsghdr *nlh = (struct nlmsghdr *)(gpointer)(flight->bytes + at);

        nlh->nlmsg_seq = ++nl->seq;
        nlh->nlmsg_flags |= flags | (nlh->nlmsg_seq == flight->final ? final_flags : 0);
        at += NLMSG_ALIGN(nlh->nlmsg_len);
    }
    flight->last = nl->seq;
}

/* One write, and its answers. Consumes the bytes of @flight. */
static gboolean
exchange(AditNl *nl, Flight *flight, GError **error)
{
    gboolean ok;

    /* One write is one buffer in the kernel: a transaction must fit it whole. */
    if (flight->len > nl->send_size)
        nl->send_size = set_buffer(nl, SO_SNDBUFFORCE, SO_SNDBUF, flight->len);
    ok = mnl_socket_sendto(nl->socket, flight->bytes, flight->len) >= 0;
    if (ok)
        ok = collect(nl, flight, error);
    else
        adit_syserror_set(error, errno, "netlink send");
    explicit_bzero(flight->bytes, flight->len);
    g_clear_pointer(&flight->bytes, g_free);
    return ok;
}

/* How many bytes, and messages, of a long run go in one write. */
static gsize
piece(const guint8 *bytes, gsize len, guint n_max, guint *ret_n)
{
    gsize at = 0;
    guint n = 0;

    while (at < len && n < n_max) {
        const struct nlmsghdr *nlh = (const struct nlmsghdr *)(gconstpointer)(bytes + at);
        const gsize next = at + NLMSG_ALIGN((gsize)nlh->nlmsg_len);

        if (n > 0 && next > WRITE_SIZE)
            break;
        at = next;
        n++;
    }
    *ret_n = n;
    return at;
}

gboolean
adit_nl_call(AditNl *nl, AditMsg *m, AditNlFunc func, gpointer data, guint *ret_failed,
             GError **error)
{
    const gsize charge = func != NULL ? ANSWER_CHARGE : ACK_CHARGE;
    const guint n_max = MAX(1, nl->receive_size / charge);
    const guint8 *bytes;
    gsize len;

    if (!adit_msg_check(m, error))
        return FALSE;
    bytes = adit_msg_data(m, &len);
    for (guint done = 0, n; len > 0; done += n) {
        const gsize size = piece(bytes, len, n_max, &n);
        Flight flight = { g_memdup2(bytes, size), size, .func = func, .data = data };

        number(nl, &flight, NLM_F_ACK, n - 1, 0);
        if (!exchange(nl, &flight, error)) {
            if (ret_failed != NULL)
                *ret_failed = done + (flight.failed ? flight.failed_seq - flight.first : 0);
            return FALSE;
        }
        bytes += size;
        len -= size;
    }
    return TRUE;
}

gboolean
adit_nl_dump(AditNl *nl, AditMsg *request, AditNlFunc func, void (*restart)(gpointer data),
             gpointer data, GError **error)
{
    const guint8 *bytes;
    gsize len;

    if (!adit_msg_check(request, error))
        return FALSE;
    bytes = adit_msg_data(request, &len);
    g_return_val_if_fail(adit_msg_count(request) == 1, FALSE);
    for (guint i = 0; i < DUMP_TRIES; i++) {
        Flight flight = { g_memdup2(bytes, len), len, .func = func, .data = data };

        if (i > 0 && restart != NULL)
            restart(data);
        number(nl, &flight, NLM_F_DUMP, 0, 0);
        if (!exchange(nl, &flight, error))
            return FALSE;
        if (!flight.interrupted)
            return TRUE;
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                "netlink: the dump was interrupted %d times: somebody keeps changing it",
                DUMP_TRIES);
    return FALSE;
}

static void
append_fence(AditMsg *m, guint16 type)
{
    const struct nfgenmsg header = { AF_UNSPEC, NFNETLINK_V0, g_htons(NFNL_SUBSYS_NFTABLES) };

    adit_msg_begin(m, type, 0, &header, sizeof(header));
}

gboolean
adit_nl_transaction(AditNl *nl, AditMsg *batch, guint *ret_failed, GError **error)
{
    const guint n = adit_msg_count(batch);
    g_autoptr(AditMsg) begin = adit_msg_new();
    g_autoptr(AditMsg) end = adit_msg_new();
    const guint8 *bytes, *begin_bytes, *end_bytes;
    gsize len, begin_len, end_len;
    Flight flight = { 0 };

    if (!adit_msg_check(batch, error))
        return FALSE;
    if (n == 0)
        return TRUE;
    append_fence(begin, NFNL_MSG_BATCH_BEGIN);
    append_fence(end, NFNL_MSG_BATCH_END);
    bytes = adit_msg_data(batch, &len);
    begin_bytes = adit_msg_data(begin, &begin_len);
    end_bytes = adit_msg_data(end, &end_len);
    flight.len = begin_len + len + end_len;
    flight.bytes = g_malloc(flight.len);
    memcpy(flight.bytes, begin_bytes, begin_len);
    memcpy(flight.bytes + begin_len, bytes, len);
    memcpy(flight.bytes + begin_len + len, end_bytes, end_len);

    /* Older kernels acknowledge neither fence: the last message between speaks for all. */
    number(nl, &flight, 0, n, NLM_F_ACK);
    if (exchange(nl, &flight, error))
        return TRUE;
    if (ret_failed != NULL) {
        const guint32 at = flight.failed ? flight.failed_seq - flight.first : 0;

        *ret_failed = at >= 1 && at <= n ? at - 1 : n;
    }
    return FALSE;
}

gboolean
adit_nl_dispatch(AditNl *nl, AditNlFunc func, gpointer data, GError **error)
{
    for (guint i = 0; i < DISPATCH_MAX; i++) {
        const gssize len = receive(nl, 0, error);
        const struct nlmsghdr *nlh = (const struct nlmsghdr *)(gconstpointer)nl->in;

        if (len <= 0)
            return len == 0;
        for (int left = len; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
            if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && !func(nlh, data, error))
                return FALSE;
    }
    return TRUE;
}
