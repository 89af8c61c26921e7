/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-announce.h"

#include "libadit/core/pcp-time.h"

struct _AditPcpAnnounce {
    GArray *targets;   /* AditPcpTarget, of this round */
    GHashTable *heard; /* AditAddr */
    guint at, sent;    /* next target, rounds done */
    gint64 next_ms;
};

AditPcpAnnounce *
adit_pcp_announce_new(void)
{
    AditPcpAnnounce *announce = g_new0(AditPcpAnnounce, 1);

    announce->targets = g_array_new(FALSE, FALSE, sizeof(AditPcpTarget));
    announce->heard = g_hash_table_new_full(adit_addr_hash, adit_addr_equal, g_free, NULL);
    return announce;
}

void
adit_pcp_announce_free(AditPcpAnnounce *announce)
{
    if (!announce)
        return;
    g_array_unref(announce->targets);
    g_hash_table_unref(announce->heard);
    g_free(announce);
}

void
adit_pcp_announce_begin(AditPcpAnnounce *announce, const AditPcpTarget *targets, guint n,
                        gint64 now_ms)
{
    g_array_set_size(announce->targets, 0);
    g_array_append_vals(announce->targets, targets, n);
    g_hash_table_remove_all(announce->heard);
    announce->at = announce->sent = 0;
    announce->next_ms = now_ms;
}

gint64
adit_pcp_announce_deadline(const AditPcpAnnounce *announce)
{
    return announce->targets->len > 0 ? announce->next_ms : G_MAXINT64;
}

void
adit_pcp_announce_heard(AditPcpAnnounce *announce, const AditAddr *peer)
{
    if (announce->targets->len > 0 && !g_hash_table_contains(announce->heard, peer))
        g_hash_table_add(announce->heard, g_memdup2(peer, sizeof(*peer)));
}

/* The next round is for those who have not spoken. */
static void
end_round(AditPcpAnnounce *announce, gint64 now_ms)
{
    const guint gap = adit_pcp_announce_gap_ms(++announce->sent);
    guint left = 0;

    for (guint i = 0; gap != 0 && i < announce->targets->len; i++) {
        const AditPcpTarget target = g_array_index(announce->targets, AditPcpTarget, i);

        if (!g_hash_table_contains(announce->heard, &target.peer))
            g_array_index(announce->targets, AditPcpTarget, left++) = target;
    }
    g_array_set_size(announce->targets, left);
    announce->at = 0;
    announce->next_ms = now_ms + gap;
}

guint
adit_pcp_announce_next(AditPcpAnnounce *announce, gint64 now_ms, AditPcpTarget *ret, guint max)
{
    const guint pace = ADIT_PCP_ANNOUNCE_PER_SECOND * ADIT_PCP_ANNOUNCE_TICK_MS / 1000;
    guint n = 0;

    if (now_ms < adit_pcp_announce_deadline(announce))
        return 0;
    for (; n < MIN(max, pace) && announce->at < announce->targets->len; announce->at++) {
        const AditPcpTarget *target =
            &g_array_index(announce->targets, AditPcpTarget, announce->at);

        if (announce->sent == 0 || !g_hash_table_contains(announce->heard, &target->peer))
            ret[n++] = *target;
    }
    announce->next_ms = now_ms + ADIT_PCP_ANNOUNCE_TICK_MS;
    if (announce->at == announce->targets->len)
        end_round(announce, now_ms);
    return n;
}
