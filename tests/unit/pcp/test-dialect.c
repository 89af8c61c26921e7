/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/dialect.h"

#include "libadit/core/natpmp.h"

#include <netinet/in.h>

static const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };

static void
test_put(void)
{
    AditPcpRequest request = { .opcode = ADIT_PCP_MAP, .client = client4, .lifetime = 7200 };
    guint8 bytes[ADIT_PCP_MAX];
    AditNatpmpRequest old;

    request.body.protocol = IPPROTO_UDP;
    request.body.internal_port = 53;
    request.body.external_port = 5353;
    g_assert_cmpuint(adit_dialect_put(ADIT_DIALECT_PCP, &request, bytes), ==, 60);
    g_assert_cmpuint(adit_dialect_put(ADIT_DIALECT_NATPMP, &request, bytes), ==, 12);
    g_assert_cmpint(adit_natpmp_request_decode(bytes, 12, &old), ==, ADIT_NATPMP_SUCCESS);
    g_assert_cmpuint(old.opcode, ==, ADIT_NATPMP_MAP_UDP);
    g_assert_cmpuint(old.internal_port, ==, 53);
    g_assert_cmpuint(old.external_port, ==, 5353);
    g_assert_cmpuint(old.lifetime, ==, 7200);
    request.opcode = ADIT_PCP_ANNOUNCE;
    g_assert_cmpuint(adit_dialect_put(ADIT_DIALECT_NATPMP, &request, bytes), ==, 2);
}

static const struct {
    guint16 natpmp;
    guint8 pcp;
} results[] = {
    { ADIT_NATPMP_SUCCESS, ADIT_PCP_SUCCESS },
    { ADIT_NATPMP_UNSUPP_VERSION, ADIT_PCP_UNSUPP_VERSION },
    { ADIT_NATPMP_NOT_AUTHORIZED, ADIT_PCP_NOT_AUTHORIZED },
    { ADIT_NATPMP_NETWORK_FAILURE, ADIT_PCP_NETWORK_FAILURE },
    { ADIT_NATPMP_NO_RESOURCES, ADIT_PCP_NO_RESOURCES },
    { ADIT_NATPMP_UNSUPP_OPCODE, ADIT_PCP_UNSUPP_OPCODE },
    { 6, 255 },
    { 0x0100, 255 }, /* not its low octet */
};

static void
test_get(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(results); i++) {
        const AditNatpmpReply old = { .opcode = ADIT_NATPMP_MAP_TCP,
                                      .result = results[i].natpmp,
                                      .epoch = 5,
                                      .internal_port = 443,
                                      .external_port = 444,
                                      .lifetime = 600 };
        guint8 bytes[ADIT_NATPMP_MAX];
        gsize len = adit_natpmp_reply_encode(&old, bytes);
        AditPcpReply reply;

        g_assert_true(adit_dialect_get(ADIT_DIALECT_NATPMP, bytes, len, &reply, NULL));
        g_assert_cmpuint(reply.version, ==, 0);
        g_assert_cmpuint(reply.result, ==, results[i].pcp);
        g_assert_cmpuint(reply.opcode, ==, ADIT_PCP_MAP);
        g_assert_cmpuint(reply.body.protocol, ==, IPPROTO_TCP);
        g_assert_cmpuint(reply.epoch, ==, 5);
        /* The lifetime of an error in NAT-PMP is none. */
        g_assert_cmpuint(reply.lifetime, ==, i == 0 ? 600 : 0);
        for (gsize cut = 0; cut < len; cut++)
            g_assert_false(adit_dialect_get(ADIT_DIALECT_NATPMP, bytes, cut, &reply, NULL));
        /* And in PCP it is nothing, but for the refusal of our version. */
        g_assert_cmpint(adit_dialect_get(ADIT_DIALECT_PCP, bytes, len, &reply, NULL), ==,
                        results[i].natpmp == ADIT_NATPMP_UNSUPP_VERSION);
    }
}

static void
test_has(void)
{
    g_assert_true(adit_dialect_has(ADIT_DIALECT_PCP, IPPROTO_SCTP));
    g_assert_true(adit_dialect_has(ADIT_DIALECT_NATPMP, IPPROTO_TCP));
    g_assert_true(adit_dialect_has(ADIT_DIALECT_NATPMP, IPPROTO_UDP));
    g_assert_false(adit_dialect_has(ADIT_DIALECT_NATPMP, IPPROTO_SCTP));
    g_assert_cmpstr(adit_dialect_name(ADIT_DIALECT_PCP), ==, "PCP");
    g_assert_cmpstr(adit_dialect_name(ADIT_DIALECT_NATPMP), ==, "NAT-PMP");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-client/dialect/put", test_put);
    g_test_add_func("/pcp-client/E1-dialect/get", test_get);
    g_test_add_func("/pcp-client/dialect/has", test_has);
    return g_test_run();
}
