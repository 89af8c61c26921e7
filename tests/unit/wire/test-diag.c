/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/diag.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

static AditMsg *
answer(guint8 family, guint8 state, guint16 port)
{
    AditMsg *m = adit_msg_new();
    struct inet_diag_msg diag = { .idiag_family = family, .idiag_state = state };

    diag.id.idiag_sport = htons(port);
    diag.id.idiag_src[0] = family == AF_INET ? htonl(0xcb007107) : htonl(0x20010db8);
    diag.id.idiag_src[3] = family == AF_INET ? 0x55555555 : htonl(1); /* not of an IPv4 */
    diag.id.idiag_if = 4;
    diag.idiag_inode = 77;
    adit_msg_begin(m, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &diag, sizeof(diag));
    return m;
}

static const struct nlmsghdr *
bytes_of(AditMsg *m)
{
    gsize len;

    return (gconstpointer)adit_msg_data(m, &len);
}

static void
test_request_bytes(void)
{
    guint8 want[72] = { 72, 0, 0, 0, 20, 0, 1, 3, [16] = 10, 6, 0, 0, 0, 4 };
    g_autoptr(AditMsg) tcp6 = adit_msg_new();
    g_autoptr(AditMsg) udp4 = adit_msg_new();

    adit_listening_get_put(tcp6, AF_INET6, IPPROTO_TCP);
    g_assert_cmpmem(bytes_of(tcp6), 72, want, sizeof(want));

    want[16] = 2; /* AF_INET */
    want[17] = 17;
    want[20] = 0x80; /* 1 << TCP_CLOSE */
    want[21] = 0;
    adit_listening_get_put(udp4, AF_INET, IPPROTO_UDP);
    g_assert_cmpmem(bytes_of(udp4), 72, want, sizeof(want));
}

static void
test_answer(void)
{
    static const struct {
        guint8 family, protocol, state;
        guint16 port;
        const char *addr; /* NULL: refused */
    } rows[] = {
        { AF_INET, IPPROTO_TCP, TCP_LISTEN, 443, "203.0.113.7" },
        { AF_INET6, IPPROTO_TCP, TCP_LISTEN, 443, "2001:db8::1" },
        { AF_INET6, IPPROTO_UDP, TCP_CLOSE, 53, "2001:db8::1" },
        { AF_INET, IPPROTO_TCP, TCP_ESTABLISHED, 443, NULL },
        { AF_INET, IPPROTO_UDP, TCP_ESTABLISHED, 443, NULL },
        { AF_INET, IPPROTO_UDP, TCP_CLOSE, 0, NULL }, /* made, and not yet bound */
        { AF_UNIX, IPPROTO_TCP, TCP_LISTEN, 443, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = answer(rows[i].family, rows[i].state, rows[i].port);
        AditListening got = { .port = 9 };
        g_autofree char *addr = NULL;

        g_assert_cmpint(adit_listening_get(bytes_of(m), rows[i].protocol, &got), ==,
                        rows[i].addr != NULL);
        if (rows[i].addr == NULL) {
            g_assert_cmpuint(got.port, ==, 9);
            continue;
        }
        addr = adit_addr_to_string(&got.addr);
        g_assert_cmpstr(addr, ==, rows[i].addr);
        g_assert_cmpuint(got.port, ==, rows[i].port);
        g_assert_cmpuint(got.protocol, ==, rows[i].protocol);
        g_assert_cmpuint(got.ifindex, ==, 4);
        g_assert_cmpuint(got.inode, ==, 77);
        g_assert_cmpint(got.v6only, ==, -1);
    }
}

static void
test_v6only(void)
{
    for (guint8 value = 0; value <= 1; value++) {
        g_autoptr(AditMsg) m = answer(AF_INET6, TCP_LISTEN, 80);
        AditListening got;

        adit_msg_u8(m, INET_DIAG_SKV6ONLY, value);
        g_assert_true(adit_listening_get(bytes_of(m), IPPROTO_TCP, &got));
        g_assert_cmpint(got.v6only, ==, value);
    }
}

static void
test_truncated(void)
{
    g_autoptr(AditMsg) m = answer(AF_INET6, TCP_LISTEN, 80);
    const gsize whole = NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    AditListening got;

    adit_msg_u8(m, INET_DIAG_SKV6ONLY, 1);
    for (gsize cut = NLMSG_HDRLEN; cut < whole + 5; cut++) {
        g_autofree struct nlmsghdr *copy = g_memdup2(bytes_of(m), cut);

        copy->nlmsg_len = cut;
        /* Cut before its attributes it is an older kernel's message. */
        g_assert_cmpint(adit_listening_get(copy, IPPROTO_TCP, &got), ==, cut == whole);
    }
}

static void
test_order(void)
{
    const AditListening a = { .protocol = IPPROTO_TCP, .port = 80 };
    AditListening b = a;

    g_assert_cmpint(adit_listening_cmp(&a, &b), ==, 0);
    b.ifindex = 2;
    g_assert_cmpint(adit_listening_cmp(&a, &b), <, 0);
    b.protocol = IPPROTO_UDP;
    b.ifindex = 0;
    g_assert_cmpint(adit_listening_cmp(&a, &b), <, 0);
    b.port = 79;
    g_assert_cmpint(adit_listening_cmp(&a, &b), >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/diag/request-bytes", test_request_bytes);
    g_test_add_func("/diag/answer", test_answer);
    g_test_add_func("/diag/v6only", test_v6only);
    g_test_add_func("/diag/truncated", test_truncated);
    g_test_add_func("/diag/order", test_order);
    return g_test_run();
}
