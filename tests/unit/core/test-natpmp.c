/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/natpmp.h"
#include "libadit/core/pcp-result.h"

#include "hex.h"

#include <string.h>
#include <sys/socket.h>

static const struct {
    const char *name, *bytes;
    AditNatpmpRequest request;
} requests[] = {
    { "address", "00 00", { .opcode = ADIT_NATPMP_ADDRESS } },
    { "map-udp", "00 01 0000 1388 1389 00001c20", { ADIT_NATPMP_MAP_UDP, 5000, 5001, 7200 } },
    { "map-tcp", "00 02 0000 01bb 20fb 00000258", { ADIT_NATPMP_MAP_TCP, 443, 8443, 600 } },
    { "delete", "00 02 0000 01bb 0000 00000000", { ADIT_NATPMP_MAP_TCP, 443, 0, 0 } },
    { "delete-all", "00 01 0000 0000 0000 00000000", { ADIT_NATPMP_MAP_UDP, 0, 0, 0 } },
};

static const struct {
    const char *name, *bytes;
    AditNatpmpReply reply;
} replies[] = {
    { "address",
      "00 80 0000 00000e10 cb007107",
      { .epoch = 3600, .external = { AF_INET, { 203, 0, 113, 7 } } } },
    { "address-failed",
      "00 80 0003 00000001 00000000",
      { .result = ADIT_NATPMP_NETWORK_FAILURE, .epoch = 1, .external = { AF_INET } } },
    { "map-udp",
      "00 81 0000 00000002 1388 1389 00001c20",
      { 1, 0, 2, { 0 }, 5000, 5001, 7200 } },
    { "map-tcp", "00 82 0000 00000002 01bb 20fb 00000258", { 2, 0, 2, { 0 }, 443, 8443, 600 } },
    { "map-refused", "00 82 0002 00000002 01bb 0000 00000000", { 2, 2, 2, { 0 }, 443, 0, 0 } },
    { "unknown-opcode", "00 a0 0005 00000009", { .opcode = 32, .result = 5, .epoch = 9 } },
};

static gboolean
same_reply(const AditNatpmpReply *a, const AditNatpmpReply *b)
{
    return a->opcode == b->opcode && a->result == b->result && a->epoch == b->epoch &&
           adit_addr_cmp(&a->external, &b->external) == 0 &&
           a->internal_port == b->internal_port && a->external_port == b->external_port &&
           a->lifetime == b->lifetime;
}

static gboolean
same_request(const AditNatpmpRequest *a, const AditNatpmpRequest *b)
{
    return a->opcode == b->opcode && a->internal_port == b->internal_port &&
           a->external_port == b->external_port && a->lifetime == b->lifetime;
}

static void
test_request(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    g_autoptr(GByteArray) bytes = hex(requests[i].bytes);
    guint8 buf[ADIT_NATPMP_MAX];
    AditNatpmpRequest request;

    g_assert_cmpint(adit_natpmp_request_decode(bytes->data, bytes->len, &request), ==,
                    ADIT_NATPMP_SUCCESS);
    g_assert_true(same_request(&request, &requests[i].request));
    assert_hex(buf, adit_natpmp_request_encode(&request, buf), requests[i].bytes);
}

static void
test_reply(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    g_autoptr(GByteArray) bytes = hex(replies[i].bytes);
    g_autoptr(GError) error = NULL;
    guint8 buf[ADIT_NATPMP_MAX];
    AditNatpmpReply reply;

    g_assert_true(adit_natpmp_reply_decode(bytes->data, bytes->len, &reply, &error));
    g_assert_no_error(error);
    g_assert_true(same_reply(&reply, &replies[i].reply));
    assert_hex(buf, adit_natpmp_reply_encode(&reply, buf), replies[i].bytes);
}

static void
test_bad_requests(void)
{
    static const struct {
        const char *bytes;
        AditNatpmpResult result;
        guint8 opcode;
    } rows[] = {
        { "", ADIT_NATPMP_SILENCE, 99 },
        { "00", ADIT_NATPMP_SILENCE, 99 },
        { "00 80", ADIT_NATPMP_SILENCE, 99 },                            /* a reply */
        { "00 00 00", ADIT_NATPMP_SILENCE, 99 },                         /* one octet more */
        { "00 01 0000 1388 1389 00001c", ADIT_NATPMP_SILENCE, 99 },      /* one less */
        { "00 01 0000 1388 1389 00001c20 00", ADIT_NATPMP_SILENCE, 99 }, /* one more */
        { "00 03", ADIT_NATPMP_UNSUPP_OPCODE, 3 },
        { "00 7f 1234", ADIT_NATPMP_UNSUPP_OPCODE, 127 },
        { "01 00", ADIT_NATPMP_UNSUPP_VERSION, 0 },
        { "ff 01 0000 1388 1389 00001c20", ADIT_NATPMP_UNSUPP_VERSION, 1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) bytes = hex(rows[i].bytes);
        AditNatpmpRequest request = { .opcode = 99 };

        g_assert_cmpint(adit_natpmp_request_decode(bytes->data, bytes->len, &request), ==,
                        rows[i].result);
        g_assert_cmpuint(request.opcode, ==, rows[i].opcode);
    }
}

