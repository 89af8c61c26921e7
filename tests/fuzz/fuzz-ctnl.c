/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/ctnl.h"

#include "tests/fuzz/messages.h"
#include "tests/fuzz/target.h"

/* What is accepted prints, matches a filter made of itself, and its deletion can be written. */
static void
try_flow(const struct nlmsghdr *nlh)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autofree char *text = NULL;
    AditFlowFilter filter;
    AditFlow flow;

    if (!adit_flow_get(nlh, &flow))
        return;
    g_assert_cmpint(flow.original.src.family, ==, flow.original.dst.family);
    filter = (AditFlowFilter){
        .family = flow.original.src.family,
        .mark = flow.mark,
        .mask = G_MAXUINT32,
        .by_zone = TRUE,
        .zone = flow.zone,
        .proto = flow.original.proto,
        .dst = { flow.original.dst, flow.original.dport },
    };
    g_assert_true(adit_flow_matches(&flow, &filter));
    filter.mark ^= 1;
    g_assert_false(adit_flow_matches(&flow, &filter));
    g_assert_cmpint(adit_flow_tuple_cmp(&flow.original, &flow.original), ==, 0);
    text = adit_flow_to_string(&flow);
    g_assert_nonnull(text);
    adit_flow_put_delete(m, &flow);
    adit_flow_put_dump(m, &filter);
    g_assert_true(adit_msg_check(m, NULL));
    g_assert_cmpuint(adit_msg_count(m), ==, 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *aligned = g_memdup2(data, size);
    const guint8 *at = aligned;
    gsize left = size;
    const struct nlmsghdr *nlh;

    while ((nlh = next_message(&at, &left)) != NULL)
        try_flow(nlh);
    return 0;
}
