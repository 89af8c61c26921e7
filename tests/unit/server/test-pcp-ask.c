/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/pcp-fixture.h"
#include "tunnel-server/pcp-ask.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* What a device hears of a port of its own, asked from its address in either family. */

static AditAskPort
ask(PcpFixture *f, const char *device, guint16 port)
{
    const AditAsk ask = {
        .kind = ADIT_ASK_PORT, .proto = IPPROTO_TCP, .family = f->family, .port = port
    };
    const guint8 family = f->family;
    AditAskReply reply, other;

    g_assert_true(adit_pcp_ask_answer(&f->desk, pcp_host(f, device), &ask, &reply));
    f->family = family == AF_INET ? AF_INET6 : AF_INET; /* asked by the other one */
    g_assert_true(adit_pcp_ask_answer(&f->desk, pcp_host(f, device), &ask, &other));
    f->family = family;
    g_assert_cmpint(reply.port.state, ==, other.port.state);
    g_assert_cmpint(adit_sockaddr_cmp(&reply.port.external, &other.port.external), ==, 0);
    g_assert_cmpint(reply.result, ==, ADIT_PCP_SUCCESS);
    return reply.port;
}

static void
test_lease(PcpFixture *f, gconstpointer data)
{
    AditAskPort port;

    g_assert_cmpint(ask(f, "nas", 443).state, ==, ADIT_ASK_PORT_NONE);
    pcp_ask_for(f, 443);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    port = ask(f, "nas", 443);
    g_assert_cmpint(port.state, ==, ADIT_ASK_PORT_OPEN);
    g_assert_cmpuint(port.external.port, ==, 443);
    g_assert_cmpint(port.external.addr.family, ==, f->family);
    g_assert_cmpint(port.proto, ==, IPPROTO_TCP);
    g_assert_cmpint(ask(f, "nas", 444).state, ==, ADIT_ASK_PORT_NONE);
    g_assert_cmpint(ask(f, "disk", 443).state, ==, ADIT_ASK_PORT_NONE); /* another's */
}

static void
test_by_hand(PcpFixture *f, gconstpointer data)
{
    AditAskPort port;

    pcp_publish(f, "8000-8010", "nas");
    port = ask(f, "nas", 8003);
    g_assert_cmpint(port.state, ==, ADIT_ASK_PORT_OPEN);
    g_assert_cmpuint(port.external.port, ==, 8003);
    for (guint i = 0; i < f->model->publishes->len; i++)
        ((AditPublish *)g_ptr_array_index(f->model->publishes, i))->enabled = FALSE;
    pcp_make_site(f);
    g_assert_cmpint(ask(f, "nas", 8003).state, ==, ADIT_ASK_PORT_OFF);
    g_assert_cmpint(ask(f, "nas", 8011).state, ==, ADIT_ASK_PORT_NONE);
}

static void
test_denied(PcpFixture *f, gconstpointer data)
{
    for (guint i = 0; i < f->model->devices->len; i++)
        ((AditDeviceEntry *)g_ptr_array_index(f->model->devices, i))->may_publish = FALSE;
    pcp_make_site(f);
    g_assert_cmpint(ask(f, "nas", 443).state, ==, ADIT_ASK_PORT_DENIED);
}

static const PcpCase cases[] = {
    { "lease", test_lease },
    { "by-hand", test_by_hand },
    { "denied", test_denied },
};

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    pcp_add_cases("/server/pcp-ask", cases, G_N_ELEMENTS(cases));
    return g_test_run();
}
