/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/pcp-ask.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static AditAddr
addr(const char *text)
{
    AditAddr ret;

    g_assert_true(adit_addr_parse(text, &ret, NULL));
    return ret;
}

static AditPrefix
prefix(const char *text)
{
    AditPrefix ret;

    g_assert_true(adit_prefix_parse(text, &ret, NULL));
    return ret;
}

static AditAsk
make_ask(AditAskKind kind)
{
    AditAsk ask = { .kind = kind, .client = addr("10.59.0.2") };

    memset(ask.nonce, 7, sizeof(ask.nonce));
    if (kind == ADIT_ASK_ROTATE)
        memset(ask.key.bytes, 9, ADIT_KEY_LEN);
    if (kind == ADIT_ASK_PORT) {
        ask.proto = IPPROTO_UDP;
        ask.family = AF_INET6;
        ask.port = 443;
    }
    return ask;
}

static AditAskReply
make_reply(const AditAsk *ask)
{
    AditAskReply reply = { .kind = ask->kind, .lifetime = 900, .epoch = 77 };

    memcpy(reply.nonce, ask->nonce, sizeof(reply.nonce));
    reply.key = ask->key;
    if (ask->kind == ADIT_ASK_PORT)
        reply.port = (AditAskPort){ .state = ADIT_ASK_PORT_OPEN,
                                    .external = { { 0 }, 8443 },
                                    .packets_in = G_GUINT64_CONSTANT(0x123456789abcdef0),
                                    .packets_out = 7,
                                    .drop = "table inet filter, chain forward" };
    if (ask->kind == ADIT_ASK_ADDRESS) {
        reply.site = (AditAskSite){ .addr4 = addr("10.59.0.2"),
                                    .addr6 = addr("2001:db8:2::a3b:2"),
                                    .server4 = addr("10.59.0.1"),
                                    .server6 = addr("2001:db8:2::a3b:1"),
                                    .net6 = prefix("2001:db8:2::/64"),
                                    .old6 = prefix("2001:db8:1::/64"),
                                    .old_left = 3600,
                                    .rotate = TRUE };
        memset(reply.site.key.bytes, 3, ADIT_KEY_LEN);
    }
    return reply;
}

static void
test_request(void)
{
    for (AditAskKind kind = ADIT_ASK_ADDRESS; kind <= ADIT_ASK_LAST; kind++) {
        const AditAsk ask = make_ask(kind);
        guint8 bytes[ADIT_PCP_MAX];
        AditAsk got;

        g_assert_cmpuint(adit_ask_encode(&ask, bytes), ==, ADIT_PCP_ASK_LEN);
        g_assert_true(adit_ask_is_one(bytes, ADIT_PCP_ASK_LEN));
        g_assert_cmpint(adit_ask_decode(bytes, ADIT_PCP_ASK_LEN, &ask.client, &got), ==,
                        ADIT_PCP_SUCCESS);
        g_assert_cmpint(got.kind, ==, kind);
        g_assert_cmpmem(got.nonce, sizeof(got.nonce), ask.nonce, sizeof(ask.nonce));
        g_assert_true(adit_key_equal(&got.key, &ask.key));
        g_assert_cmpint(got.proto, ==, ask.proto);
        g_assert_cmpint(got.family, ==, ask.family);
        g_assert_cmpuint(got.port, ==, ask.port);
    }
}

/* What is wrong, and what a server says to it. */
static void
test_bad_requests(void)
{
    static const struct {
        gsize at, len;
        guint8 octet;
        AditPcpResult result;
    } rows[] = {
        { 1, 160, 0x80 | ADIT_PCP_ASK, ADIT_PCP_SILENCE }, /* a reply */
        { 36, 160, 'B', ADIT_PCP_MALFORMED_REQUEST },      /* not ours */
        { 41, 160, 2, ADIT_PCP_MALFORMED_REQUEST },        /* of another form */
        { 2, 159, 0, ADIT_PCP_MALFORMED_REQUEST },
        { 2, 164, 0, ADIT_PCP_MALFORMED_REQUEST },
        { 2, 24, 0, ADIT_PCP_MALFORMED_REQUEST },
        { 40, 160, 0, ADIT_PCP_UNSUPP_OPCODE }, /* a notice is nobody's to ask */
        { 40, 160, 99, ADIT_PCP_UNSUPP_OPCODE },
        { 23, 160, 3, ADIT_PCP_ADDRESS_MISMATCH }, /* in the name of 10.59.0.3 */
    };
    const AditAsk ask = make_ask(ADIT_ASK_ROTATE);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint8 bytes[ADIT_PCP_MAX] = { 0 };
        AditAsk got = { .kind = 55 };

        adit_ask_encode(&ask, bytes);
        bytes[rows[i].at] = rows[i].octet;
        g_assert_cmpint(adit_ask_decode(bytes, rows[i].len, &ask.client, &got), ==,
                        rows[i].result);
        g_assert_cmpint(got.kind, ==, 55); /* untouched */
    }
}

