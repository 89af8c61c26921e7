/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libadit/sys/reconcile.h"
#include "libadit/sys/wgdev-front.h"
#include "tests/contract/netns.h"
#include "tests/contract/wgdev-fixture.h"

/* Two machines with a wire between them, each made by adit_reconcile(): does it carry packets,
 * and only with the right keys? */

#define DEADLINE_MS 30000 /* WireGuard tries a handshake again after 5 s */
#define LOOK_MS 50        /* between two looks at a counter, which no event announces */

typedef struct {
    int netns; /* -1: home */
    const char *link;
    AditWgdev *wg;
    AditKernel *kernel;
    AditKey private_key, public_key;
    AditSockAddr outer;
    AditAddr inner4, inner6;
} Machine;

static AditAddr
addr_of(const char *text)
{
    AditAddr addr;

    g_assert_true(adit_addr_parse(text, &addr, NULL));
    return addr;
}

static void
machine_init(Machine *m, const WgdevKind *kind, int netns, guint number)
{
    g_autofree char *outer = g_strdup_printf("192.0.2.%u", number);
    g_autofree char *inner4 = g_strdup_printf("10.98.0.%u", number);
    g_autofree char *inner6 = g_strdup_printf("fd98::%u", number);
    g_autofree char *address = g_strdup_printf("addr add %s/24 dev w%u", outer, number);
    g_autofree char *up = g_strdup_printf("link set w%u up", number);
    g_autoptr(GError) error = NULL;

    *m = (Machine){ .netns = netns, .link = number == 1 ? "adit1" : "adit2" };
    wgdev_netns_switch(netns);
    m->wg = wgdev_open(kind);
    m->kernel = adit_kernel_open(&error);
    g_assert_no_error(error);
    adit_wgdev_join(m->wg, m->kernel);
    memset(m->private_key.bytes, 0x40 + number, ADIT_KEY_LEN);
    adit_key_clamp(&m->private_key);
    adit_key_public(&m->private_key, &m->public_key);
    m->outer.addr = addr_of(outer);
    m->outer.port = 51820;
    m->inner4 = addr_of(inner4);
    m->inner6 = addr_of(inner6);
    g_free(test_netns_ip(address));
    g_free(test_netns_ip(up));
    wgdev_netns_switch(-1);
}

static void
machine_clear(Machine *m)
{
    wgdev_netns_switch(m->netns);
    wgdev_destroy(m->wg, m->link);
    g_assert_cmpuint(if_nametoindex(m->link), ==, 0);
    adit_kernel_free(m->kernel);
    adit_wgdev_free(m->wg);
    wgdev_netns_switch(-1);
}

static int
wire_up(Machine *a, Machine *b, const WgdevKind *kind)
{
    const int other = wgdev_netns_new();
    g_autofree char *move =
        g_strdup_printf("link set w2 netns /proc/%d/fd/%d", getpid(), other);

    g_free(test_netns_ip("link add w1 type veth peer name w2"));
    g_free(test_netns_ip(move));
    machine_init(a, kind, -1, 1);
    machine_init(b, kind, other, 2);
    return other;
}

static void
wire_down(Machine *a, Machine *b, int other)
{
    machine_clear(a);
    machine_clear(b);
    g_free(test_netns_ip("link del w1"));
    close(other);
}

/* What @m shall be, with @other as its peer. */
static AditState *
want_of(const Machine *m, const Machine *other, const AditKey *psk)
{
    AditState *want = adit_state_new();
    AditLink link = { .mtu = 1380, .up = TRUE };
    AditDevice device = { .private_key = m->private_key, .listen_port = m->outer.port };
    AditPrefix allowed[] = { adit_prefix_host(&other->inner4),
                             adit_prefix_host(&other->inner6) };
    AditPeer peer = { .public_key = other->public_key,
                      .endpoint = other->outer,
                      .allowed = allowed,
                      .n_allowed = 2 };
    AditAddress address4 = { .prefix = adit_prefix_make(&m->inner4, 24) };
    AditAddress address6 = { .prefix = adit_prefix_make(&m->inner6, 64) };

    if (psk != NULL)
        peer.preshared_key = *psk;
    g_strlcpy(link.name, m->link, sizeof(link.name));
    g_strlcpy(device.link, m->link, sizeof(device.link));
    g_strlcpy(peer.link, m->link, sizeof(peer.link));
    g_strlcpy(address4.link, m->link, sizeof(address4.link));
    g_strlcpy(address6.link, m->link, sizeof(address6.link));
    adit_state_add_link(want, &link);
    adit_state_add_device(want, &device);
    adit_state_add_peer(want, &peer);
    adit_state_add_address(want, &address4);
    adit_state_add_address(want, &address6);
    return adit_state_seal(want);
}

