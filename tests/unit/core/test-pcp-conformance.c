/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp.h"

#include "hex.h"

#include <netinet/in.h>
#include <string.h>

/* The items of the conformance list that the form of a message decides, each under its number:
 * S the server's, C the client's. Those that need state or a socket are proved with the server
 * and the client. */

#define CLIENT4 "00000000 00000000 0000ffff 0a3b0002" /* 10.59.0.2 */
#define CLIENT6 "20010db8 00590000 00000000 00000002"
#define ANY4 "00000000 00000000 0000ffff 00000000"
#define ANY6 "00000000 00000000 00000000 00000000"
#define WAN4 "00000000 00000000 0000ffff cb007107"
#define WAN6 "20010db8 00000000 00000000 00000007"
#define OTHER4 "00000000 00000000 0000ffff 0a3b0003" /* another device */
#define OTHER6 "20010db8 00590000 00000000 00000003"
#define NONCE "a0a1a2a3 a4a5a6a7 a8a9aaab"
#define BODY NONCE "06000000 01bb 20fb"
#define HEAD "02 01 0000 00000e10" CLIENT4
#define MAP HEAD BODY ANY4
#define MAP6 "02 01 0000 00000e10" CLIENT6 BODY ANY6
#define PEER "02 02 0000 00000e10" CLIENT4 BODY ANY4 "0050 0000" WAN4
#define ANNOUNCE "02 00 0000 00000000" CLIENT4
#define FILTER4(bits) "03 00 0014 00" bits "0000" WAN4
#define FILTER6(bits) "03 00 0014 00" bits "0000" CLIENT6
#define REDIRECT "e6 00 0008 41444954 01 00 0050"
#define PORT_SET "82 00 0005 0004 01bb 00 000000"

static const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };
static const AditAddr client6 = {
    AF_INET6, { 0x20, 0x01, 0x0d, 0xb8, 0, 0x59, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 }
};

typedef struct {
    const char *name;
    const char *bytes;
    AditPcpResult result;
    guint32 has;
    gboolean v4_only;
} Row;