static void
test_no_port(void)
{
    static const struct {
        guint8 proto;
        guint16 port;
    } rows[] = { { IPPROTO_TCP, 0 }, { IPPROTO_ICMP, 443 }, { 0, 443 } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditAsk ask = make_ask(ADIT_ASK_PORT);
        guint8 bytes[ADIT_PCP_MAX];

        ask.proto = rows[i].proto;
        ask.port = rows[i].port;
        adit_ask_encode(&ask, bytes);
        g_assert_cmpint(adit_ask_decode(bytes, ADIT_PCP_ASK_LEN, &ask.client, &ask), ==,
                        ADIT_PCP_MALFORMED_REQUEST);
        ask = make_ask(ADIT_ASK_PORT);
        adit_ask_encode(&ask, bytes);
        bytes[45] = 5; /* no family */
        g_assert_cmpint(adit_ask_decode(bytes, ADIT_PCP_ASK_LEN, &ask.client, &ask), ==,
                        ADIT_PCP_MALFORMED_REQUEST);
    }
}

/* A state that there is not, words without an end, words that move a cursor. */
static void
test_bad_ports(void)
{
    static const struct {
        gsize at, n;
        guint8 octet;
    } rows[] = { { 44, 1, 4 }, { 64, 64, 'x' }, { 64, 1, 27 } };
    const AditAsk ask = make_ask(ADIT_ASK_PORT);
    const AditAskReply reply = make_reply(&ask);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        guint8 bytes[ADIT_PCP_MAX];
        AditAskReply got = { .epoch = 5 };

        adit_ask_reply_encode(&reply, bytes);
        memset(bytes + rows[i].at, rows[i].octet, rows[i].n);
        g_assert_false(adit_ask_reply_decode(bytes, ADIT_PCP_ASK_LEN, &got, &error));
        g_assert_cmpstr(error->message, ==, "in-band reply: a port in no state that there is");
        g_assert_cmpuint(got.epoch, ==, 5);
    }
}

static void
test_no_key(void)
{
    AditAsk ask = make_ask(ADIT_ASK_ROTATE);
    guint8 bytes[ADIT_PCP_MAX];

    memset(&ask.key, 0, sizeof(ask.key));
    adit_ask_encode(&ask, bytes);
    g_assert_cmpint(adit_ask_decode(bytes, ADIT_PCP_ASK_LEN, &ask.client, &ask), ==,
                    ADIT_PCP_MALFORMED_REQUEST);
}

static void
test_reply(void)
{
    for (AditAskKind kind = ADIT_ASK_ADDRESS; kind <= ADIT_ASK_LAST; kind++) {
        const AditAsk ask = make_ask(kind);
        const AditAskReply reply = make_reply(&ask);
        g_autoptr(GError) error = NULL;
        guint8 bytes[ADIT_PCP_MAX];
        AditAskReply got;

        g_assert_cmpuint(adit_ask_reply_encode(&reply, bytes), ==, ADIT_PCP_ASK_LEN);
        g_assert_true(adit_ask_reply_decode(bytes, ADIT_PCP_ASK_LEN, &got, &error));
        g_assert_no_error(error);
        g_assert_true(adit_ask_reply_answers(&got, &ask));
        g_assert_cmpuint(got.lifetime, ==, 900);
        g_assert_cmpuint(got.epoch, ==, 77);
        g_assert_true(adit_ask_site_equal(&got.site, &reply.site));
        g_assert_cmpuint(got.site.old_left, ==, reply.site.old_left);
        g_assert_cmpint(got.port.state, ==, reply.port.state);
        g_assert_cmpuint(got.port.external.port, ==, reply.port.external.port);
        g_assert_cmpuint(got.port.packets_in, ==, reply.port.packets_in);
        g_assert_cmpuint(got.port.packets_out, ==, reply.port.packets_out);
        g_assert_cmpstr(got.port.drop, ==, reply.port.drop);
    }
}

