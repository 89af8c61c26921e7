/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/listening.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/netns.h"

typedef struct {
    const char *addr;
    int type;
    gboolean v6only, bound_to_lo, connected;
    gint8 want; /* v6only as reported; -2: not listed */
} Row;

static const Row rows[] = {
    { "127.0.0.1", SOCK_STREAM, .want = -1 },
    { "0.0.0.0", SOCK_STREAM, .want = -1 },
    { "::", SOCK_STREAM, .want = 0 },
    { "::", SOCK_STREAM, .v6only = TRUE, .want = 1 },
    { "::1", SOCK_STREAM, .want = 1 }, /* an address of its own takes no IPv4 */
    { "0.0.0.0", SOCK_DGRAM, .want = -1 },
    { "::", SOCK_DGRAM, .v6only = TRUE, .want = 1 },
    { "127.0.0.1", SOCK_DGRAM, .bound_to_lo = TRUE, .want = -1 },
    { "127.0.0.1", SOCK_DGRAM, .connected = TRUE, .want = -2 },
};

static socklen_t
fill(const AditAddr *addr, struct sockaddr_storage *ret)
{
    struct sockaddr_in *sin = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;

    memset(ret, 0, sizeof(*ret));
    ret->ss_family = addr->family;
    if (addr->family == AF_INET)
        memcpy(&sin->sin_addr, addr->bytes, 4);
    else
        memcpy(&sin6->sin6_addr, addr->bytes, 16);
    return addr->family == AF_INET ? sizeof(*sin) : sizeof(*sin6);
}

/* Opens what @row says; what it should look like is @ret. */
static int
open_socket(const Row *row, AditListening *ret)
{
    struct sockaddr_storage sa;
    socklen_t len;
    const int v6only = row->v6only;
    int fd;

    g_assert_true(adit_addr_parse(row->addr, &ret->addr, NULL));
    len = fill(&ret->addr, &sa);
    fd = socket(sa.ss_family, row->type | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    if (sa.ss_family == AF_INET6)
        g_assert_cmpint(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)), ==,
                        0);
    if (row->bound_to_lo)
        g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), ==, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, len), ==, 0);
    if (row->type == SOCK_STREAM)
        g_assert_cmpint(listen(fd, 1), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&sa, &len), ==, 0);
    if (row->connected)
        g_assert_cmpint(connect(fd, (struct sockaddr *)&sa, len), ==, 0);

    ret->port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
                                              : ((struct sockaddr_in6 *)&sa)->sin6_port);
    ret->protocol = row->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    ret->ifindex = row->bound_to_lo ? if_nametoindex("lo") : 0;
    ret->v6only = row->want;
    return fd;
}

static const AditListening *
find(GArray *all, const AditListening *wanted)
{
    for (guint i = 0; i < all->len; i++)
        if (adit_listening_cmp(&g_array_index(all, AditListening, i), wanted) == 0)
            return &g_array_index(all, AditListening, i);
    return NULL;
}

static void
test_sockets(void)
{
    AditListening wanted[G_N_ELEMENTS(rows)] = { 0 };
    int fds[G_N_ELEMENTS(rows)];
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) all = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        fds[i] = open_socket(&rows[i], &wanted[i]);
    all = adit_listening_dump(&error);
    g_assert_no_error(error);
    g_assert_cmpuint(all->len, ==, G_N_ELEMENTS(rows) - 1); /* the connected one is not */
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const AditListening *found = find(all, &wanted[i]);

        g_assert_cmpint(found != NULL, ==, rows[i].want != -2);
        if (found != NULL) {
            g_assert_cmpint(found->v6only, ==, rows[i].want);
            g_assert_cmpuint(found->inode, !=, 0);
        }
        close(fds[i]);
    }
    for (guint i = 1; i < all->len; i++)
        g_assert_cmpint(adit_listening_cmp(&g_array_index(all, AditListening, i - 1),
                                           &g_array_index(all, AditListening, i)),
                        <, 0);
}

static void
test_none(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) all = adit_listening_dump(&error);

    g_assert_no_error(error);
    g_assert_cmpuint(all->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_func("/listening/none", test_none);
    g_test_add_func("/listening/sockets", test_sockets);
    return g_test_run();
}
