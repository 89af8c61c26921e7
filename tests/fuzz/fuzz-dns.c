/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/dns.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/fuzz/target.h"

/* Any bytes as the answer to our question, with its header and question put right. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        guint8 query[ADIT_DNS_QUERY_MAX];
        const gsize len = adit_dns_query_put(7, "vps.example", families[f], query);
        g_autofree guint8 *answer = g_malloc(len + size);
        AditDnsAnswer ret = { .n = 0 };

        memcpy(answer, query, len);
        answer[2] = 0x81;
        answer[7] = 9;
        memcpy(answer + len, data, size);
        if (adit_dns_answer_get(answer, len + size, query, len, &ret, NULL))
            for (guint i = 0; i < ret.n; i++)
                g_assert_cmpint(ret.addresses[i].family, ==, families[f]);
        adit_dns_answer_get(data, size, query, len, &ret, NULL);
    }
    return 0;
}
