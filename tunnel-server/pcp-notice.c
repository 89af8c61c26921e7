/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-notice.h"

#include <sys/socket.h>

struct _AditPcpNotice {
    AditPcpAnnounce *pace;
    GHashTable *waiting; /* AditAddr -> AditPcpTarget, which holds it */
};

AditPcpNotice *
adit_pcp_notice_new(void)
{
    AditPcpNotice *notice = g_new0(AditPcpNotice, 1);

    notice->pace = adit_pcp_announce_new();
    notice->waiting = g_hash_table_new_full(adit_addr_hash, adit_addr_equal, NULL, g_free);
    return notice;
}

void
adit_pcp_notice_free(AditPcpNotice *notice)
{
    if (!notice)
        return;
    adit_pcp_announce_free(notice->pace);
    g_hash_table_unref(notice->waiting);
    g_free(notice);
}

/* What its site is, once for a device, by the address that no renumbering changes; that it may
 * publish, in each family, for in each it has been refused. */
static gboolean
is_news(const AditPcpSite *before, const AditPcpHost *host)
{
    const AditPcpHost *old = adit_pcp_site_host(before, &host->addr);

    if (!old || old->device != host->device)
        return FALSE;
    return (host->may_publish && !old->may_publish) ||
           (host->addr.family == AF_INET && !adit_ask_site_equal(old->ask, host->ask));
}

static void
wait_for(AditPcpNotice *notice, const AditPcpHost *host)
{
    AditPcpTarget *target = g_new0(AditPcpTarget, 1);

    *target = (AditPcpTarget){ host->addr, host->server };
    g_hash_table_replace(notice->waiting, &target->peer, target);
}

static gboolean
is_gone(gpointer key, gpointer target, gpointer site)
{
    return !adit_pcp_site_host(site, key);
}

gboolean
adit_pcp_notice_compare(AditPcpNotice *notice, const AditPcpSite *before,
                        const AditPcpSite *after, gint64 now_ms)
{
    g_autoptr(GArray) targets = g_array_new(FALSE, FALSE, sizeof(AditPcpTarget));
    gboolean news = FALSE;
    GHashTableIter iter;
    gpointer target;

    for (guint i = 0; i < adit_pcp_site_n_hosts(after); i++) {
        const AditPcpHost *host = adit_pcp_site_nth_host(after, i);

        if (!is_news(before, host))
            continue;
        wait_for(notice, host);
        news = TRUE;
    }
    if (!news)
        return FALSE;
    g_hash_table_foreach_remove(notice->waiting, is_gone, (gpointer)after);
    g_hash_table_iter_init(&iter, notice->waiting);
    while (g_hash_table_iter_next(&iter, NULL, &target))
        g_array_append_vals(targets, target, 1);
    adit_pcp_announce_begin(notice->pace, (AditPcpTarget *)(gpointer)targets->data,
                            targets->len, now_ms);
    return TRUE;
}

void
adit_pcp_notice_heard(AditPcpNotice *notice, const AditAddr *peer)
{
    adit_pcp_announce_heard(notice->pace, peer);
    g_hash_table_remove(notice->waiting, peer);
}

AditPcpAnnounce *
adit_pcp_notice_pace(AditPcpNotice *notice)
{
    return notice->pace;
}
