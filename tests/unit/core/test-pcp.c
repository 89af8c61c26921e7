/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/pcp.h"

#include "hex.h"

#include <netinet/in.h>
#include <string.h>

/* Every kind of message, written by hand: encode gives these bytes, and decode then encode
 * gives them again. What a field means is seen where fill() sets it by name. */

#define CLIENT4 "00000000 00000000 0000ffff 0a3b0002" /* 10.59.0.2 */
#define CLIENT6 "20010db8 00590000 00000000 00000002"
#define ANY4 "00000000 00000000 0000ffff 00000000"
#define ANY6 "00000000 00000000 00000000 00000000"
#define WAN4 "00000000 00000000 0000ffff cb007107" /* 203.0.113.7 */
#define NONCE "a0a1a2a3 a4a5a6a7 a8a9aaab"
#define MAP_TCP_443 NONCE "06000000 01bb 20fb"
#define MAP_HEAD "02 01 0000 00000e10" CLIENT4 MAP_TCP_443

static const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };
static const AditAddr client6 = {
    AF_INET6, { 0x20, 0x01, 0x0d, 0xb8, 0, 0x59, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 }
};
static const AditAddr any4 = { AF_INET };
static const AditAddr any6 = { AF_INET6 };
static const AditAddr wan4 = { AF_INET, { 203, 0, 113, 7 } };

static void
fill_map(AditPcpRequest *r)
{
    r->opcode = ADIT_PCP_MAP;
    r->lifetime = 3600;
    r->client = client4;
    for (guint i = 0; i < ADIT_PCP_NONCE; i++)
        r->body.nonce[i] = 0xa0 + i;
    r->body.protocol = IPPROTO_TCP;
    r->body.internal_port = 443;
    r->body.external_port = 8443;
    r->body.external = any4;
}

static void
fill_announce(AditPcpRequest *r)
{
    r->opcode = ADIT_PCP_ANNOUNCE;
    r->client = client4;
}

static void
fill_map6(AditPcpRequest *r)
{
    fill_map(r);
    r->client = client6;
    r->body.protocol = IPPROTO_UDP;
    r->body.external = any6;
}

static void
fill_delete(AditPcpRequest *r)
{
    fill_map(r);
    r->lifetime = 0;
    r->body.external_port = 0;
}

static void
fill_peer(AditPcpRequest *r)
{
    fill_map(r);
    r->opcode = ADIT_PCP_PEER;
    r->body.remote_port = 80;
    r->body.remote = wan4;
}

static void
fill_third_party(AditPcpRequest *r)
{
    fill_map(r);
    r->options.has = ADIT_PCP_HAS_THIRD_PARTY;
    r->options.third_party = (AditAddr){ AF_INET, { 10, 59, 0, 9 } };
}

static void
fill_prefer_failure(AditPcpRequest *r)
{
    fill_map(r);
    r->options.has = ADIT_PCP_HAS_PREFER_FAILURE;
}

static void
fill_filters(AditPcpRequest *r)
{
    fill_map(r);
    r->options.has = ADIT_PCP_HAS_FILTER;
    r->options.n_filters = 3;
    r->options.filters[0].remote = adit_prefix_host(&wan4);
    r->options.filters[2].remote = adit_prefix_make(&wan4, 24);
    r->options.filters[2].port = 5060;
}

static void
fill_filter6(AditPcpRequest *r)
{
    fill_map6(r);
    r->options.has = ADIT_PCP_HAS_FILTER;
    r->options.n_filters = 1;
    r->options.filters[0].remote = adit_prefix_make(&client6, 64);
}

static void
fill_description(AditPcpRequest *r)
{
    fill_map(r);
    r->options.has = ADIT_PCP_HAS_DESCRIPTION;
    g_strlcpy(r->options.description, "Büro", sizeof(r->options.description));
}

static void
fill_port_set(AditPcpRequest *r)
{
    fill_map(r);
    r->options.has = ADIT_PCP_HAS_PORT_SET;
    r->options.port_set = (AditPcpPortSet){ 100, 443, TRUE };
}

