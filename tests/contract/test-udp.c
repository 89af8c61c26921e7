/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/udp.h"
#include "tests/contract/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Two network namespaces of this process, joined by two cables:
 *
 *   client   c0 10.59.0.2, fd59::2 ------- s0 10.59.0.1 and .77, fd59::1 and ::77   server
 *            c1 10.60.0.2          ------- s1 10.60.0.1
 */
static int server_ns, client_ns;

#define DEADLINE_MS 5000

static void G_GNUC_PRINTF(1, 2) run(const char *format, ...)
{
    g_autofree char *command = NULL;
    g_autoptr(GError) error = NULL;
    va_list args;
    int status;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, &error));
    g_assert_no_error(error);
    if (status != 0)
        g_error("%s: failed", command);
}

static void
enter(int ns)
{
    g_assert_cmpint(setns(ns, CLONE_NEWNET), ==, 0);
}

static int
new_namespace(void)
{
    g_assert_cmpint(unshare(CLONE_NEWNET), ==, 0);
    run("ip link set lo up");
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void
build(void)
{
    server_ns = new_namespace();
    client_ns = new_namespace();
    for (guint i = 0; i < 2; i++) {
        run("ip link add c%u type veth peer name s%u netns /proc/%d/fd/%d", i, i, getpid(),
            server_ns);
        run("ip addr add 10.%u.0.2/24 dev c%u", 59 + i, i);
        run("ip link set c%u up", i);
    }
    run("ip addr add fd59::2/64 dev c0 nodad");
    enter(server_ns);
    for (guint i = 0; i < 2; i++) {
        run("ip addr add 10.%u.0.1/24 dev s%u", 59 + i, i);
        run("ip link set s%u up", i);
    }
    run("ip addr add 10.59.0.77/24 dev s0");
    run("ip addr add fd59::1/64 dev s0 nodad");
    run("ip addr add fd59::77/64 dev s0 nodad");
}

static AditAddr
addr(const char *text)
{
    AditAddr ret;

    g_assert_true(adit_addr_parse(text, &ret, NULL));
    return ret;
}

static void
assert_addr(const AditAddr *have, const char *want)
{
    g_autofree char *text = adit_addr_to_string(have);

    g_assert_cmpstr(text, ==, want);
}

static AditUdp *
open_in(int ns, const AditUdpConfig *config)
{
    g_autoptr(GError) error = NULL;
    AditUdp *udp;

    enter(ns);
    udp = adit_udp_open(config, &error);
    g_assert_no_error(error);
    return udp;
}

static void
send_text(AditUdp *udp, const char *to, guint16 port, const char *text)
{
    AditUdpPacket packet = {
        .peer = { addr(to), port },
        .bytes = (const guint8 *)text,
        .len = strlen(text),
    };

    g_assert_cmpuint(adit_udp_send(udp, &packet, 1), ==, 1);
    g_assert_cmpint(packet.error, ==, 0);
}

static int
receive(AditUdp *udp, AditUdpPacket *ret, guint max)
{
    struct pollfd poll_fd = { adit_udp_get_fd(udp), POLLIN, 0 };
    g_autoptr(GError) error = NULL;
    int n;

    g_assert_cmpint(poll(&poll_fd, 1, DEADLINE_MS), ==, 1);
    n = adit_udp_receive(udp, ret, max, &error);
    g_assert_no_error(error);
    return n;
}

static void
assert_text(const AditUdpPacket *packet, const char *want)
{
    g_assert_cmpmem(packet->bytes, packet->len, want, strlen(want));
    g_assert_false(packet->cut);
}

static void
test_nothing_waits(void)
{
    const AditUdpConfig config = { .family = AF_INET };
    g_autoptr(AditUdp) udp = open_in(server_ns, &config);
    AditUdpPacket packet;

    g_assert_cmpuint(adit_udp_get_port(udp), >, 0);
    g_assert_cmpint(adit_udp_receive(udp, &packet, 1, NULL), ==, 0);
}

/* The server has two addresses on the link; whichever is asked answers. */
static void
answer_from(guint8 family, const char *client, const char *asked, const char *client_local)
{
    const AditUdpConfig server_config = { .family = family, .device = "s0" };
    const AditUdpConfig client_config = { .family = family };
    g_autoptr(AditUdp) server = open_in(server_ns, &server_config);
    g_autoptr(AditUdp) user = open_in(client_ns, &client_config);
    AditUdpPacket question, answer;

    send_text(user, asked, adit_udp_get_port(server), "question");
    g_assert_cmpint(receive(server, &question, 1), ==, 1);
    assert_text(&question, "question");
    assert_addr(&question.peer.addr, client);
    assert_addr(&question.local, asked);
    g_assert_cmpuint(question.peer.port, ==, adit_udp_get_port(user));
    enter(server_ns);
    g_assert_cmpuint(question.ifindex, ==, if_nametoindex("s0"));

    answer = question;
    answer.bytes = (const guint8 *)"answer";
    answer.len = 6;
    g_assert_cmpuint(adit_udp_send(server, &answer, 1), ==, 1);
    g_assert_cmpint(receive(user, &answer, 1), ==, 1);
    assert_text(&answer, "answer");
    assert_addr(&answer.peer.addr, asked);
    assert_addr(&answer.local, client_local);
}

static void
test_answers_from_asked(void)
{
    answer_from(AF_INET, "10.59.0.2", "10.59.0.1", "10.59.0.2");
    answer_from(AF_INET, "10.59.0.2", "10.59.0.77", "10.59.0.2");
    answer_from(AF_INET6, "fd59::2", "fd59::1", "fd59::2");
    answer_from(AF_INET6, "fd59::2", "fd59::77", "fd59::2");
}

/* The same port over the other cable, and by the first one's address: neither is seen. The last
 * packet proves that the earlier ones would have been there. */
static void
test_other_device(void)
{
    const AditUdpConfig bound = { .family = AF_INET, .device = "s0" };
    const AditUdpConfig any = { .family = AF_INET };
    g_autoptr(AditUdp) server = open_in(server_ns, &bound);
    const AditUdpConfig other = { .family = AF_INET,
                                  .device = "s1",
                                  .port = adit_udp_get_port(server) };
    g_autoptr(AditUdp) neighbour = open_in(server_ns, &other);
    g_autoptr(AditUdp) user = open_in(client_ns, &any);
    AditUdpPacket packets[4];

    send_text(user, "10.60.0.1", other.port, "over c1");
    g_assert_cmpint(receive(neighbour, packets, 4), ==, 1);
    assert_text(&packets[0], "over c1");
    send_text(user, "10.59.0.1", other.port, "over c0");
    g_assert_cmpint(receive(server, packets, 4), ==, 1);
    assert_text(&packets[0], "over c0");
    g_assert_cmpint(adit_udp_receive(neighbour, packets, 4, NULL), ==, 0);
}

static void
test_batches(void)
{
    const AditUdpConfig config = { .family = AF_INET };
    g_autoptr(AditUdp) server = open_in(server_ns, &config);
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    AditUdpPacket packets[ADIT_UDP_BATCH + 8] = { 0 };
    guint8 numbers[ADIT_UDP_BATCH + 8];

    for (guint i = 0; i < G_N_ELEMENTS(packets); i++) {
        numbers[i] = i;
        packets[i] = (AditUdpPacket){
            .peer = { addr("10.59.0.1"), adit_udp_get_port(server) },
            .bytes = &numbers[i],
            .len = 1,
        };
    }
    g_assert_cmpuint(adit_udp_send(user, packets, G_N_ELEMENTS(packets)), ==,
                     G_N_ELEMENTS(packets));

    g_assert_cmpint(receive(server, packets, G_N_ELEMENTS(packets)), ==, ADIT_UDP_BATCH);
    for (guint i = 0; i < ADIT_UDP_BATCH; i++)
        g_assert_cmpmem(packets[i].bytes, packets[i].len, &numbers[i], 1);
    g_assert_cmpint(receive(server, packets, 3), ==, 3);
    g_assert_cmpint(receive(server, packets, G_N_ELEMENTS(packets)), ==, 5);
    g_assert_cmpmem(packets[4].bytes, packets[4].len, &numbers[ADIT_UDP_BATCH + 7], 1);
}

/* Nowhere to go for two of five: the others arrive. */
static void
test_one_fails(void)
{
    static const char *const to[] = { "10.59.0.1", "192.0.2.1", "10.59.0.1", "192.0.2.2",
                                      "10.59.0.1" };
    const AditUdpConfig config = { .family = AF_INET };
    g_autoptr(AditUdp) server = open_in(server_ns, &config);
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    AditUdpPacket packets[G_N_ELEMENTS(to)] = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(to); i++) {
        packets[i].peer = (AditSockAddr){ addr(to[i]), adit_udp_get_port(server) };
        packets[i].bytes = (const guint8 *)to[i];
        packets[i].len = 1;
    }
    g_assert_cmpuint(adit_udp_send(user, packets, G_N_ELEMENTS(to)), ==, 3);
    for (guint i = 0; i < G_N_ELEMENTS(to); i++)
        g_assert_cmpint(packets[i].error, ==, i % 2 ? ENETUNREACH : 0);
    g_assert_cmpint(receive(server, packets, G_N_ELEMENTS(to)), ==, 3);
}

