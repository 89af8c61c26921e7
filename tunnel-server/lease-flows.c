/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-flows.h"

#include "libadit/sys/conntrack.h"
#include "tunnel-server/dataplane.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#define PAUSE 20    /* times what the last one took */
#define ENDED_S 120 /* as long as conntrack remembers a stream of UDP */

struct _AditLeaseFlows {
    AditNl *nl; /* NULL: not opened yet */
    gboolean due;
    gint64 not_before_us;
};

typedef struct {
    const AditLeaseTable *table;
    const AditPcpSite *site;
} Open;

AditLeaseFlows *
adit_lease_flows_new(void)
{
    return g_new0(AditLeaseFlows, 1);
}

void
adit_lease_flows_touch(AditLeaseFlows *flows)
{
    flows->due = TRUE;
}

static gboolean
lets_in(const AditLease *lease, const AditAddr *visitor)
{
    for (guint i = 0; i < lease->n_filters; i++)
        if (adit_prefix_contains(&lease->filters[i], visitor))
            return TRUE;
    return lease->n_filters == 0;
}

/* Where a port leads; address unset: anywhere. */
static AditSockAddr
target_of_lease(const Open *open, const AditLease *lease, const AditSockAddr *at)
{
    const AditPcpHost *host = adit_pcp_site_host(open->site, &lease->ends.internal);
    const AditSockAddr responder = { host ? host->server : lease->ends.internal,
                                     ADIT_DATAPLANE_RESPONDER_PORT };

    return at->port == lease->redirect.external_port &&
                   lease->redirect.mode == ADIT_PCP_REDIRECT_HTTPS
               ? responder
               : adit_lease_internal(lease);
}

static gboolean
find_target(const Open *open, const AditFlowTuple *flow, AditSockAddr *ret)
{
    const AditSockAddr at = { flow->dst, flow->dport };
    const AditPcpManual *manual =
        adit_pcp_manuals_at(adit_pcp_site_manuals(open->site), flow->proto, &at);
    const AditLease *lease = adit_lease_find_external(open->table, flow->proto, &at);

    if (manual && manual->enabled) {
        *ret = manual->internal;
        ret->port = (guint16)(ret->port + (at.port - manual->external.port));
        return TRUE;
    }
    if (!lease && flow->proto == IPPROTO_TCP)
        lease = adit_lease_find_redirect(open->table, &at);
    if (!lease || !adit_lease_is_on(lease) || !lets_in(lease, &flow->src))
        return FALSE;
    *ret = target_of_lease(open, lease, &at);
    return TRUE;
}

static gboolean
is_open(const AditFlow *flow)
{
    const guint32 bits = ADIT_DATAPLANE_CT_MAPPED | ADIT_DATAPLANE_CT_ENDED;

    return (flow->mark & bits) == ADIT_DATAPLANE_CT_MAPPED;
}

/* What a flow is translated to is decided with its first packet. */
static gboolean
is_stale(const AditFlow *flow, gpointer data)
{
    const guint8 proto = flow->original.proto;
    const gboolean open = is_open(flow);
    AditSockAddr target;

    if ((proto != IPPROTO_TCP || !open) && proto != IPPROTO_UDP)
        return FALSE;
    if (!find_target(data, &flow->original, &target))
        return open;
    return !open || (adit_addr_is_set(&target.addr) &&
                     (adit_addr_cmp(&flow->reply.src, &target.addr) != 0 ||
                      flow->reply.sport != target.port));
}

/* UDP that leads somewhere now is to find its way there with the next packet. What is closed is
 * not deleted: with the next packet of its device it would be a flow of its own, by the same
 * port, and go on. */
static void
put_end(AditMsg *m, const AditFlow *flow, gpointer data)
{
    AditSockAddr target;

    if (flow->original.proto == IPPROTO_UDP && find_target(data, &flow->original, &target))
        adit_flow_put_delete(m, flow);
    else
        adit_flow_put_end(m, flow, ADIT_DATAPLANE_CT_ENDED, ENDED_S);
}

void
adit_lease_flows_sweep(AditLeaseFlows *flows, const AditLeaseTable *table,
                       const AditPcpSite *site)
{
    const AditFlowFilter all = { 0 };
    const gint64 begin_us = g_get_monotonic_time();
    Open open = { table, site };
    g_autoptr(GError) error = NULL;
    guint n = 0;

    if (!flows->due || begin_us < flows->not_before_us)
        return;
    flows->due = FALSE;
    if (!flows->nl)
        flows->nl = adit_nl_open(NETLINK_NETFILTER, &error);
    if (!flows->nl ||
        !adit_conntrack_change(flows->nl, &all, is_stale, put_end, &open, &n, &error))
        g_warning("flows: %s", error->message);
    if (n > 0)
        g_debug("flows: %u of closed or opened ports ended", n);
    flows->not_before_us =
        begin_us + PAUSE * (g_get_monotonic_time() - begin_us) + G_USEC_PER_SEC / 2;
}

void
adit_lease_flows_free(AditLeaseFlows *flows)
{
    if (!flows)
        return;
    g_clear_pointer(&flows->nl, adit_nl_close);
    g_free(flows);
}
