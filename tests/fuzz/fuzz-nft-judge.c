/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-judge.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>

#include "tests/fuzz/target.h"

static AditNftAnswer
has(const char *set, gconstpointer key, gsize len, gpointer data)
{
    const guint8 *bytes = key;
    guint sum = (guint)set[0];

    for (gsize i = 0; i < len; i++)
        sum += bytes[i];
    return sum % 3;
}

/* The bytes are the expressions of one rule, as the kernel nests them. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const AditNftPacket packets[] = { { NFPROTO_IPV4, IPPROTO_TCP, 443, "home", 7 },
                                             { 0, IPPROTO_UDP, 53, NULL, 0 } };
    g_autofree struct nlattr *exprs = NULL;

    if (size > G_MAXUINT16 - MNL_ATTR_HDRLEN)
        return 0;
    exprs = g_malloc0(MNL_ATTR_HDRLEN + MNL_ALIGN(size));
    exprs->nla_len = MNL_ATTR_HDRLEN + size;
    if (size > 0)
        memcpy(mnl_attr_get_payload(exprs), data, size);
    for (guint i = 0; i < G_N_ELEMENTS(packets); i++) {
        const char *chain = NULL;
        const AditNftFate fate = adit_nft_judge(exprs, &packets[i], has, NULL, &chain);

        if (fate == ADIT_NFT_FATE_JUMP || fate == ADIT_NFT_FATE_GOTO)
            g_assert_nonnull(chain);
    }
    return 0;
}