/* With no room in the send buffer the rest stays untried, and says so. */
static void
test_no_room(void)
{
    const AditUdpConfig config = { .family = AF_INET };
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    g_autofree guint8 *bytes = g_malloc0(40000);
    AditUdpPacket packets[70] = { 0 };
    int size = 1;
    guint sent;

    /* Nobody answers for this neighbour: its packets wait in the queue. */
    g_assert_cmpint(
        setsockopt(adit_udp_get_fd(user), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(packets); i++) {
        packets[i].peer = (AditSockAddr){ addr("10.59.0.200"), 9 };
        packets[i].bytes = bytes;
        packets[i].len = 1000;
    }
    sent = adit_udp_send(user, packets, G_N_ELEMENTS(packets));
    g_assert_cmpuint(sent, >, 0);
    g_assert_cmpuint(sent, <, G_N_ELEMENTS(packets));
    for (guint i = 0; i < G_N_ELEMENTS(packets); i++)
        g_assert_cmpint(packets[i].error, ==, i < sent ? 0 : EAGAIN);
}

static void
test_peer(void)
{
    const AditUdpConfig any = { .family = AF_INET };
    g_autoptr(AditUdp) server = open_in(server_ns, &any);
    g_autoptr(AditUdp) stranger = open_in(server_ns, &any);
    const AditUdpConfig config = {
        .family = AF_INET,
        .device = "c0",
        .local = addr("10.59.0.2"),
        .peer = { addr("10.59.0.1"), adit_udp_get_port(server) },
    };
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    AditUdpPacket packet = { .bytes = (const guint8 *)"hello", .len = 5 };

    g_assert_cmpuint(adit_udp_send(user, &packet, 1), ==, 1);
    g_assert_cmpint(receive(server, &packet, 1), ==, 1);
    assert_text(&packet, "hello");
    /* Another port of the same host is not heard. */
    send_text(stranger, "10.59.0.2", adit_udp_get_port(user), "lie");
    send_text(server, "10.59.0.2", adit_udp_get_port(user), "truth");
    g_assert_cmpint(receive(user, &packet, 1), ==, 1);
    assert_text(&packet, "truth");
    assert_addr(&packet.peer.addr, "10.59.0.1");
}

static void
test_peer_refuses(void)
{
    const AditUdpConfig any = { .family = AF_INET };
    AditUdp *server = open_in(server_ns, &any);
    const AditUdpConfig config = { .family = AF_INET,
                                   .peer = { addr("10.59.0.1"), adit_udp_get_port(server) } };
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    struct pollfd poll_fd = { adit_udp_get_fd(user), POLLIN, 0 };
    AditUdpPacket packet = { .bytes = (const guint8 *)"hello", .len = 5 };
    g_autoptr(GError) error = NULL;

    adit_udp_close(server);
    g_assert_cmpuint(adit_udp_send(user, &packet, 1), ==, 1);
    g_assert_cmpint(poll(&poll_fd, 1, DEADLINE_MS), ==, 1);
    g_assert_cmpint(adit_udp_receive(user, &packet, 1, &error), ==, -1);
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT);
    g_assert_cmpstr(error->message, ==, "udp: receive: Connection refused");
    g_assert_cmpint(adit_udp_receive(user, &packet, 1, NULL), ==, 0);
}

