/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-notice.h"

#include <string.h>
#include <sys/socket.h>

typedef struct {
    AditPcpTarget target;
    gboolean told; /* once at least */
} Waiting;

typedef struct {
    AditAddr peer;
    guint8 nonces[ADIT_PCP_NOTICE_NONCES][ADIT_PCP_NONCE];
    guint n; /* so far */
} Questions;

struct _AditPcpNotice {
    AditPcpAnnounce *pace;
    GHashTable *waiting; /* AditAddr -> Waiting, which holds it */
    GHashTable *asked;   /* AditAddr -> Questions, which holds it */
};

AditPcpNotice *
adit_pcp_notice_new(void)
{
    AditPcpNotice *notice = g_new0(AditPcpNotice, 1);

    notice->pace = adit_pcp_announce_new();
    notice->waiting = g_hash_table_new_full(adit_addr_hash, adit_addr_equal, NULL, g_free);
    notice->asked = g_hash_table_new_full(adit_addr_hash, adit_addr_equal, NULL, g_free);
    return notice;
}

void
adit_pcp_notice_free(AditPcpNotice *notice)
{
    if (!notice)
        return;
    adit_pcp_announce_free(notice->pace);
    g_hash_table_unref(notice->waiting);
    g_hash_table_unref(notice->asked);
    g_free(notice);
}

/* What its site is, once for a device, by the address that no renumbering changes; that it may
 * publish, in each family, for in each it has been refused. */
static gboolean
is_news(const AditPcpSite *before, const AditPcpSite *after, guint i)
{
    const AditPcpHost *host = adit_pcp_site_nth_host(after, i);
    const AditPcpHost *old =
        i < adit_pcp_site_n_hosts(before) ? adit_pcp_site_nth_host(before, i) : NULL;

    /* Nearly all are where they were, and found without a look into the hash. */
    if (!old || !adit_addr_equal(&old->addr, &host->addr))
        old = adit_pcp_site_host(before, &host->addr);
    if (!old || old->device != host->device)
        return FALSE;
    return (host->may_publish && !old->may_publish) ||
           (host->addr.family == AF_INET && !adit_ask_site_equal(old->ask, host->ask));
}

static void
wait_for(AditPcpNotice *notice, const AditPcpHost *host)
{
    Waiting *waiting = g_new0(Waiting, 1);

    waiting->target = (AditPcpTarget){ host->addr, host->server };
    g_hash_table_replace(notice->waiting, &waiting->target.peer, waiting);
}

static gboolean
is_gone(gpointer key, gpointer value, gpointer site)
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
    gpointer waiting;

    for (guint i = 0; i < adit_pcp_site_n_hosts(after); i++) {
        if (!is_news(before, after, i))
            continue;
        wait_for(notice, adit_pcp_site_nth_host(after, i));
        news = TRUE;
    }
    if (!news)
        return FALSE;
    g_hash_table_foreach_remove(notice->waiting, is_gone, (gpointer)after);
    g_hash_table_foreach_remove(notice->asked, is_gone, (gpointer)after);
    g_hash_table_iter_init(&iter, notice->waiting);
    while (g_hash_table_iter_next(&iter, NULL, &waiting))
        g_array_append_val(targets, ((const Waiting *)waiting)->target);
    adit_pcp_announce_begin(notice->pace, (AditPcpTarget *)(gpointer)targets->data,
                            targets->len, now_ms);
    return TRUE;
}

/* FALSE: it was there before. */
static gboolean
note_question(AditPcpNotice *notice, const AditAddr *peer, const guint8 nonce[ADIT_PCP_NONCE])
{
    Questions *asked = g_hash_table_lookup(notice->asked, peer);

    if (!asked) {
        asked = g_new0(Questions, 1);
        asked->peer = *peer;
        g_hash_table_insert(notice->asked, &asked->peer, asked);
    }
    for (guint i = 0; i < MIN(asked->n, ADIT_PCP_NOTICE_NONCES); i++)
        if (memcmp(asked->nonces[i], nonce, ADIT_PCP_NONCE) == 0)
            return FALSE;
    memcpy(asked->nonces[asked->n++ % ADIT_PCP_NOTICE_NONCES], nonce, ADIT_PCP_NONCE);
    return TRUE;
}

void
adit_pcp_notice_asked(AditPcpNotice *notice, const AditAddr *peer,
                      const guint8 nonce[ADIT_PCP_NONCE])
{
    if (note_question(notice, peer, nonce))
        adit_pcp_notice_heard(notice, peer);
}

void
adit_pcp_notice_heard(AditPcpNotice *notice, const AditAddr *peer)
{
    const Waiting *waiting = g_hash_table_lookup(notice->waiting, peer);

    if (!waiting || !waiting->told)
        return;
    adit_pcp_announce_heard(notice->pace, peer);
    g_hash_table_remove(notice->waiting, peer);
}

guint
adit_pcp_notice_next(AditPcpNotice *notice, gint64 now_ms, AditPcpTarget *ret, guint max)
{
    const guint n = adit_pcp_announce_next(notice->pace, now_ms, ret, max);

    for (guint i = 0; i < n; i++) {
        Waiting *waiting = g_hash_table_lookup(notice->waiting, &ret[i].peer);

        if (waiting)
            waiting->told = TRUE;
    }
    return n;
}

gint64
adit_pcp_notice_deadline(const AditPcpNotice *notice)
{
    return adit_pcp_announce_deadline(notice->pace);
}
