/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-ask.h"

#include <string.h>
#include <sys/socket.h>

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

/* What a device has opened itself, or the operator for it. */
static void
find_port(const AditPcpDesk *desk, const AditPcpHost *host, guint16 port, AditAskPort *ret)
{
    const AditSockAddr inside = { host->addr, port };
    const AditLeaseEnds ends = { .internal = host->addr,
                                 .internal_port = port,
                                 .proto = ret->proto };
    const AditLease *lease = adit_lease_find_internal(desk->table, &ends);
    const AditPcpManual *manual =
        adit_pcp_manuals_to(adit_pcp_site_manuals(desk->site), ret->proto, &inside);

    if (lease && adit_lease_is_on(lease)) {
        ret->state = ADIT_ASK_PORT_OPEN;
        ret->external = adit_lease_external(lease);
    } else if (manual) {
        ret->state = manual->enabled ? ADIT_ASK_PORT_OPEN : ADIT_ASK_PORT_OFF;
        ret->external = manual->external;
        ret->external.port += port - manual->internal.port;
    } else if (lease) {
        ret->state = ADIT_ASK_PORT_OFF;
    } else if (!host->may_publish) {
        ret->state = ADIT_ASK_PORT_DENIED;
    }
}

static void
answer_port(const AditPcpDesk *desk, const AditPcpHost *host, const AditAsk *ask,
            AditAskReply *ret)
{
    const AditAddr *addr = ask->family == AF_INET6 ? &host->ask->addr6 : &host->ask->addr4;
    const AditPcpHost *there =
        adit_addr_is_set(addr) ? adit_pcp_site_host(desk->site, addr) : NULL;

    ret->port.proto = ask->proto;
    if (there)
        find_port(desk, there, ask->port, &ret->port);
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
    case ADIT_ASK_PORT: answer_port(desk, host, ask, ret); return TRUE;
    }
    return FALSE;
}