static void
test_cut(void)
{
    const AditUdpConfig config = { .family = AF_INET6 };
    g_autoptr(AditUdp) server = open_in(server_ns, &config);
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    g_autofree guint8 *bytes = g_malloc0(ADIT_UDP_PACKET_MAX + 1);
    AditUdpPacket packet = {
        .peer = { addr("fd59::1"), adit_udp_get_port(server) },
        .bytes = bytes,
    };

    for (guint more = 0; more < 2; more++) {
        AditUdpPacket got;

        packet.len = ADIT_UDP_PACKET_MAX + more;
        g_assert_cmpuint(adit_udp_send(user, &packet, 1), ==, 1);
        g_assert_cmpint(receive(server, &got, 1), ==, 1);
        g_assert_cmpuint(got.len, ==, ADIT_UDP_PACKET_MAX);
        g_assert_cmpint(got.cut, ==, more == 1);
    }
}

/* To all nodes of a link, and an answer to what came so: from the address of the link. */
static void
test_group(void)
{
    const AditUdpConfig server_config = { .family = AF_INET6, .device = "s0" };
    const AditUdpConfig client_config = { .family = AF_INET6, .device = "c0" };
    g_autoptr(AditUdp) server = open_in(server_ns, &server_config);
    g_autoptr(AditUdp) user = open_in(client_ns, &client_config);
    AditUdpPacket packet = {
        .peer = { addr("ff02::1"), adit_udp_get_port(server) },
        .local = addr("fd59::2"),
        .bytes = (const guint8 *)"all",
        .len = 3,
    };

    enter(client_ns);
    packet.ifindex = if_nametoindex("c0");
    g_assert_cmpuint(adit_udp_send(user, &packet, 1), ==, 1);
    g_assert_cmpint(receive(server, &packet, 1), ==, 1);
    assert_addr(&packet.local, "ff02::1");
    assert_addr(&packet.peer.addr, "fd59::2");
    packet.bytes = (const guint8 *)"one";
    g_assert_cmpuint(adit_udp_send(server, &packet, 1), ==, 1);
    g_assert_cmpint(receive(user, &packet, 1), ==, 1);
    assert_text(&packet, "one");
    assert_addr(&packet.local, "fd59::2");
}