static const Row rows[] = {
    { "S2-empty", "", ADIT_PCP_SILENCE },
    { "S2-one-octet", "02", ADIT_PCP_SILENCE },
    { "S2-reply-bit", "02 81 0000 00000e10" CLIENT4 BODY ANY4, ADIT_PCP_SILENCE },
    { "S2-reply-bit-other-version", "01 80", ADIT_PCP_SILENCE },
    { "S3-version-1", "01 01 0000 00000e10" CLIENT4 BODY ANY4, ADIT_PCP_UNSUPP_VERSION },
    { "S3-version-3-short", "03 01", ADIT_PCP_UNSUPP_VERSION },
    { "S3-version-0-natpmp", "00 00", ADIT_PCP_UNSUPP_VERSION },
    { "S3-before-opcode", "ff 7f 00", ADIT_PCP_UNSUPP_VERSION },
    { "S4-length-2", "02 01", ADIT_PCP_MALFORMED_REQUEST },
    { "S4-length-23", "02 00 0000 00000000 00000000 00000000 0000ffff 0a3b00",
      ADIT_PCP_MALFORMED_REQUEST },
    { "S4-length-25", ANNOUNCE "00", ADIT_PCP_MALFORMED_REQUEST },
    { "S4-length-62", MAP "0000", ADIT_PCP_MALFORMED_REQUEST },
    { "S4-before-opcode", "02 7f 0000", ADIT_PCP_MALFORMED_REQUEST },
    { "S5-opcode-3", "02 03 0000 00000000" CLIENT4, ADIT_PCP_UNSUPP_OPCODE },
    { "S5-opcode-127", "02 7f 0000 00000000" CLIENT4, ADIT_PCP_UNSUPP_OPCODE },
    { "S5-map-body-short", HEAD BODY "00000000 00000000 0000ffff", ADIT_PCP_MALFORMED_REQUEST },
    { "S5-map-no-body", HEAD, ADIT_PCP_MALFORMED_REQUEST },
    { "S5-peer-body-short", "02 02 0000 00000e10" CLIENT4 BODY ANY4,
      ADIT_PCP_MALFORMED_REQUEST },
    { "S5-peer", PEER, ADIT_PCP_SUCCESS },
    { "S7-map", "02 01 0000 00000e10 " OTHER4 BODY ANY4, ADIT_PCP_ADDRESS_MISMATCH },
    { "S7-announce", "02 00 0000 00000000 00000000 00000000 0000ffff 0a3b0003",
      ADIT_PCP_ADDRESS_MISMATCH },
    { "S7-family", "02 00 0000 00000000" CLIENT6, ADIT_PCP_ADDRESS_MISMATCH },
    { "S7-unset", "02 00 0000 00000000" ANY6, ADIT_PCP_ADDRESS_MISMATCH },
    { "S7-before-options", "02 01 0000 00000e10 " OTHER4 BODY ANY4 "7f 00 0000",
      ADIT_PCP_ADDRESS_MISMATCH },
    { "S7-body-before-address", "02 01 0000 00000e10 " OTHER4 BODY,
      ADIT_PCP_MALFORMED_REQUEST },
    { "S8-unknown-mandatory", MAP "7f 00 0000", ADIT_PCP_UNSUPP_OPTION },
    { "S8-code-0", MAP "00 00 0000", ADIT_PCP_UNSUPP_OPTION },
    { "S8-code-4", MAP "04 00 0004 00000000", ADIT_PCP_UNSUPP_OPTION },
    { "S8-unknown-optional", MAP "83 00 0003 01020300", ADIT_PCP_SUCCESS },
    { "S8-unknown-optional-twice", MAP "ff 00 0000 ff 00 0000", ADIT_PCP_SUCCESS },
    { "S8-optional-overrun", MAP "ff 00 0001", ADIT_PCP_MALFORMED_OPTION },
    { "S8-padding-needed", MAP "80 00 0005 4142434445 000000", ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_DESCRIPTION },
    { "S8-length-is-not-padded", MAP "80 00 0009 4142434445 000000",
      ADIT_PCP_MALFORMED_OPTION },
    { "S8-overrun-behind-a-good-one", MAP "02 00 0000 03 00 0014 00800000",
      ADIT_PCP_MALFORMED_OPTION },
    { "S8-duplicate", MAP "02 00 0000 02 00 0000", ADIT_PCP_MALFORMED_OPTION },
    { "S8-duplicate-optional", MAP PORT_SET PORT_SET, ADIT_PCP_MALFORMED_OPTION },
    { "S8-first-error-wins", MAP "7f 00 0000 02 00 0000 02 00 0000", ADIT_PCP_UNSUPP_OPTION },
    { "S8-wrong-opcode", PEER "02 00 0000", ADIT_PCP_MALFORMED_OPTION },
    { "S8-wrong-opcode-announce", ANNOUNCE "80 00 0000", ADIT_PCP_MALFORMED_OPTION },
    { "S8-skipped-in-any-opcode", ANNOUNCE "e1 00 0004 31323334", ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_CAPABILITY },
    { "S11-all-protocols-one-port", HEAD NONCE "00000000 01bb 0000" ANY4,
      ADIT_PCP_MALFORMED_REQUEST },
    { "S11-all-protocols-all-ports", HEAD NONCE "00000000 0000 0000" ANY4, ADIT_PCP_SUCCESS },
    { "S11-all-ports", HEAD NONCE "06000000 0000 0000" ANY4, ADIT_PCP_SUCCESS },
    { "S15-length", MAP "02 00 0004 00000000", ADIT_PCP_MALFORMED_OPTION },
    { "S15-length-1", MAP "02 00 0001 00000000", ADIT_PCP_MALFORMED_OPTION },
    { "S15-nothing-preferred", HEAD NONCE "06000000 01bb 0000" ANY4 "02 00 0000",
      ADIT_PCP_MALFORMED_OPTION },
    { "S15-nothing-preferred-as-v6", HEAD NONCE "06000000 01bb 0000" ANY6 "02 00 0000",
      ADIT_PCP_MALFORMED_OPTION },
    { "S15-port-preferred", MAP "02 00 0000", ADIT_PCP_SUCCESS, ADIT_PCP_HAS_PREFER_FAILURE },
    { "S15-address-preferred", HEAD NONCE "06000000 01bb 0000" WAN4 "02 00 0000",
      ADIT_PCP_SUCCESS, ADIT_PCP_HAS_PREFER_FAILURE },
    { "S16-delete-suggests-nothing",
      "02 01 0000 00000000" CLIENT4 NONCE "06000000 01bb 0000" ANY4 "02 00 0000",
      ADIT_PCP_SUCCESS, ADIT_PCP_HAS_PREFER_FAILURE },
    { "S18-host", MAP FILTER4("80"), ADIT_PCP_SUCCESS, ADIT_PCP_HAS_FILTER },
    { "S18-any-v4", MAP FILTER4("60"), ADIT_PCP_SUCCESS, ADIT_PCP_HAS_FILTER },
    { "S18-repeats", MAP FILTER4("80") FILTER4("78"), ADIT_PCP_SUCCESS, ADIT_PCP_HAS_FILTER },
    { "S18-clear", MAP FILTER4("00"), ADIT_PCP_SUCCESS, ADIT_PCP_HAS_FILTER },
    { "S18-clear-other-family", MAP FILTER6("00"), ADIT_PCP_SUCCESS, ADIT_PCP_HAS_FILTER },
    { "S18-prefix-129", MAP FILTER4("81"), ADIT_PCP_MALFORMED_OPTION },
    { "S18-prefix-95-mapped", MAP FILTER4("5f"), ADIT_PCP_MALFORMED_OPTION, 0, TRUE },
    { "S18-other-family", MAP FILTER6("40"), ADIT_PCP_MALFORMED_OPTION },
    { "S18-length", MAP "03 00 0010 00000000 00000000 00000000 00000000",
      ADIT_PCP_MALFORMED_OPTION },
    { "S18-wrong-opcode", PEER FILTER4("80"), ADIT_PCP_MALFORMED_OPTION },
    { "S19-third-party", MAP "01 00 0010 00000000 00000000 0000ffff 0a3b0009", ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_THIRD_PARTY },
    { "S19-names-the-sender", MAP "01 00 0010" CLIENT4, ADIT_PCP_MALFORMED_REQUEST },
    { "S19-length", MAP "01 00 000c 00000000 00000000 0000ffff", ADIT_PCP_MALFORMED_OPTION },
    { "S19-filter-fits-third-party", MAP FILTER6("40") "01 00 0010" CLIENT6, ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_FILTER | ADIT_PCP_HAS_THIRD_PARTY, TRUE },
    { "E3-empty", MAP "80 00 0000", ADIT_PCP_SUCCESS, ADIT_PCP_HAS_DESCRIPTION },
    { "E3-not-utf8", MAP "80 00 0002 c328 0000", ADIT_PCP_MALFORMED_OPTION },
    { "E3-nul", MAP "80 00 0004 41004200", ADIT_PCP_MALFORMED_OPTION },
    { "E3-peer", PEER "80 00 0001 41000000", ADIT_PCP_SUCCESS, ADIT_PCP_HAS_DESCRIPTION },
    { "E4-prefix64-skipped", MAP "81 00 0001 01000000", ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_PREFIX64 },
    { "E7-authentication", "02 03 0000 00000000" CLIENT4 "00000000", ADIT_PCP_UNSUPP_OPCODE },
    { "E8-port-set", MAP PORT_SET, ADIT_PCP_SUCCESS, ADIT_PCP_HAS_PORT_SET },
    { "E8-size-0", MAP "82 00 0005 0000 01bb 00 000000", ADIT_PCP_MALFORMED_OPTION },
    { "E8-length-4", MAP "82 00 0004 0004 01bb", ADIT_PCP_MALFORMED_OPTION },
    { "E8-length-6", MAP "82 00 0006 0004 01bb 0000 0000", ADIT_PCP_MALFORMED_OPTION },
    { "E8-peer", PEER PORT_SET, ADIT_PCP_MALFORMED_OPTION },
    { "E9-hostname-skipped", MAP "e0 00 0005 612e6f7267 000000", ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_HOSTNAME },
    { "redirect", MAP REDIRECT, ADIT_PCP_SUCCESS, ADIT_PCP_HAS_REDIRECT },
    { "redirect-unknown-mode", MAP "e6 00 0008 41444954 09 00 0050", ADIT_PCP_SUCCESS,
      ADIT_PCP_HAS_REDIRECT },
    { "redirect-status-in-request", MAP "e6 00 0008 41444954 01 01 0050",
      ADIT_PCP_MALFORMED_OPTION },
    { "redirect-length", MAP "e6 00 0006 41444954 0100 0000", ADIT_PCP_MALFORMED_OPTION },
    { "redirect-twice", MAP REDIRECT REDIRECT, ADIT_PCP_MALFORMED_OPTION },
    { "redirect-in-peer", PEER REDIRECT, ADIT_PCP_MALFORMED_OPTION },
    /* Private use is private: the same number in another's mouth is no word of ours. */
    { "option-230-of-another", MAP "e6 00 0008 4f544852 01 00 0050", ADIT_PCP_SUCCESS },
    { "option-230-short", MAP "e6 00 0002 4144 0000", ADIT_PCP_SUCCESS },
};

