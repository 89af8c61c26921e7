/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/pcp-site.h"

#include <malloc.h>
#include <string.h>

/* Packets of somebody who wants the client to believe, to loop, to flood or to grow. Whoever
 * can send from the server's address and port, on the tunnel's device, is the server or has
 * broken WireGuard; the rest do not even get as far as being counted. */

static AditUdp *
sender(const PcpSite *site, guint16 port)
{
    const AditUdpConfig config = {
        .family = site->family,
        .device = "s0",
        .local = pcp_site_server_addr(site->family),
        .port = port,
        .share = TRUE,
    };

    return pcp_site_open_udp(TRUE, &config);
}

/* A request is out and the server says nothing of its own. */
static const AditMapping *
begin(PcpSite *site, guint8 family)
{
    const AditMapping *mapping;

    pcp_site_set_up(site, family);
    pcp_site_serve(site);
    site->server.mute = TRUE;
    pcp_site_open(site, "c0", NULL);
    mapping = pcp_site_add(site, 443);
    pcp_site_hear(site, 1);
    return mapping;
}

static guint16
client_port(const PcpSite *site)
{
    return g_array_index(site->server.sources, AditSockAddr, 0).port;
}

static AditPoolCounts
counts(const PcpSite *site)
{
    return adit_client_get_counts(site->client).pool;
}

static gsize
good_reply(const PcpSite *site, guint8 ret[ADIT_PCP_MAX])
{
    AditPcpReply reply;

    pcp_site_reply(site, 0, &reply);
    return adit_pcp_reply_encode(&reply, ret);
}

/* Right in every octet, but from another port: the kernel keeps it from us. */
static void
test_wrong_source(void)
{
    PcpSite site;
    const AditMapping *mapping = begin(&site, AF_INET6);
    guint8 bytes[ADIT_PCP_MAX];
    gsize len = good_reply(&site, bytes);

    site.server.liar = sender(&site, 0);
    pcp_site_send(&site, site.server.liar, client_port(&site), bytes, len);
    pcp_site_quiet(&site);
    g_assert_cmpint(mapping->state, ==, ADIT_MAPPING_ASKING);
    pcp_site_send(&site, site.server.liar, ADIT_PCP_CLIENT_PORT, bytes, len);
    pcp_site_quiet(&site);
    g_assert_cmpuint(counts(&site).strangers, ==, 1);
    pcp_site_send(&site, site.server.udp, client_port(&site), bytes, len);
    pcp_site_reach(&site, mapping, ADIT_MAPPING_GRANTED); /* the positive control */
    pcp_site_tear_down(&site);
}

typedef struct {
    const char *name;
    gsize at;
    guint8 flip;
} Flip;

/* From the server itself, but about something else. The epoch in it says that all is lost. */
static void
test_wrong_contents(void)
{
    static const Flip flips[] = {
        { "version", 0, 1 },        { "a request", 1, 0x80 }, { "announce", 1, 1 },
        { "peer", 1, 3 },           { "nonce", 24, 1 },       { "nonce's end", 35, 0x80 },
        { "protocol", 36, 6 ^ 17 }, { "port", 40, 1 },        { "port's end", 41, 1 },
    };
    PcpSite site;
    const AditMapping *mapping = begin(&site, AF_INET);
    guint8 bytes[ADIT_PCP_MAX];
    gsize len;

    for (guint i = 0; i < G_N_ELEMENTS(flips); i++) {
        g_test_message("%s", flips[i].name);
        len = good_reply(&site, bytes);
        bytes[flips[i].at] ^= flips[i].flip;
        memset(bytes + 8, 0, 4);
        pcp_site_send(&site, site.server.udp, client_port(&site), bytes, len);
        for (guint n = 0; n < 100 && counts(&site).malformed + counts(&site).unasked <= i; n++)
            pcp_site_turn(&site, 50);
        g_assert_cmpuint(counts(&site).malformed + counts(&site).unasked, ==, i + 1);
        g_assert_cmpint(mapping->state, ==, ADIT_MAPPING_ASKING);
    }
    g_assert_cmpuint(counts(&site).losses, ==, 0);
    g_assert_cmpuint(site.events->len, ==, 0);
    pcp_site_tear_down(&site);
}

/* Every length but the right one, and options that reach beyond the end. */
static void
test_lengths(void)
{
    PcpSite site;
    const AditMapping *mapping = begin(&site, AF_INET);
    guint8 bytes[4096] = { 0 };
    gsize len = good_reply(&site, bytes);

    for (gsize cut = 0; cut < len; cut++)
        pcp_site_send(&site, site.server.udp, client_port(&site), bytes, cut);
    memcpy(bytes + len, "\x03\x00\xff\xff", 4); /* FILTER of 65,535 octets */
    pcp_site_send(&site, site.server.udp, client_port(&site), bytes, len + 4);
    pcp_site_send(&site, site.server.udp, client_port(&site), bytes, ADIT_PCP_MAX + 4);
    pcp_site_send(&site, site.server.udp, client_port(&site), bytes, sizeof(bytes));
    for (guint i = 0; i < 100 && counts(&site).malformed < len + 2; i++)
        pcp_site_turn(&site, 50);
    g_assert_cmpuint(counts(&site).malformed, ==, len + 2);
    g_assert_cmpuint(adit_client_get_counts(site.client).cut, ==, 1);
    g_assert_cmpint(mapping->state, ==, ADIT_MAPPING_ASKING);
    pcp_site_tear_down(&site);
}