static void
test_bad_replies(void)
{
    static const struct {
        const char *bytes, *why;
    } rows[] = {
        { "", "NAT-PMP reply: 0 octets: not a reply" },
        { "00 80 0000 000000", "NAT-PMP reply: 7 octets: not a reply" },
        { "00 00 0000 00000e10 cb007107", "NAT-PMP reply: 12 octets: not a reply" },
        { "02 80 0000 00000e10 cb007107", "NAT-PMP reply: 12 octets: not a reply" },
        { "00 80 0000 00000e10 cb0071", "NAT-PMP reply: opcode 0, 11 octets: 12 expected" },
        { "00 81 0000 00000e10 cb007107", "NAT-PMP reply: opcode 1, 12 octets: 16 expected" },
        /* Success of what does not exist. */
        { "00 83 0000 00000e10", "NAT-PMP reply: opcode 3, 8 octets: 8 expected" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) bytes = hex(rows[i].bytes);
        g_autoptr(GError) error = NULL;
        AditNatpmpReply reply = { .opcode = 99 };

        g_assert_false(adit_natpmp_reply_decode(bytes->data, bytes->len, &reply, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, rows[i].why);
        g_assert_cmpuint(reply.opcode, ==, 99);
    }
}

static void
test_truncation(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GByteArray) bytes = hex(requests[i].bytes);
        AditNatpmpRequest request;

        for (guint len = 0; len < bytes->len; len++)
            g_assert_cmpint(adit_natpmp_request_decode(bytes->data, len, &request), !=,
                            ADIT_NATPMP_SUCCESS);
    }
    for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(GByteArray) bytes = hex(replies[i].bytes);
        AditNatpmpReply reply;

        for (guint len = 0; len < bytes->len; len++)
            g_assert_false(adit_natpmp_reply_decode(bytes->data, len, &reply, NULL));
    }
}

static void
test_corrupt_requests(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GByteArray) bytes = hex(requests[i].bytes);

        for (guint at = 0; at < bytes->len; at++) {
            for (guint flip = 1; flip < 256; flip++) {
                AditNatpmpRequest request, again;
                guint8 buf[ADIT_NATPMP_MAX];
                gsize len;

                bytes->data[at] ^= flip;
                if (adit_natpmp_request_decode(bytes->data, bytes->len, &request) ==
                    ADIT_NATPMP_SUCCESS) {
                    len = adit_natpmp_request_encode(&request, buf);
                    g_assert_cmpint(adit_natpmp_request_decode(buf, len, &again), ==,
                                    ADIT_NATPMP_SUCCESS);
                    g_assert_true(same_request(&request, &again));
                }
                bytes->data[at] ^= flip;
            }
        }
    }
}

static void
test_corrupt_replies(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(GByteArray) bytes = hex(replies[i].bytes);

        for (guint at = 0; at < bytes->len; at++) {
            for (guint flip = 1; flip < 256; flip++) {
                AditNatpmpReply reply, again;
                guint8 buf[ADIT_NATPMP_MAX];
                gsize len;

                bytes->data[at] ^= flip;
                if (adit_natpmp_reply_decode(bytes->data, bytes->len, &reply, NULL)) {
                    len = adit_natpmp_reply_encode(&reply, buf);
                    g_assert_true(adit_natpmp_reply_decode(buf, len, &again, NULL));
                    g_assert_true(same_reply(&reply, &again));
                }
                bytes->data[at] ^= flip;
            }
        }
    }
}

static void
test_answers(void)
{
    const AditNatpmpRequest map = { .opcode = ADIT_NATPMP_MAP_TCP, .internal_port = 443 };
    const AditNatpmpRequest address = { .opcode = ADIT_NATPMP_ADDRESS };
    AditNatpmpReply reply = { .opcode = ADIT_NATPMP_MAP_TCP, .internal_port = 443 };

    g_assert_true(adit_natpmp_reply_answers(&reply, &map));
    g_assert_false(adit_natpmp_reply_answers(&reply, &address));
    reply.internal_port = 444;
    g_assert_false(adit_natpmp_reply_answers(&reply, &map));
    reply.opcode = ADIT_NATPMP_ADDRESS;
    g_assert_true(adit_natpmp_reply_answers(&reply, &address));
}

static void
test_results(void)
{
    g_assert_cmpstr(adit_natpmp_result_name(0), ==, "SUCCESS");
    g_assert_cmpstr(adit_natpmp_result_name(5), ==, "UNSUPP_OPCODE");
    g_assert_cmpstr(adit_natpmp_result_name(6), ==, "UNKNOWN");
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_SUCCESS), ==, 0);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_UNSUPP_VERSION), ==, 1);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_NOT_AUTHORIZED), ==, 2);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_NETWORK_FAILURE), ==, 3);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_USER_EX_QUOTA), ==, 4);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_CANNOT_PROVIDE_EXTERNAL), ==, 4);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_UNSUPP_OPCODE), ==, 5);
    g_assert_cmpint(adit_natpmp_result_from_pcp(ADIT_PCP_UNSUPP_PROTOCOL), ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *path = g_strdup_printf("/natpmp/request/%s", requests[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_request);
    }
    for (guint i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autofree char *path = g_strdup_printf("/natpmp/reply/%s", replies[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_reply);
    }
    g_test_add_func("/natpmp/bad-requests", test_bad_requests);
    g_test_add_func("/natpmp/bad-replies", test_bad_replies);
    g_test_add_func("/natpmp/truncation", test_truncation);
    g_test_add_func("/natpmp/corrupt-requests", test_corrupt_requests);
    g_test_add_func("/natpmp/corrupt-replies", test_corrupt_replies);
    g_test_add_func("/natpmp/answers", test_answers);
    g_test_add_func("/natpmp/results", test_results);
    return g_test_run();
}
