/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-ask.h"

#include <string.h>

static guint32
seconds_left(gint64 until_s, gint64 now_s)
{
    return (guint32)CLAMP(until_s - now_s, 0, G_MAXUINT32);
}

static void
answer_address(const AditPcpDesk *desk, const AditPcpHost *host, AditAskReply *ret)
{
    ret->site = *host->ask;
    ret->lifetime = ADIT_ASK_AGAIN_S;
    if (ret->site.old6.len == 0)
        return;
    ret->site.old_left = seconds_left(host->old_until, desk->wall_s);
    ret->lifetime = CLAMP(ret->site.old_left, 1, ADIT_ASK_AGAIN_S);
}

gboolean
adit_pcp_ask_answer(const AditPcpDesk *desk, const AditPcpHost *host, const AditAsk *ask,
                    AditAskReply *ret)
{
    memset(ret, 0, sizeof(*ret));
    memcpy(ret->nonce, ask->nonce, ADIT_PCP_NONCE);
    ret->kind = ask->kind;
    ret->epoch = desk->epoch;
    switch (ask->kind) {
    case ADIT_ASK_NOTICE: break; /* is never read */
    case ADIT_ASK_ADDRESS: answer_address(desk, host, ret); break;
    case ADIT_ASK_ROTATE: ret->key = ask->key; return TRUE;
    }
    return FALSE;
}
