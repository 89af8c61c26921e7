/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-refusals.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define KEPT 32
#define MINUTE_MS (60 * G_GINT64_CONSTANT(1000))
#define HOUR_MS (3600 * G_GINT64_CONSTANT(1000))

typedef struct {
    char *sentence; /* NULL: none yet */
    gint64 at_ms;
} Entry;

struct _AditPcpRefusals {
    Entry entries[KEPT];
    guint next;
};

AditPcpRefusals *
adit_pcp_refusals_new(void)
{
    return g_new0(AditPcpRefusals, 1);
}

void
adit_pcp_refusals_free(AditPcpRefusals *refusals)
{
    if (!refusals)
        return;
    for (guint i = 0; i < KEPT; i++)
        g_free(refusals->entries[i].sentence);
    g_free(refusals);
}

static char *
sentence_about(const AditPcpHost *host, const AditPcpRefusal *refusal)
{
    const gboolean v4 = refusal->external.addr.family == AF_INET;

    return g_strdup_printf("%s: port %u/%s%s: held by %s%s", host->name, refusal->external.port,
                           refusal->proto == IPPROTO_UDP ? "udp" : "tcp", v4 ? "" : " (IPv6)",
                           refusal->holder,
                           v4 ? ": one device a port in IPv4; another outside port, and IPv6, "
                                "where each has its own 443, are open to it"
                              : "");
}

static Entry *
find(AditPcpRefusals *refusals, const char *sentence)
{
    for (guint i = 0; i < KEPT; i++)
        if (g_strcmp0(refusals->entries[i].sentence, sentence) == 0)
            return &refusals->entries[i];
    return NULL;
}

char *
adit_pcp_refusals_note(AditPcpRefusals *refusals, const AditPcpHost *host,
                       const AditPcpRefusal *refusal, gint64 now_ms)
{
    g_autofree char *sentence = sentence_about(host, refusal);
    Entry *entry = find(refusals, sentence);

    if (entry && now_ms - entry->at_ms < HOUR_MS)
        return NULL;
    if (!entry) {
        entry = &refusals->entries[refusals->next % KEPT];
        if (entry->sentence && now_ms - entry->at_ms < MINUTE_MS)
            return NULL; /* somebody tries them all */
        refusals->next++;
        g_free(entry->sentence);
        entry->sentence = g_strdup(sentence);
    }
    entry->at_ms = now_ms;
    return g_steal_pointer(&sentence);
}

void
adit_pcp_refusals_list(const AditPcpRefusals *refusals, gint64 now_ms, GPtrArray *ret)
{
    for (guint i = 0; i < KEPT; i++) {
        const Entry *entry = &refusals->entries[(refusals->next + i) % KEPT];

        if (entry->sentence && now_ms - entry->at_ms < HOUR_MS)
            g_ptr_array_add(ret, g_strdup(entry->sentence));
    }
}