/* fe80:: means nothing without its link. */
static void
test_link_local(void)
{
    const AditUdpConfig config = { .family = AF_INET6 };
    g_autoptr(AditUdp) server = open_in(server_ns, &config);
    g_autoptr(AditUdp) user = open_in(client_ns, &config);
    AditUdpPacket packet = { .peer = { addr("fe80::77"), adit_udp_get_port(server) },
                             .bytes = (const guint8 *)"near",
                             .len = 4 };

    enter(server_ns);
    run("ip addr add fe80::77/64 dev s0 nodad");
    enter(client_ns);
    run("ip addr add fe80::2/64 dev c0 nodad");
    packet.ifindex = if_nametoindex("c0");
    g_assert_cmpuint(adit_udp_send(user, &packet, 1), ==, 1);
    g_assert_cmpint(receive(server, &packet, 1), ==, 1);
    assert_addr(&packet.local, "fe80::77");
    packet.bytes = (const guint8 *)"too";
    packet.len = 3;
    g_assert_cmpuint(adit_udp_send(server, &packet, 1), ==, 1);
    g_assert_cmpint(receive(user, &packet, 1), ==, 1);
    assert_text(&packet, "too");
}

static void
test_mark(void)
{
    const AditUdpConfig config = { .family = AF_INET6, .mark = 0x3f000000 };
    g_autoptr(AditUdp) udp = open_in(client_ns, &config);
    guint32 mark = 0;
    socklen_t len = sizeof(mark);

    g_assert_cmpint(getsockopt(adit_udp_get_fd(udp), SOL_SOCKET, SO_MARK, &mark, &len), ==, 0);
    g_assert_cmphex(mark, ==, 0x3f000000);
}