static AditPcpResult
decode(const char *text, const AditAddr *source, const AditPcpOffer *offer, AditPcpRequest *ret)
{
    g_autoptr(GByteArray) bytes = hex(text);

    return adit_pcp_request_decode(bytes->data, bytes->len, source, offer, ret);
}

static void
check_row(const Row *row, const char *bytes, const AditAddr *client)
{
    AditPcpRequest request = { .lifetime = 4711 };

    g_assert_cmpint(decode(bytes, client, &adit_pcp_offer_all, &request), ==, row->result);
    if (row->result != ADIT_PCP_SUCCESS) /* and then the output is untouched */
        g_assert_cmpuint(request.lifetime, ==, 4711);
    else
        g_assert_cmpuint(request.options.has, ==, row->has);
}

static void
test_row(gconstpointer data)
{
    const Row *row = data;

    check_row(row, row->bytes, &client4);
}

/* The same message of a client of the other family: each address is the other's. */
static char *
mirrored(const char *bytes)
{
    static const char *const pairs[][2] = { { CLIENT4, CLIENT6 }, { CLIENT6, CLIENT4 },
                                            { ANY4, ANY6 },       { ANY6, ANY4 },
                                            { WAN4, WAN6 },       { OTHER4, OTHER6 } };
    GString *text = g_string_new(NULL);

    while (*bytes) {
        guint i = 0;

        while (i < G_N_ELEMENTS(pairs) && !g_str_has_prefix(bytes, pairs[i][0]))
            i++;
        if (i < G_N_ELEMENTS(pairs))
            g_string_append(text, pairs[i][1]);
        else
            g_string_append_c(text, *bytes);
        bytes += i < G_N_ELEMENTS(pairs) ? strlen(pairs[i][0]) : 1;
    }
    return g_string_free(text, FALSE);
}

