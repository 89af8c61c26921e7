/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/bytes.h"
#include "libadit/core/pcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* pcp-load SERVER SOURCE map|delete FIRST COUNT WINDOW [PROTOCOL]: MAP requests for COUNT ports
 * from FIRST on, of which WINDOW wait for their answers at any time; prints what came of it,
 * one JSON object. The same ports again are a renewal: the nonce is always the same. */

#define PORT_AT 40 /* internal port; the suggested external one follows */
#define RESEND_USEC (2 * G_USEC_PER_SEC)
#define DEADLINE_USEC (240 * G_USEC_PER_SEC)
#define PORTS 65536

typedef struct {
    gint64 first, last; /* when it was sent */
    gboolean done;
} Ask;

typedef struct {
    int fd;
    guint8 packet[ADIT_PCP_MAX];
    gsize len;
    gboolean delete;
    guint first, count, window;
    Ask ask[PORTS];
    double took[PORTS]; /* microseconds */
    guint sent, done, granted, resent;
} Load;

static int
open_socket(const char *server, const char *source)
{
    const gboolean v6 = strchr(server, ':') != NULL;
    struct sockaddr_in in4 = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    struct sockaddr *name = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in4;
    const socklen_t size = v6 ? sizeof(in6) : sizeof(in4);
    void *at = v6 ? (void *)&in6.sin6_addr : (void *)&in4.sin_addr;
    int fd = socket(name->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    if (fd < 0 || inet_pton(name->sa_family, source, at) != 1 || bind(fd, name, size) != 0)
        g_error("%s: %s", source, g_strerror(errno));
    in4.sin_port = in6.sin6_port = htons(5351);
    if (inet_pton(name->sa_family, server, at) != 1 || connect(fd, name, size) != 0)
        g_error("%s: %s", server, g_strerror(errno));
    return fd;
}

static void
make_packet(Load *load, const char *source, guint8 protocol)
{
    AditPcpRequest request = { .opcode = ADIT_PCP_MAP, .lifetime = load->delete ? 0 : 7200 };

    if (!adit_addr_parse(source, &request.client, NULL))
        g_error("%s: not an address", source);
    memset(request.body.nonce, 0x5a, sizeof(request.body.nonce));
    request.body.protocol = protocol;
    request.body.internal_port = request.body.external_port = (guint16)load->first;
    request.body.external.family = request.client.family; /* no preference */
    load->len = adit_pcp_request_encode(&request, load->packet);
    g_assert_cmpuint(adit_get_be16(load->packet + PORT_AT), ==, load->first);
}

static void
send_one(Load *load, guint i, gint64 now)
{
    adit_put_be16(load->packet + PORT_AT, (guint16)(load->first + i));
    adit_put_be16(load->packet + PORT_AT + 2, load->delete ? 0 : (guint16)(load->first + i));
    load->ask[i].last = now;
    if (load->ask[i].first == 0)
        load->ask[i].first = now;
    if (send(load->fd, load->packet, load->len, 0) < 0 && errno != ECONNREFUSED)
        g_error("send: %s", g_strerror(errno));
}

static void
take_one(Load *load, const guint8 *bytes, gssize len, gint64 now)
{
    guint i;

    if (len < PORT_AT + 4)
        return;
    i = adit_get_be16(bytes + PORT_AT) - load->first;
    if (i >= load->sent || load->ask[i].done)
        return;
    load->ask[i].done = TRUE;
    load->took[load->done++] = (double)(now - load->ask[i].first);
    load->granted += bytes[3] == ADIT_PCP_SUCCESS;
}

/* Full speed: as long as answers come, nothing is asked of the clock but one look a packet. */
static void
run(Load *load)
{
    const gint64 end = g_get_monotonic_time() + DEADLINE_USEC;
    guint oldest = 0;

    while (load->done < load->count && g_get_monotonic_time() < end) {
        struct pollfd p = { load->fd, POLLIN, 0 };
        guint8 bytes[ADIT_PCP_MAX];
        gint64 now = g_get_monotonic_time();
        gssize n;

        while (load->sent < load->count && load->sent - load->done < load->window)
            send_one(load, load->sent++, g_get_monotonic_time());
        while (oldest < load->sent && load->ask[oldest].done)
            oldest++;
        if (oldest < load->sent && now - load->ask[oldest].last > RESEND_USEC) {
            send_one(load, oldest, now);
            load->resent++;
        }
        if (poll(&p, 1, 100) != 1)
            continue;
        for (guint k = 0; k < load->window; k++) {
            n = recv(load->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
            if (n < 0)
                break;
            take_one(load, bytes, n, g_get_monotonic_time());
        }
    }
}

static int
compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    static Load load;
    gint64 begin;
    double seconds;

    if (argc < 7)
        return 2;
    load.delete = g_str_equal(argv[3], "delete");
    load.first = (guint)strtoul(argv[4], NULL, 10);
    load.count = (guint)strtoul(argv[5], NULL, 10);
    load.window = (guint)strtoul(argv[6], NULL, 10);
    g_assert_cmpuint(load.first + load.count, <=, PORTS);
    load.fd = open_socket(argv[1], argv[2]);
    make_packet(&load, argv[2], argc > 7 && g_str_equal(argv[7], "udp") ? 17 : 6);
    begin = g_get_monotonic_time();
    run(&load);
    seconds = (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
    if (load.done == 0)
        g_error("nobody answered");
    qsort(load.took, load.done, sizeof(*load.took), compare);
    printf("{\"asked\": %u, \"answered\": %u, \"granted\": %u, \"resent\": %u, \"rate\": %.1f, "
           "\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}\n",
           load.count, load.done, load.granted, load.resent, load.done / seconds,
           load.took[load.done / 2], load.took[(gsize)(load.done * 0.99)],
           load.took[load.done - 1]);
    return load.done == load.count ? 0 : 1;
}