static void
fill_redirect(AditPcpRequest *r)
{
    fill_map(r);
    r->options.has = ADIT_PCP_HAS_REDIRECT | ADIT_PCP_HAS_PREFER_FAILURE;
    r->options.redirect =
        (AditPcpRedirect){ ADIT_PCP_REDIRECT_HTTPS, ADIT_PCP_REDIRECT_ASKED, 80 };
}

static const struct {
    const char *name;
    void (*fill)(AditPcpRequest *r);
    const char *bytes;
} requests[] = {
    { "announce", fill_announce, "02 00 0000 00000000" CLIENT4 },
    { "map", fill_map, MAP_HEAD ANY4 },
    { "map6", fill_map6, "02 01 0000 00000e10" CLIENT6 NONCE "11000000 01bb 20fb" ANY6 },
    { "delete", fill_delete, "02 01 0000 00000000" CLIENT4 NONCE "06000000 01bb 0000" ANY4 },
    { "peer", fill_peer, "02 02 0000 00000e10" CLIENT4 MAP_TCP_443 ANY4 "0050 0000" WAN4 },
    { "third-party", fill_third_party,
      MAP_HEAD ANY4 "01 00 0010 00000000 00000000 0000ffff 0a3b0009" },
    { "prefer-failure", fill_prefer_failure, MAP_HEAD ANY4 "02 00 0000" },
    { "filters", fill_filters,
      MAP_HEAD ANY4 "03 00 0014 00 80 0000" WAN4 "03 00 0014 00 00 0000" ANY6
                    "03 00 0014 00 78 13c4" WAN4 },
    { "filter6", fill_filter6,
      "02 01 0000 00000e10" CLIENT6 NONCE "11000000 01bb 20fb" ANY6
      "03 00 0014 00 40 0000" CLIENT6 },
    { "description", fill_description, MAP_HEAD ANY4 "80 00 0005 42c3bc72 6f000000" },
    { "port-set", fill_port_set, MAP_HEAD ANY4 "82 00 0005 0064 01bb 01 000000" },
    { "redirect", fill_redirect, MAP_HEAD ANY4 "02 00 0000 e6 00 0008 41444954 01 00 0050" },
};