static void
test_row_v6(gconstpointer data)
{
    const Row *row = data;
    g_autofree char *bytes = mirrored(row->bytes);

    check_row(row, bytes, &client6);
}

/* More than 1100 octets, and exactly so many. */
static void
test_s4_longest(void)
{
    g_autoptr(GByteArray) bytes = hex(ANNOUNCE);
    AditPcpRequest request;

    while (bytes->len < 1104)
        g_byte_array_append(bytes, (const guint8 *)"\xff\0\0\0", 4);
    g_assert_cmpint(
        adit_pcp_request_decode(bytes->data, 1104, &client4, &adit_pcp_offer_all, &request), ==,
        ADIT_PCP_MALFORMED_REQUEST);
    g_assert_cmpint(
        adit_pcp_request_decode(bytes->data, 1100, &client4, &adit_pcp_offer_all, &request), ==,
        ADIT_PCP_SUCCESS);
}

/* The reply is the request cut to 1100 octets, padded, with R set. */
static void
test_s4_reply(void)
{
    const AditPcpFailure failure = { ADIT_PCP_MALFORMED_REQUEST, 1800, 77 };
    guint8 request[1201], reply[ADIT_PCP_MAX];

    memset(request, 0xee, sizeof(request));
    request[0] = 2;
    request[1] = 1;
    g_assert_cmpuint(adit_pcp_failure_encode(request, sizeof(request), &failure, reply), ==,
                     1100);
    assert_hex(reply, 24, "02 81 00 03 00000708 0000004d eeeeeeee eeeeeeee eeeeeeee");
    g_assert_cmpmem(reply + 24, 1076, request + 24, 1076);

    g_assert_cmpuint(adit_pcp_failure_encode(request, 61, &failure, reply), ==, 64);
    assert_hex(reply + 56, 8, "eeeeeeee ee 000000");
    /* Never less than a header: the epoch has its place in every reply. */
    g_assert_cmpuint(adit_pcp_failure_encode(request, 3, &failure, reply), ==, 24);
    assert_hex(reply, 24, "02 81 00 03 00000708 0000004d 00000000 00000000 00000000");
}

