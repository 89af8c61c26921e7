/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp.h"

#include <netinet/in.h>
#include <string.h>

/* Random messages; the seed is printed by GLib and repeated with --seed. */
#define ROUNDS 300

static AditAddr
random_addr(guint8 family)
{
    guint8 bytes[16];

    for (guint i = 0; i < sizeof(bytes); i++)
        bytes[i] = g_test_rand_int();
    bytes[0] |= 0x20; /* never one that reads back as a mapped IPv4 address */
    return adit_addr_from_bytes(family, bytes);
}

static void
random_options(AditPcpOptions *options, guint8 opcode, guint8 family, gboolean reply)
{
    guint32 legal = ADIT_PCP_HAS_VALUES;

    if (opcode == ADIT_PCP_ANNOUNCE)
        legal = 0;
    if (opcode == ADIT_PCP_PEER)
        legal = ADIT_PCP_HAS_THIRD_PARTY | ADIT_PCP_HAS_DESCRIPTION;
    options->has = g_test_rand_int() & legal;

    if (options->has & ADIT_PCP_HAS_THIRD_PARTY)
        options->third_party = random_addr(family);
    if (options->has & ADIT_PCP_HAS_FILTER) {
        options->n_filters = g_test_rand_int_range(1, 8);
        for (guint i = 0; i < options->n_filters; i++) {
            AditAddr addr = random_addr(family);
            guint8 len = g_test_rand_int_range(1, adit_addr_size(&addr) * 8 + 1);

            if (g_test_rand_int_range(0, 4) == 0)
                continue; /* one that clears */
            options->filters[i].remote = adit_prefix_make(&addr, len);
            options->filters[i].port = g_test_rand_int();
        }
    }
    if (options->has & ADIT_PCP_HAS_DESCRIPTION)
        memset(options->description, 'd', g_test_rand_int_range(0, 600));
    options->port_set.size = g_test_rand_int_range(1, 65536);
    options->port_set.first_internal = g_test_rand_int();
    options->port_set.parity = g_test_rand_int() & 1;
    options->redirect.mode = g_test_rand_int();
    options->redirect.status = reply ? g_test_rand_int_range(0, 4) : 0;
    options->redirect.external_port = g_test_rand_int();
}

static void
random_body(AditPcpBody *body, guint8 opcode, guint8 family)
{
    if (opcode == ADIT_PCP_ANNOUNCE)
        return;
    for (guint i = 0; i < ADIT_PCP_NONCE; i++)
        body->nonce[i] = g_test_rand_int();
    body->protocol = g_test_rand_int_range(1, 256);
    body->internal_port = g_test_rand_int();
    body->external_port = g_test_rand_int_range(1, 65536);
    body->external = random_addr(family);
    if (opcode == ADIT_PCP_PEER) {
        body->remote_port = g_test_rand_int();
        body->remote = random_addr(family);
    }
}

static gsize
random_request(AditPcpRequest *r, guint8 bytes[ADIT_PCP_MAX])
{
    guint8 family = g_test_rand_bit() ? AF_INET : AF_INET6;

    memset(r, 0, sizeof(*r));
    r->opcode = g_test_rand_int_range(0, 3);
    r->lifetime = g_test_rand_int();
    r->client = random_addr(family);
    random_body(&r->body, r->opcode, family);
    random_options(&r->options, r->opcode, family, FALSE);
    return adit_pcp_request_encode(r, bytes);
}

static gsize
random_reply(AditPcpReply *r, guint8 bytes[ADIT_PCP_MAX])
{
    guint8 family = g_test_rand_bit() ? AF_INET : AF_INET6;

    memset(r, 0, sizeof(*r));
    r->version = ADIT_PCP_VERSION;
    r->opcode = g_test_rand_int_range(0, 3);
    r->lifetime = g_test_rand_int();
    r->epoch = g_test_rand_int();
    random_body(&r->body, r->opcode, family);
    if (g_test_rand_int_range(0, 4) == 0)
        r->result = g_test_rand_int_range(1, 256);
    else
        random_options(&r->options, r->opcode, family, TRUE);
    return adit_pcp_reply_encode(r, bytes);
}

/* The offsets at which an option may begin or the message end. */
static gboolean
is_boundary(const guint8 *bytes, gsize len, gsize cut)
{
    static const gsize bodies[] = { 24, 60, 80 };
    gsize at = bodies[bytes[1] & 0x7f];

    while (at < cut && at < len)
        at += 4 + ((bytes[at + 2] << 8 | bytes[at + 3]) + 3) / 4 * 4;
    return at == cut;
}