static AditReconcileResult
reconcile(Machine *m, const AditState *want)
{
    const char *links[] = { m->link, NULL };
    const AditScope scope = {
        ADIT_KIND_BIT(ADIT_KIND_LINK) | ADIT_KIND_BIT(ADIT_KIND_DEVICE) |
            ADIT_KIND_BIT(ADIT_KIND_PEER) | ADIT_KIND_BIT(ADIT_KIND_ADDRESS),
        links,
    };
    AditReconcileResult result = { 0 };
    g_autoptr(GError) error = NULL;

    wgdev_netns_switch(m->netns);
    adit_reconcile(m->kernel, want, &scope, &result, &error);
    wgdev_netns_switch(-1);
    g_assert_no_error(error);
    return result;
}

static AditReconcileResult
make(Machine *m, const Machine *other, const AditKey *psk)
{
    g_autoptr(AditState) want = want_of(m, other, psk);

    return reconcile(m, want);
}

static AditPeerStatus
status_of(Machine *m, const Machine *other)
{
    g_autoptr(AditWgDump) dump = NULL;
    const AditWgPeer *peer;

    wgdev_netns_switch(m->netns);
    dump = wgdev_get(m->wg, m->link);
    wgdev_netns_switch(-1);
    peer = adit_wg_dump_find(dump, &other->public_key);
    g_assert_nonnull(peer);
    return peer->status;
}

typedef struct {
    struct sockaddr_storage sa;
    socklen_t len;
} Place;

static Place
place_of(const AditAddr *addr, guint16 port)
{
    const struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
    const struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    Place place = { 0 };

    if (addr->family == AF_INET) {
        place.len = sizeof(sin);
        memcpy(&place.sa, &sin, sizeof(sin));
        memcpy(&((struct sockaddr_in *)&place.sa)->sin_addr, addr->bytes, 4);
    } else {
        place.len = sizeof(sin6);
        memcpy(&place.sa, &sin6, sizeof(sin6));
        memcpy(&((struct sockaddr_in6 *)&place.sa)->sin6_addr, addr->bytes, 16);
    }
    return place;
}

/* A UDP socket of @m, bound to @addr and a port of the kernel's choice: @ret. */
static int
udp_socket(const Machine *m, const AditAddr *addr, Place *ret)
{
    int fd;

    wgdev_netns_switch(m->netns);
    fd = socket(addr->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    wgdev_netns_switch(-1);
    g_assert_cmpint(fd, >=, 0);
    *ret = place_of(addr, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&ret->sa, ret->len), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&ret->sa, &ret->len), ==, 0);
    return fd;
}

typedef gboolean (*DoneFunc)(Machine *from, Machine *to);

/* Sends through the tunnel until a datagram arrives (TRUE), or @done says so (FALSE). */
static gboolean
exchange(Machine *from, Machine *to, gboolean v6, DoneFunc done)
{
    const gint64 deadline = g_get_monotonic_time() + (gint64)DEADLINE_MS * 1000;
    Place source, target;
    const int out = udp_socket(from, v6 ? &from->inner6 : &from->inner4, &source);
    const int in = udp_socket(to, v6 ? &to->inner6 : &to->inner4, &target);
    struct pollfd pfd = { .fd = in, .events = POLLIN };
    gboolean finished = FALSE;
    int arrived = 0;

    while (!finished && arrived == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_assert_cmpint(sendto(out, "adit", 4, 0, (struct sockaddr *)&target.sa, target.len),
                        ==, 4);
        arrived = poll(&pfd, 1, LOOK_MS);
        finished = done != NULL && done(from, to);
    }
    close(in);
    close(out);
    return arrived > 0;
}

