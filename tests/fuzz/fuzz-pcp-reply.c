/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp.h"
#include "tests/fuzz/target.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    guint8 once[ADIT_PCP_MAX], twice[ADIT_PCP_MAX];
    AditPcpReply reply, again;
    gsize len;

    if (!adit_pcp_reply_decode(data, size, &reply, &error)) {
        g_assert_nonnull(error);
        return 0;
    }
    len = adit_pcp_reply_encode(&reply, once);
    g_assert_cmpuint(len, >, 0);
    g_assert_true(adit_pcp_reply_decode(once, len, &again, NULL));
    g_assert_cmpuint(adit_pcp_reply_encode(&again, twice), ==, len);
    g_assert_cmpmem(once, len, twice, len);
    return 0;
}