/* Nobody listens there: heard from the kernel, and no reason to ask more often. */
static void
test_unreachable(void)
{
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_open(&site, "c0", NULL);
    pcp_site_add(&site, 443);
    for (guint i = 0; i < 100 && adit_client_get_counts(site.client).unreachable == 0; i++)
        pcp_site_turn(&site, 50);
    g_assert_cmpuint(adit_client_get_counts(site.client).unreachable, ==, 1);
    g_assert_cmpuint(counts(&site).sent, ==, 1);
    pcp_site_tear_down(&site);
}

/* The server cannot make us send: whatever epochs it tells, a new one in each answer, and in
 * notices as well. An hour of it, by leaps from deadline to deadline. */
static void
test_flood(void)
{
    PcpSite site;
    gint64 end;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    site.server.fickle = TRUE;
    for (guint16 port = 1; port <= 10; port++)
        pcp_site_add(&site, port);
    end = pcp_site_now(&site) + 3600 * 1000;
    for (guint turn = 0; turn < 5000 && pcp_site_now(&site) < end; turn++) {
        if (turn % 100 == 99)
            pcp_site_announce(&site, turn % 200 == 99 ? 1 : 1u << 31, FALSE);
        if (counts(&site).answers + counts(&site).unasked >= site.server.requests->len)
            pcp_site_leap(&site);
        pcp_site_turn(&site, 5);
    }
    g_test_message("%u requests, %" G_GUINT64_FORMAT " losses in %" G_GINT64_FORMAT " s",
                   site.server.requests->len, counts(&site).losses,
                   (pcp_site_now(&site) - end) / 1000 + 3600);
    g_assert_cmpuint(counts(&site).losses, >, 10);
    g_assert_cmpint(pcp_site_now(&site), >=, end);
    g_assert_cmpuint(site.server.requests->len, <, 10 * 100);
    pcp_site_tear_down(&site);
}

static gsize
used(void)
{
    return mallinfo2().uordblks;
}

/* A hundred thousand packets: taken in bounded turns, answered by nothing, kept nowhere. */
static void
test_garbage(void)
{
    const guint16 ports[] = { ADIT_PCP_CLIENT_PORT, 0 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261121);
    PcpSite site;
    const AditMapping *mapping = begin(&site, AF_INET);
    guint8 bytes[ADIT_PCP_MAX];
    const gint64 now = pcp_site_now(&site); /* stands still: no retransmission is due */
    guint64 sent = counts(&site).sent;
    gsize before = 0;

    for (guint i = 0; i < 100000; i++) {
        gsize len = good_reply(&site, bytes);

        bytes[g_rand_int_range(rand, 0, 44)] ^= 1 + g_rand_int_range(rand, 0, 255);
        bytes[24] = ~mapping->nonce[0]; /* never the right nonce */
        pcp_site_send(&site, site.server.udp, ports[i % 2] ?: client_port(&site), bytes, len);
        if (i % 64 == 63)
            adit_client_dispatch(site.client, now);
        if (i == 10000)
            before = used();
    }
    g_assert_cmpuint(used(), <, before + 65536);
    g_assert_cmpuint(counts(&site).sent, ==, sent);
    g_assert_cmpint(mapping->state, ==, ADIT_MAPPING_ASKING);
    pcp_site_tear_down(&site);
}

/* A grant of another port than the one and only is given back, not published. */
static void
test_other_port(void)
{
    const AditWish wish = { IPPROTO_TCP, 443, 443, TRUE, FALSE, 7200 };
    const AditMapping *mapping;
    guint8 bytes[ADIT_PCP_MAX];
    AditPcpReply reply;
    PcpSite site;

    pcp_site_set_up(&site, AF_INET);
    pcp_site_serve(&site);
    site.server.mute = TRUE;
    pcp_site_open(&site, "c0", NULL);
    mapping = adit_client_add(site.client, &wish, NULL, pcp_site_now(&site), NULL);
    pcp_site_hear(&site, 1);
    pcp_site_reply(&site, 0, &reply);
    reply.body.external_port = 22;
    pcp_site_send(&site, site.server.udp, client_port(&site), bytes,
                  adit_pcp_reply_encode(&reply, bytes));
    pcp_site_hear(&site, 2);
    g_assert_cmpint(mapping->state, ==, ADIT_MAPPING_DELETING);
    g_assert_cmpuint(pcp_site_count(&site, ADIT_MAPPING_NEWS_GRANTED), ==, 0);
    pcp_site_tear_down(&site);
}

int
main(int argc, char **argv)
{
    static const PcpSiteTest tests[] = {
        { "/client-abuse/C4-wrong-source", test_wrong_source },
        { "/client-abuse/C4-wrong-contents", test_wrong_contents },
        { "/client-abuse/lengths", test_lengths },
        { "/client-abuse/unreachable", test_unreachable },
        { "/client-abuse/flood", test_flood },
        { "/client-abuse/garbage", test_garbage },
        { "/client-abuse/C11-other-port", test_other_port },
    };

    return pcp_site_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