static void
test_handshake(const WgdevKind *kind)
{
    const AditKey psk = { { 1, 2, 3 } };
    Machine a, b;
    const int other = wire_up(&a, &b, kind);
    AditPeerStatus status;

    make(&a, &b, &psk);
    make(&b, &a, &psk);
    g_assert_true(exchange(&a, &b, FALSE, NULL));
    g_assert_true(exchange(&b, &a, TRUE, NULL));
    status = status_of(&b, &a);
    g_assert_cmpint(status.handshake_sec, >, 1700000000);
    g_assert_cmpuint(status.rx_bytes, >, 0);
    g_assert_cmpuint(status.tx_bytes, >, 0);
    g_assert_cmpint(adit_sockaddr_cmp(&status.endpoint, &a.outer), ==, 0);
    g_assert_cmpint(status_of(&a, &b).handshake_sec, >, 1700000000);
    wire_down(&a, &b, other);
}

/* The initiation is answered all the same: the secret takes part in the answer only. */
static gboolean
was_answered(Machine *from, Machine *to)
{
    return status_of(to, from).tx_bytes > 0;
}

static void
test_psk_mismatch(const WgdevKind *kind)
{
    const AditKey right = { { 1, 2, 3 } }, wrong = { { 1, 2, 4 } };
    Machine a, b;
    const int other = wire_up(&a, &b, kind);

    make(&a, &b, &right);
    make(&b, &a, &wrong);
    g_assert_false(exchange(&a, &b, FALSE, was_answered));
    g_assert_cmpint(status_of(&a, &b).handshake_sec, ==, 0);
    g_assert_cmpint(status_of(&b, &a).handshake_sec, ==, 0);

    g_assert_cmpuint(make(&b, &a, &right).changed, ==, 1); /* and now it is the same */
    g_assert_true(exchange(&a, &b, FALSE, NULL));
    wire_down(&a, &b, other);
}

/* From nothing, again, changed, and back to nothing. */
static void
test_reconcile(const WgdevKind *kind)
{
    const AditKey psk = { { 9 } };
    Machine a, b;
    const int other = wire_up(&a, &b, kind);
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autofree char *words = NULL;
    g_autofree char *link_local = NULL;
    AditReconcileResult result = make(&a, &b, NULL);

    g_assert_cmpuint(result.added, ==, 5);
    words = test_netns_ip("-o link show adit1");
    g_assert_nonnull(strstr(words, "mtu 1380"));
    g_assert_nonnull(strstr(words, ",UP,"));
    link_local = test_netns_ip("-6 addr show dev adit1 scope link");
    g_assert_cmpstr(link_local, ==, "");

    result = make(&a, &b, NULL);
    g_assert_cmpuint(result.rounds, ==, 0);
    result = make(&a, &b, &psk);
    g_assert_cmpuint(result.changed, ==, 1);
    g_assert_cmpuint(result.added + result.deleted, ==, 0);

    reconcile(&a, nothing);
    g_assert_cmpuint(if_nametoindex("adit1"), ==, 0);
    g_assert_cmpuint(reconcile(&a, nothing).rounds, ==, 0);
    wire_down(&a, &b, other);
}

/* The process dies and its link with it; the next look puts all of it back. */
static void
test_died(const WgdevKind *kind)
{
    Machine a, b;
    const int other = wire_up(&a, &b, kind);
    GPid pid;
    int status;

    make(&a, &b, NULL);
    make(&b, &a, NULL);
    g_assert_true(exchange(&a, &b, FALSE, NULL));
    pid = wgdev_pid("adit1");
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpuint(if_nametoindex("adit1"), ==, 0);
    g_assert_cmpuint(make(&a, &b, NULL).added, ==, 5);
    g_assert_true(exchange(&a, &b, TRUE, NULL));
    wire_down(&a, &b, other);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!wgdev_enter(&why))
        return test_netns_skip(why);
    wgdev_add_test("handshake", test_handshake);
    wgdev_add_test("psk-mismatch", test_psk_mismatch);
    wgdev_add_test("reconcile", test_reconcile);
    wgdev_add_user_test("died", test_died);
    return g_test_run();
}