/* An IPv4-only server says nothing of IPv6. */
static void
test_ipv4_only(void)
{
    const AditAsk ask = make_ask(ADIT_ASK_ADDRESS);
    AditAskReply reply = make_reply(&ask), got;
    guint8 bytes[ADIT_PCP_MAX];

    memset(&reply.site.net6, 0, sizeof(AditPrefix));
    memset(&reply.site.old6, 0, sizeof(AditPrefix));
    adit_ask_reply_encode(&reply, bytes);
    g_assert_true(adit_ask_reply_decode(bytes, ADIT_PCP_ASK_LEN, &got, NULL));
    g_assert_false(adit_addr_is_set(&got.site.addr6));
    g_assert_false(adit_addr_is_set(&got.site.server6));
    g_assert_cmpuint(got.site.old_left, ==, 0);
}

static void
test_bad_replies(void)
{
    static const struct {
        gsize at, len;
        guint8 octet;
        const char *why;
    } rows[] = {
        { 1, 160, ADIT_PCP_ASK, "in-band reply: not one" },
        { 1, 160, 0x81, "in-band reply: not one" },
        { 0, 160, 0, "in-band reply: not one" },
        { 2, 20, 0, "in-band reply: not one" },
        { 2, 156, 0, "in-band reply: of another length or form" },
        { 38, 160, 'X', "in-band reply: of another length or form" },
        { 40, 160, 4, "in-band reply: of a kind that was never asked for" },
        { 45, 160, 129, "in-band reply: a prefix longer than an address" },
        { 46, 160, 129, "in-band reply: a prefix longer than an address" },
    };
    const AditAsk ask = make_ask(ADIT_ASK_ADDRESS);
    const AditAskReply reply = make_reply(&ask);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        guint8 bytes[ADIT_PCP_MAX];
        AditAskReply got = { .epoch = 5 };

        adit_ask_reply_encode(&reply, bytes);
        bytes[rows[i].at] = rows[i].octet;
        g_assert_false(adit_ask_reply_decode(bytes, rows[i].len, &got, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, rows[i].why);
        g_assert_cmpuint(got.epoch, ==, 5);
    }
}

/* Another nonce, another kind, a granted key that was not the one that was offered. */
static void
test_answers(void)
{
    const AditAsk ask = make_ask(ADIT_ASK_ROTATE);
    AditAskReply reply = make_reply(&ask);

    g_assert_true(adit_ask_reply_answers(&reply, &ask));
    reply.nonce[11] ^= 1;
    g_assert_false(adit_ask_reply_answers(&reply, &ask));
    reply = make_reply(&ask);
    reply.kind = ADIT_ASK_ADDRESS;
    g_assert_false(adit_ask_reply_answers(&reply, &ask));
    reply = make_reply(&ask);
    reply.key.bytes[0] ^= 1;
    g_assert_false(adit_ask_reply_answers(&reply, &ask));
    reply.result = ADIT_PCP_NOT_AUTHORIZED; /* errors carry none */
    g_assert_true(adit_ask_reply_answers(&reply, &ask));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-ask/request", test_request);
    g_test_add_func("/pcp-ask/bad-requests", test_bad_requests);
    g_test_add_func("/pcp-ask/no-key", test_no_key);
    g_test_add_func("/pcp-ask/no-port", test_no_port);
    g_test_add_func("/pcp-ask/bad-ports", test_bad_ports);
    g_test_add_func("/pcp-ask/reply", test_reply);
    g_test_add_func("/pcp-ask/ipv4-only", test_ipv4_only);
    g_test_add_func("/pcp-ask/bad-replies", test_bad_replies);
    g_test_add_func("/pcp-ask/answers", test_answers);
    return g_test_run();
}