static void
assert_request_stable(const guint8 *bytes, gsize len, const AditAddr *source)
{
    AditPcpRequest read, again;
    guint8 once[ADIT_PCP_MAX], twice[ADIT_PCP_MAX];
    gsize n;

    if (adit_pcp_request_decode(bytes, len, source, &adit_pcp_offer_all, &read) !=
        ADIT_PCP_SUCCESS)
        return;
    n = adit_pcp_request_encode(&read, once);
    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(n, <=, len);
    g_assert_cmpint(adit_pcp_request_decode(once, n, source, &adit_pcp_offer_all, &again), ==,
                    ADIT_PCP_SUCCESS);
    g_assert_cmpuint(again.options.has, ==, read.options.has & ADIT_PCP_HAS_VALUES);
    g_assert_cmpuint(adit_pcp_request_encode(&again, twice), ==, n);
    g_assert_cmpmem(once, n, twice, n);
}

static void
assert_reply_stable(const guint8 *bytes, gsize len)
{
    AditPcpReply read, again;
    guint8 once[ADIT_PCP_MAX], twice[ADIT_PCP_MAX];
    gsize n;

    if (!adit_pcp_reply_decode(bytes, len, &read, NULL))
        return;
    n = adit_pcp_reply_encode(&read, once);
    g_assert_cmpuint(n, >, 0);
    g_assert_true(adit_pcp_reply_decode(once, n, &again, NULL));
    g_assert_cmpuint(adit_pcp_reply_encode(&again, twice), ==, n);
    g_assert_cmpmem(once, n, twice, n);
}

static void
test_request_identity(void)
{
    for (guint i = 0; i < ROUNDS; i++) {
        AditPcpRequest r, read;
        guint8 bytes[ADIT_PCP_MAX], again[ADIT_PCP_MAX];
        gsize len = random_request(&r, bytes);

        g_assert_cmpuint(len, >, 0);
        g_assert_cmpint(
            adit_pcp_request_decode(bytes, len, &r.client, &adit_pcp_offer_all, &read), ==,
            ADIT_PCP_SUCCESS);
        g_assert_cmpuint(read.options.has, ==, r.options.has);
        g_assert_cmpuint(adit_pcp_request_encode(&read, again), ==, len);
        g_assert_cmpmem(again, len, bytes, len);
    }
}

static void
test_reply_identity(void)
{
    for (guint i = 0; i < ROUNDS; i++) {
        g_autoptr(GError) error = NULL;
        AditPcpReply r, read;
        guint8 bytes[ADIT_PCP_MAX], again[ADIT_PCP_MAX];
        gsize len = random_reply(&r, bytes);

        g_assert_cmpuint(len, >, 0);
        g_assert_true(adit_pcp_reply_decode(bytes, len, &read, &error));
        g_assert_cmpuint(read.options.has, ==, r.options.has);
        g_assert_cmpuint(adit_pcp_reply_encode(&read, again), ==, len);
        g_assert_cmpmem(again, len, bytes, len);
    }
}

/* A cut between two options leaves a shorter message that is whole; any other is refused. */
static void
test_truncation(void)
{
    for (guint i = 0; i < 60; i++) {
        AditPcpRequest r, read;
        AditPcpReply reply, read_reply;
        guint8 bytes[ADIT_PCP_MAX];
        gsize len = random_request(&r, bytes);

        for (gsize cut = 0; cut < len; cut++) {
            /* On the heap and no longer than it claims, for the sanitizer to watch. */
            g_autofree guint8 *copy = g_memdup2(bytes, cut);
            gboolean ok = adit_pcp_request_decode(copy, cut, &r.client, &adit_pcp_offer_all,
                                                  &read) == ADIT_PCP_SUCCESS;

            g_assert_true(!ok || is_boundary(bytes, len, cut));
        }
        len = random_reply(&reply, bytes);
        for (gsize cut = 0; cut < len; cut++) {
            g_autofree guint8 *copy = g_memdup2(bytes, cut);
            gboolean ok = adit_pcp_reply_decode(copy, cut, &read_reply, NULL);

            g_assert_cmpint(ok, ==, is_boundary(bytes, len, cut));
        }
    }
}

static void
test_corruption(void)
{
    for (guint i = 0; i < 60; i++) {
        AditPcpRequest r;
        AditPcpReply reply;
        guint8 bytes[ADIT_PCP_MAX];
        gsize len = random_request(&r, bytes);

        for (gsize at = 0; at < len; at++) {
            for (guint flip = 1; flip <= 255; flip++) {
                bytes[at] ^= (guint8)flip;
                assert_request_stable(bytes, len, &r.client);
                bytes[at] ^= (guint8)flip;
            }
        }
        len = random_reply(&reply, bytes);
        for (gsize at = 0; at < len; at++) {
            for (guint flip = 1; flip <= 255; flip++) {
                bytes[at] ^= (guint8)flip;
                assert_reply_stable(bytes, len);
                bytes[at] ^= (guint8)flip;
            }
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-property/request-identity", test_request_identity);
    g_test_add_func("/pcp-property/reply-identity", test_reply_identity);
    g_test_add_func("/pcp-property/truncation", test_truncation);
    g_test_add_func("/pcp-property/corruption", test_corruption);
    return g_test_run();
}
