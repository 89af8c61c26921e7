/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp.h"
#include "tests/fuzz/target.h"

#include <string.h>

static void
assert_stable(const AditPcpRequest *request)
{
    AditPcpRequest again;
    guint8 once[ADIT_PCP_MAX], twice[ADIT_PCP_MAX];
    gsize len = adit_pcp_request_encode(request, once);

    g_assert_cmpuint(len, >, 0);
    g_assert_cmpint(
        adit_pcp_request_decode(once, len, &request->client, &adit_pcp_offer_all, &again), ==,
        ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_pcp_request_encode(&again, twice), ==, len);
    g_assert_cmpmem(once, len, twice, len);
}

/* Whatever was wrong with it, there is an answer, and it can be read. */
static void
assert_answerable(const uint8_t *data, size_t size, AditPcpResult result)
{
    const AditPcpFailure failure = { result, adit_pcp_error_lifetime(result), 1 };
    guint8 bytes[ADIT_PCP_MAX];
    gsize len = adit_pcp_failure_encode(data, size, &failure, bytes);

    g_assert_cmpuint(len, >=, ADIT_PCP_HEADER);
    g_assert_cmpuint(len, <=, MAX(size + 3, ADIT_PCP_HEADER));
    g_assert_cmpuint(len % 4, ==, 0);
    g_assert_cmpuint(bytes[1] & 0x80, ==, 0x80);
    g_assert_cmpuint(bytes[3], ==, result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AditAddr source = { 0 };
    AditPcpRequest request;
    AditPcpResult result;

    /* The sender tells the truth: else nothing behind the address would ever be read. */
    if (size >= ADIT_PCP_HEADER)
        source = adit_addr_from_mapped(data + 8);
    result = adit_pcp_request_decode(data, size, &source, &adit_pcp_offer_all, &request);
    if (result == ADIT_PCP_SUCCESS)
        assert_stable(&request);
    else if (result != ADIT_PCP_SILENCE)
        assert_answerable(data, size, result);
    return 0;
}