static void
test_share(void)
{
    const AditUdpConfig first = { .family = AF_INET, .share = TRUE };
    g_autoptr(AditUdp) one = open_in(client_ns, &first);
    const AditUdpConfig second = { .family = AF_INET,
                                   .share = TRUE,
                                   .port = adit_udp_get_port(one) };
    g_autoptr(AditUdp) two = open_in(client_ns, &second);

    g_assert_cmpuint(adit_udp_get_port(two), ==, adit_udp_get_port(one));
}

/* One port, both families, two sockets: the v6 one keeps to itself. */
static void
test_v6_only(void)
{
    const AditUdpConfig v6 = { .family = AF_INET6 };
    g_autoptr(AditUdp) one = open_in(client_ns, &v6);
    const AditUdpConfig v4 = { .family = AF_INET, .port = adit_udp_get_port(one) };
    g_autoptr(AditUdp) two = open_in(client_ns, &v4);

    g_assert_nonnull(two);
}

static void
assert_fails(const AditUdpConfig *config, AditError code, const char *why)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(adit_udp_open(config, &error));
    g_assert_error(error, ADIT_ERROR, (gint)code);
    g_assert_cmpstr(error->message, ==, why);
}

static void
test_errors(void)
{
    const AditUdpConfig taken = { .family = AF_INET, .port = 5351 };
    const AditUdpConfig family = { .family = AF_UNSPEC };
    const AditUdpConfig device = { .family = AF_INET, .device = "nosuch" };
    const AditUdpConfig foreign = { .family = AF_INET, .local = addr("192.0.2.1") };
    const AditUdpConfig nowhere = { .family = AF_INET, .peer = { addr("192.0.2.1"), 5351 } };
    g_autoptr(AditUdp) holder = open_in(client_ns, &taken);

    g_assert_nonnull(holder);
    assert_fails(&taken, ADIT_ERROR_BUSY, "udp: bind to port 5351: Address already in use");
    assert_fails(&device, ADIT_ERROR_NOT_FOUND, "udp: device nosuch: No such device");
    assert_fails(&foreign, ADIT_ERROR_KERNEL,
                 "udp: bind to port 0: Cannot assign requested address");
    assert_fails(&nowhere, ADIT_ERROR_TIMEOUT, "udp: 192.0.2.1:5351: Network is unreachable");
    assert_fails(&family, ADIT_ERROR_KERNEL,
                 "udp: socket: Address family not supported by protocol");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(void);
    } tests[] = {
        { "/udp/nothing-waits", test_nothing_waits },
        { "/udp/answers-from-asked", test_answers_from_asked },
        { "/udp/other-device", test_other_device },
        { "/udp/batches", test_batches },
        { "/udp/one-fails", test_one_fails },
        { "/udp/no-room", test_no_room },
        { "/udp/peer", test_peer },
        { "/udp/peer-refuses", test_peer_refuses },
        { "/udp/cut", test_cut },
        { "/udp/group", test_group },
        { "/udp/link-local", test_link_local },
        { "/udp/mark", test_mark },
        { "/udp/share", test_share },
        { "/udp/v6-only", test_v6_only },
        { "/udp/errors", test_errors },
    };

    g_test_init(&argc, &argv, NULL);
    if (unshare(CLONE_NEWNET) != 0)
        return test_netns_skip("network namespace: not to be had");
    build();
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].path, tests[i].func);
    return g_test_run();
}
