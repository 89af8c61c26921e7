/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/natpmp.h"
#include "tests/fuzz/target.h"

#include <string.h>

/* Both directions are tried with the same bytes: the reply bit tells them apart. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    guint8 once[ADIT_NATPMP_MAX], twice[ADIT_NATPMP_MAX];
    AditNatpmpRequest request, request_again;
    AditNatpmpReply reply, reply_again;
    gsize len;

    if (adit_natpmp_request_decode(data, size, &request) == ADIT_NATPMP_SUCCESS) {
        len = adit_natpmp_request_encode(&request, once);
        g_assert_cmpuint(len, ==, size);
        g_assert_cmpint(adit_natpmp_request_decode(once, len, &request_again), ==,
                        ADIT_NATPMP_SUCCESS);
        g_assert_cmpuint(adit_natpmp_request_encode(&request_again, twice), ==, len);
        g_assert_cmpmem(once, len, twice, len);
    }
    if (adit_natpmp_reply_decode(data, size, &reply, NULL)) {
        len = adit_natpmp_reply_encode(&reply, once);
        g_assert_cmpmem(once, len, data, size); /* nothing in a reply is reserved */
        g_assert_true(adit_natpmp_reply_decode(once, len, &reply_again, NULL));
        g_assert_cmpuint(adit_natpmp_reply_encode(&reply_again, twice), ==, len);
        g_assert_cmpmem(once, len, twice, len);
    }
    return 0;
}
