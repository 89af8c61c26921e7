/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/diag.h"

#include <netinet/in.h>

#include "libadit/wire/genl.h"
#include "tests/fuzz/messages.h"
#include "tests/fuzz/target.h"

static void
try_message(const struct nlmsghdr *nlh, guint8 protocol)
{
    AditListening listening = { 0 };
    g_autofree char *addr = NULL;

    if (!adit_listening_get(nlh, protocol, &listening))
        return;
    addr = adit_addr_to_string(&listening.addr);
    g_assert_nonnull(addr);
    g_assert_cmpuint(listening.port, !=, 0);
    g_assert_cmpuint(listening.protocol, ==, protocol);
    g_assert_cmpint(adit_listening_cmp(&listening, &listening), ==, 0);
}

/* Answers of sock_diag, and of the controller of generic netlink. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *aligned = g_memdup2(data, size);
    const guint8 *at = aligned;
    const struct nlmsghdr *nlh;
    guint16 family = 0;

    while ((nlh = next_message(&at, &size)) != NULL) {
        try_message(nlh, IPPROTO_TCP);
        try_message(nlh, IPPROTO_UDP);
        if (adit_genl_resolve_get(nlh, "wireguard", &family))
            g_assert_cmpuint(family, >, NLMSG_MIN_TYPE);
    }
    return 0;
}