static void
test_s3_reply(void)
{
    const AditPcpFailure failure = { ADIT_PCP_UNSUPP_VERSION, 1800, 5 };
    const guint8 natpmp[] = { 0, 2, 0, 0, 0x01, 0xbb, 0x20, 0xfb, 0, 0, 2, 0x58 };
    guint8 reply[ADIT_PCP_MAX];

    /* A NAT-PMP client finds its 16-bit result 1 where it looks for one. */
    g_assert_cmpuint(adit_pcp_failure_encode(natpmp, sizeof(natpmp), &failure, reply), ==, 24);
    assert_hex(reply, 24, "02 82 00 01 00000708 00000005 00000000 00000000 00000000");
}

static void
test_s6_last_96_bits(void)
{
    static const struct {
        AditPcpResult result;
        const char *bits;
    } cases[] = {
        { ADIT_PCP_UNSUPP_VERSION, "00000000 0000ffff 0a3b0002" },
        { ADIT_PCP_MALFORMED_REQUEST, "00000000 0000ffff 0a3b0002" },
        { ADIT_PCP_UNSUPP_OPCODE, "00000000 0000ffff 0a3b0002" },
        { ADIT_PCP_MALFORMED_OPTION, "00000000 0000ffff 0a3b0002" },
        { ADIT_PCP_UNSUPP_OPTION, "00000000 00000000 00000000" },
        { ADIT_PCP_ADDRESS_MISMATCH, "00000000 00000000 00000000" },
    };
    g_autoptr(GByteArray) request = hex(MAP "7f 00 0000");

    request->data[2] = request->data[3] = 0xff; /* reserved: not repeated */
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const AditPcpFailure failure = { cases[i].result, 30, 0x01020304 };
        guint8 reply[ADIT_PCP_MAX];

        g_assert_cmpuint(adit_pcp_failure_encode(request->data, request->len, &failure, reply),
                         ==, request->len);
        g_assert_cmpuint(reply[1], ==, 0x81);
        g_assert_cmpuint(reply[2], ==, 0);
        g_assert_cmpuint(reply[3], ==, cases[i].result);
        assert_hex(reply + 4, 8, "0000001e 01020304");
        assert_hex(reply + 12, 12, cases[i].bits);
        g_assert_cmpmem(reply + 24, request->len - 24, request->data + 24, request->len - 24);
    }
}

/* What a server does not offer is unknown to it: not even its length is looked at. */
static void
test_s5_s8_offer(void)
{
    static const struct {
        const char *bytes;
        AditPcpResult result;
    } cases[] = {
        { MAP, ADIT_PCP_SUCCESS },
        { PEER, ADIT_PCP_UNSUPP_OPCODE },
        { "02 02 0000 00000e10" CLIENT4, ADIT_PCP_UNSUPP_OPCODE },
        { MAP "01 00 0010 00000000 00000000 0000ffff 0a3b0009", ADIT_PCP_UNSUPP_OPTION },
        { MAP "01 00 0000", ADIT_PCP_UNSUPP_OPTION },
        { MAP FILTER4("80"), ADIT_PCP_UNSUPP_OPTION },
        { MAP "02 00 0000", ADIT_PCP_SUCCESS },
        { MAP "82 00 0001 00000000", ADIT_PCP_SUCCESS },
    };
    const AditPcpOffer offer = { 1u << ADIT_PCP_ANNOUNCE | 1u << ADIT_PCP_MAP,
                                 ADIT_PCP_HAS_PREFER_FAILURE };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        AditPcpRequest request;

        g_assert_cmpint(decode(cases[i].bytes, &client4, &offer, &request), ==,
                        cases[i].result);
    }
}