static void
test_request(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    g_autoptr(GByteArray) bytes = hex(requests[i].bytes);
    AditPcpRequest built = { 0 }, read = { 0 };
    guint8 buf[ADIT_PCP_MAX];
    gsize len;

    requests[i].fill(&built);
    len = adit_pcp_request_encode(&built, buf);
    g_assert_cmpmem(buf, len, bytes->data, bytes->len);

    g_assert_cmpint(adit_pcp_request_decode(bytes->data, bytes->len, &built.client,
                                            &adit_pcp_offer_all, &read),
                    ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(read.options.has, ==, built.options.has);
    len = adit_pcp_request_encode(&read, buf);
    g_assert_cmpmem(buf, len, bytes->data, bytes->len);
}

/* All fields by name, once, so that two errors cannot hide one another. */
static void
test_fields(void)
{
    g_autoptr(GByteArray) bytes = hex("02 02 0000 00000e10" CLIENT4 MAP_TCP_443 WAN4
                                      "0050 0000" CLIENT4 "80 00 0001 78000000");
    AditPcpRequest r;

    g_assert_cmpint(
        adit_pcp_request_decode(bytes->data, bytes->len, &client4, &adit_pcp_offer_all, &r), ==,
        ADIT_PCP_SUCCESS);
    g_assert_cmpuint(r.opcode, ==, ADIT_PCP_PEER);
    g_assert_cmpuint(r.lifetime, ==, 3600);
    g_assert_cmpint(adit_addr_cmp(&r.client, &client4), ==, 0);
    g_assert_cmpuint(r.body.nonce[0], ==, 0xa0);
    g_assert_cmpuint(r.body.nonce[11], ==, 0xab);
    g_assert_cmpuint(r.body.protocol, ==, IPPROTO_TCP);
    g_assert_cmpuint(r.body.internal_port, ==, 443);
    g_assert_cmpuint(r.body.external_port, ==, 8443);
    g_assert_cmpint(adit_addr_cmp(&r.body.external, &wan4), ==, 0);
    g_assert_cmpuint(r.body.remote_port, ==, 80);
    g_assert_cmpint(adit_addr_cmp(&r.body.remote, &client4), ==, 0);
    g_assert_cmpuint(r.options.has, ==, ADIT_PCP_HAS_DESCRIPTION);
    g_assert_cmpstr(r.options.description, ==, "x");
}

static void
reply_map(AditPcpReply *r)
{
    AditPcpRequest request = { 0 };

    fill_map(&request);
    adit_pcp_reply_init(&request, r);
    r->lifetime = 1800;
    r->epoch = 70000;
    r->body.external = wan4;
}

static void
reply_announce(AditPcpReply *r)
{
    AditPcpRequest request = { 0 };

    fill_announce(&request);
    adit_pcp_reply_init(&request, r);
    r->epoch = 70000;
}

static void
reply_refused(AditPcpReply *r)
{
    reply_map(r);
    r->result = ADIT_PCP_NOT_AUTHORIZED;
    r->body.external = any4;
}

static void
reply_peer(AditPcpReply *r)
{
    reply_map(r);
    r->opcode = ADIT_PCP_PEER;
    r->body.remote_port = 80;
    r->body.remote = client4;
}

static void
reply_redirect(AditPcpReply *r)
{
    reply_map(r);
    r->options.has = ADIT_PCP_HAS_REDIRECT | ADIT_PCP_HAS_PORT_SET;
    r->options.redirect =
        (AditPcpRedirect){ ADIT_PCP_REDIRECT_HTTPS, ADIT_PCP_REDIRECT_ACTIVE, 80 };
    r->options.port_set = (AditPcpPortSet){ 4, 443, FALSE };
}

static void
reply_other_version(AditPcpReply *r)
{
    r->version = 3;
    r->opcode = ADIT_PCP_MAP;
    r->result = ADIT_PCP_UNSUPP_VERSION;
}

#define ZERO96 "00000000 00000000 00000000"

static const struct {
    const char *name;
    void (*fill)(AditPcpReply *r);
    const char *bytes;
} replies[] = {
    { "announce", reply_announce, "02 80 00 00 00000000 00011170" ZERO96 },
    { "map", reply_map, "02 81 00 00 00000708 00011170" ZERO96 MAP_TCP_443 WAN4 },
    { "refused", reply_refused, "02 81 00 02 00000708 00011170" ZERO96 MAP_TCP_443 ANY4 },
    { "peer", reply_peer,
      "02 82 00 00 00000708 00011170" ZERO96 MAP_TCP_443 WAN4 "0050 0000" CLIENT4 },
    { "options", reply_redirect,
      "02 81 00 00 00000708 00011170" ZERO96 MAP_TCP_443 WAN4
      "82 00 0005 0004 01bb 00 000000 e6 00 0008 41444954 01 01 0050" },
    { "other-version", reply_other_version, "03 81 00 01 00000000 00000000" ZERO96 },
};

static void
test_reply(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    g_autoptr(GByteArray) bytes = hex(replies[i].bytes);
    g_autoptr(GError) error = NULL;
    AditPcpReply built = { 0 }, read = { 0 };
    guint8 buf[ADIT_PCP_MAX];
    gsize len;

    replies[i].fill(&built);
    len = adit_pcp_reply_encode(&built, buf);
    g_assert_cmpmem(buf, len, bytes->data, bytes->len);

    g_assert_true(adit_pcp_reply_decode(bytes->data, bytes->len, &read, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(read.result, ==, built.result);
    g_assert_cmpuint(read.epoch, ==, built.epoch);
    g_assert_cmpuint(read.options.has, ==, built.options.has);
    len = adit_pcp_reply_encode(&read, buf);
    g_assert_cmpmem(buf, len, bytes->data, bytes->len);
}

static const struct {
    const char *name, *bytes, *why;
} bad_replies[] = {
    { "empty", "", "PCP reply: 0 octets: not a reply" },
    { "three-octets", "02 81 00", "PCP reply: 3 octets: not a reply" },
    { "a-request", MAP_HEAD ANY4, "PCP reply: 60 octets: not a reply" },
    { "short-header", "02 80 00 00 00000000 00011170 00000000 00000000",
      "PCP reply: length 20: not a header and whole words" },
    { "half-word", "02 80 00 00 00000000 00011170" ZERO96 "0000",
      "PCP reply: length 26: not a header and whole words" },
    { "opcode", "02 83 00 00 00000000 00011170" ZERO96,
      "PCP reply: opcode 3: never asked for" },
    { "no-body", "02 81 00 08 00000000 00011170" ZERO96,
      "PCP reply: length 24: shorter than opcode 1 needs" },
    { "option-overrun",
      "02 81 00 00 00000708 00011170" ZERO96 MAP_TCP_443 WAN4 "02 00 0000 82 00 0005 00040000",
      "PCP reply: option 130 at octet 64: malformed, repeated or out of place" },
    { "redirect-status",
      "02 81 00 00 00000708 00011170" ZERO96 MAP_TCP_443 WAN4 "e6 00 0008 41444954 01 04 0050",
      "PCP reply: option 230 at octet 60: malformed, repeated or out of place" },
    { "version-success", "00 80 0000 00000e10 cb007107",
      "PCP reply: version 0: cannot be read" },
};

static void
test_bad_reply(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    g_autoptr(GByteArray) bytes = hex(bad_replies[i].bytes);
    g_autoptr(GError) error = NULL;
    AditPcpReply reply = { .opcode = 99 };

    g_assert_false(adit_pcp_reply_decode(bytes->data, bytes->len, &reply, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL);
    g_assert_cmpstr(error->message, ==, bad_replies[i].why);
    g_assert_cmpuint(reply.opcode, ==, 99);
}

static void
test_too_long(void)
{
    guint8 bytes[ADIT_PCP_MAX + 4] = { 2, 0x80 };
    AditPcpReply reply;

    /* Longer than any message may be, though each of its options is sound. */
    g_assert_false(adit_pcp_reply_decode(bytes, sizeof(bytes), &reply, NULL));
    g_assert_true(adit_pcp_reply_decode(bytes, ADIT_PCP_MAX, &reply, NULL));
}

static void
test_options_do_not_fit(void)
{
    AditPcpRequest r = { 0 };
    AditPcpReply reply = { 0 };
    guint8 buf[ADIT_PCP_MAX];

    fill_map(&r);
    r.options.has = ADIT_PCP_HAS_DESCRIPTION | ADIT_PCP_HAS_PORT_SET;
    r.options.port_set.size = 1;
    memset(r.options.description, 'x', ADIT_PCP_DESCRIPTION_MAX);
    g_assert_cmpuint(adit_pcp_request_encode(&r, buf), ==, 60 + 4 + 1016 + 12);
    r.options.has |= ADIT_PCP_HAS_THIRD_PARTY;
    g_assert_cmpuint(adit_pcp_request_encode(&r, buf), ==, 0);
    adit_pcp_reply_init(&r, &reply);
    reply.options = r.options;
    g_assert_cmpuint(adit_pcp_reply_encode(&reply, buf), ==, 0);
}

static void
test_reply_init(void)
{
    AditPcpRequest request = { 0 };
    AditPcpReply reply;

    memset(&reply, 0xff, sizeof(reply));
    fill_redirect(&request);
    adit_pcp_reply_init(&request, &reply);
    g_assert_cmpuint(reply.version, ==, 2);
    g_assert_cmpuint(reply.opcode, ==, ADIT_PCP_MAP);
    g_assert_cmpuint(reply.result, ==, 0);
    g_assert_cmpuint(reply.options.has, ==, 0);
    g_assert_true(adit_pcp_reply_answers(&reply, &request));
}

static void
add_rows(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *path = g_strdup_printf("/pcp/request/%s", requests[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_request);
    }
    for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autofree char *path = g_strdup_printf("/pcp/reply/%s", replies[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_reply);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad_replies); i++) {
        g_autofree char *path = g_strdup_printf("/pcp/bad-reply/%s", bad_replies[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_bad_reply);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_rows();
    g_test_add_func("/pcp/fields", test_fields);
    g_test_add_func("/pcp/too-long", test_too_long);
    g_test_add_func("/pcp/options-do-not-fit", test_options_do_not_fit);
    g_test_add_func("/pcp/reply-init", test_reply_init);
    return g_test_run();
}
