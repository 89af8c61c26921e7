/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/pcp-ask.h"
#include "tests/fuzz/target.h"

#include <string.h>

static void
try_request(const uint8_t *data, size_t size)
{
    const AditAddr source = adit_addr_from_mapped(data + 8);
    guint8 once[ADIT_PCP_MAX], twice[ADIT_PCP_MAX];
    AditAsk ask, again;
    gsize len;

    if (adit_ask_decode(data, size, &source, &ask) != ADIT_PCP_SUCCESS)
        return;
    len = adit_ask_encode(&ask, once);
    g_assert_cmpint(adit_ask_decode(once, len, &source, &again), ==, ADIT_PCP_SUCCESS);
    g_assert_cmpuint(adit_ask_encode(&again, twice), ==, len);
    g_assert_cmpmem(once, len, twice, len);
}

static void
try_reply(const uint8_t *data, size_t size)
{
    guint8 once[ADIT_PCP_MAX], twice[ADIT_PCP_MAX];
    g_autoptr(GError) error = NULL;
    AditAskReply reply, again;
    gsize len;

    if (!adit_ask_reply_decode(data, size, &reply, &error)) {
        g_assert_nonnull(error);
        return;
    }
    len = adit_ask_reply_encode(&reply, once);
    g_assert_true(adit_ask_reply_decode(once, len, &again, NULL));
    g_assert_cmpuint(adit_ask_reply_encode(&again, twice), ==, len);
    g_assert_cmpmem(once, len, twice, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!adit_ask_is_one(data, size))
        return 0;
    try_request(data, size);
    try_reply(data, size);
    return 0;
}