static void
test_s18_order(void)
{
    AditPcpRequest request;

    g_assert_cmpint(decode(MAP FILTER4("80") FILTER4("00") FILTER4("78"), &client4,
                           &adit_pcp_offer_all, &request),
                    ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(request.options.n_filters, ==, 3);
    g_assert_cmpuint(request.options.filters[0].remote.len, ==, 32);
    g_assert_false(adit_addr_is_set(&request.options.filters[1].remote.addr));
    g_assert_cmpuint(request.options.filters[2].remote.len, ==, 24);
    g_assert_cmpint(decode(MAP6 FILTER6("40"), &client6, &adit_pcp_offer_all, &request), ==,
                    ADIT_PCP_SUCCESS);
    g_assert_cmpuint(request.options.filters[0].remote.len, ==, 64);
    g_assert_cmpint(decode(MAP6 FILTER4("80"), &client6, &adit_pcp_offer_all, &request), ==,
                    ADIT_PCP_MALFORMED_OPTION);
}

/* As many filters as a message can hold at all. */
static void
test_s18_most(void)
{
    g_autoptr(GByteArray) bytes = hex(MAP);
    g_autoptr(GByteArray) filter = hex(FILTER4("80"));
    AditPcpRequest request;

    for (guint i = 0; i < ADIT_PCP_FILTERS_MAX; i++)
        g_byte_array_append(bytes, filter->data, filter->len);
    g_assert_cmpuint(bytes->len + filter->len, >, ADIT_PCP_MAX);
    g_assert_cmpint(adit_pcp_request_decode(bytes->data, bytes->len, &client4,
                                            &adit_pcp_offer_all, &request),
                    ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(request.options.n_filters, ==, ADIT_PCP_FILTERS_MAX);
}

/* An option list alone may be longer than a message with a body: then the room is the limit. */
static void
test_s18_too_many(void)
{
    const AditPcpOptionRule rule = { ADIT_PCP_MAP, FALSE, ADIT_PCP_HAS_FILTER };
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GByteArray) filter = hex(FILTER4("80"));
    AditPcpOptions options;
    gsize at = 0;

    for (guint i = 0; i <= ADIT_PCP_FILTERS_MAX; i++)
        g_byte_array_append(bytes, filter->data, filter->len);
    g_assert_cmpint(adit_pcp_options_decode(bytes->data, bytes->len, &rule, &options, &at), ==,
                    ADIT_PCP_MALFORMED_OPTION);
    g_assert_cmpuint(at, ==, ADIT_PCP_FILTERS_MAX * 24);
}

static void
test_e3_longest(void)
{
    g_autoptr(GByteArray) bytes = hex(MAP "80 00 03f8");
    AditPcpRequest request;

    while (bytes->len < 60 + 4 + 1016)
        g_byte_array_append(bytes, (const guint8 *)"text", 4);
    g_assert_cmpint(adit_pcp_request_decode(bytes->data, bytes->len, &client4,
                                            &adit_pcp_offer_all, &request),
                    ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(strlen(request.options.description), ==, 1016);

    bytes->data[63] = 0xf9; /* 1017 */
    g_byte_array_append(bytes, (const guint8 *)"t\0\0\0", 4);
    g_assert_cmpint(adit_pcp_request_decode(bytes->data, bytes->len, &client4,
                                            &adit_pcp_offer_all, &request),
                    ==, ADIT_PCP_MALFORMED_OPTION);
}

/* C4: nothing but an answer to this very request counts, errors included. */
static void
test_c4_answers(void)
{
    AditPcpRequest map, peer, announce = { .opcode = ADIT_PCP_ANNOUNCE };
    AditPcpReply reply;

    g_assert_cmpint(decode(MAP, &client4, &adit_pcp_offer_all, &map), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpint(decode(PEER, &client4, &adit_pcp_offer_all, &peer), ==, ADIT_PCP_SUCCESS);

    adit_pcp_reply_init(&map, &reply);
    reply.body.external_port++;
    reply.result = ADIT_PCP_NO_RESOURCES;
    g_assert_true(adit_pcp_reply_answers(&reply, &map));
    g_assert_false(adit_pcp_reply_answers(&reply, &peer));
    g_assert_false(adit_pcp_reply_answers(&reply, &announce));
    reply.body.nonce[11] ^= 1;
    g_assert_false(adit_pcp_reply_answers(&reply, &map));
    reply.body = map.body;
    reply.body.protocol = IPPROTO_UDP;
    g_assert_false(adit_pcp_reply_answers(&reply, &map));
    reply.body = map.body;
    reply.body.internal_port++;
    g_assert_false(adit_pcp_reply_answers(&reply, &map));

    adit_pcp_reply_init(&peer, &reply);
    g_assert_true(adit_pcp_reply_answers(&reply, &peer));
    reply.body.remote_port++;
    g_assert_false(adit_pcp_reply_answers(&reply, &peer));
    reply.body.remote_port--;
    reply.body.remote = client6;
    g_assert_false(adit_pcp_reply_answers(&reply, &peer));
}

static gboolean
read_reply(const char *text, AditPcpReply *ret)
{
    g_autoptr(GByteArray) bytes = hex(text);

    return adit_pcp_reply_decode(bytes->data, bytes->len, ret, NULL);
}

/* C9: the offer of another version is understood in its own form. */
static void
test_c9_version_offer(void)
{
    AditPcpRequest announce = { .opcode = ADIT_PCP_ANNOUNCE }, map = { .opcode = ADIT_PCP_MAP };
    AditPcpReply reply;

    g_assert_true(read_reply("00 80 0001 00000e10", &reply)); /* a NAT-PMP server */
    g_assert_cmpuint(reply.version, ==, 0);
    g_assert_cmpuint(reply.result, ==, ADIT_PCP_UNSUPP_VERSION);
    g_assert_cmpuint(reply.epoch, ==, 0);
    g_assert_true(adit_pcp_reply_answers(&reply, &announce));
    g_assert_false(adit_pcp_reply_answers(&reply, &map));
    g_assert_true(read_reply("01 81 00 01 00000708 00000005" NONCE, &reply));
    g_assert_cmpuint(reply.version, ==, 1);
    g_assert_true(adit_pcp_reply_answers(&reply, &map));
    g_assert_false(read_reply("00 80 0101 00000e10", &reply)); /* its result is 257 */
    g_assert_false(read_reply("00 80 0002 00000e10", &reply));
}

/* C15: what comes back with an error, or unasked, says nothing. */
static void
test_c15_options_in_replies(void)
{
    AditPcpReply reply;

    g_assert_true(read_reply("02 81 00 08 0000001e 00000005" NONCE BODY ANY4 REDIRECT, &reply));
    g_assert_cmpuint(reply.options.has, ==, 0);
    g_assert_true(
        read_reply("02 81 00 06 00000708 00000005" NONCE BODY ANY4 "82 00 00ff", &reply));
    g_assert_true(
        read_reply("02 81 00 00 00000708 00000005" NONCE BODY ANY4 "7e 00 0000", &reply));
    g_assert_cmpuint(reply.options.has, ==, 0);
    /* A server that echoes what it does not know leaves the status at 0. */
    g_assert_true(read_reply("02 81 00 00 00000708 00000005" NONCE BODY ANY4 REDIRECT, &reply));
    g_assert_cmpuint(reply.options.has, ==, ADIT_PCP_HAS_REDIRECT);
    g_assert_cmpuint(reply.options.redirect.status, ==, ADIT_PCP_REDIRECT_ASKED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/pcp/%s", rows[i].name);
        g_autofree char *v6 = g_strdup_printf("/pcp/v6/%s", rows[i].name);

        g_test_add_data_func(path, &rows[i], test_row);
        if (!rows[i].v4_only)
            g_test_add_data_func(v6, &rows[i], test_row_v6);
    }
    g_test_add_func("/pcp/S3-reply", test_s3_reply);
    g_test_add_func("/pcp/S4-longest", test_s4_longest);
    g_test_add_func("/pcp/S4-reply", test_s4_reply);
    g_test_add_func("/pcp/S5-S8-offer", test_s5_s8_offer);
    g_test_add_func("/pcp/S6-last-96-bits", test_s6_last_96_bits);
    g_test_add_func("/pcp/S18-order", test_s18_order);
    g_test_add_func("/pcp/S18-most", test_s18_most);
    g_test_add_func("/pcp/S18-too-many", test_s18_too_many);
    g_test_add_func("/pcp/E3-longest", test_e3_longest);
    g_test_add_func("/pcp/C4-answers", test_c4_answers);
    g_test_add_func("/pcp/C9-version-offer", test_c9_version_offer);
    g_test_add_func("/pcp/C15-options-in-replies", test_c15_options_in_replies);
    return g_test_run();
}
