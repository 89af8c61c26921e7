/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-flows.h"

#include "libadit/sys/addresses.h"
#include "libadit/sys/conntrack.h"
#include "tunnel-server/dataplane.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#define PAUSE 20  /* times what the last one took */
#define WAIT_S 60 /* who was refused meanwhile asks again after 30 */

struct _AditLeaseFlows {
    AditNl *nl; /* NULL: not opened yet */
    gboolean due;
    gint64 not_before_us;
    gint64 wait_until_us; /* 0: for nobody */
};

typedef struct {
    const AditLeaseTable *table;
    const AditPcpSite *site;
    GArray *own;   /* AditAddress: of this machine */
    gboolean wait; /* what is not open may be asked for */
} Open;

typedef enum {
    NOTHING, /* is open there */
    REFUSED, /* to this visitor */
    OPEN,
} Answer;

typedef enum {
    KEEP,
    END,
    REOPEN,
    FORGET, /* its next packet is to find its way anew */
} Fate;

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

void
adit_lease_flows_wait(AditLeaseFlows *flows)
{
    flows->wait_until_us = g_get_monotonic_time() + WAIT_S * G_USEC_PER_SEC;
}

static gboolean
lets_in(const AditPrefix *allowed, guint n, const AditAddr *visitor)
{
    for (guint i = 0; i < n; i++)
        if (adit_prefix_contains(&allowed[i], visitor))
            return TRUE;
    return n == 0;
}

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

/* @link NULL: any. */
static gboolean
is_own(const Open *open, const AditAddr *addr, const char *link)
{
    for (guint i = 0; i < open->own->len; i++) {
        const AditAddress *own = &g_array_index(open->own, AditAddress, i);

        if (adit_addr_equal(&own->prefix.addr, addr))
            return !link || g_str_equal(own->link, link);
    }
    return FALSE;
}

/* To an address of the WAN that is gone at present: it was closed by nobody. */
static gboolean
is_away(const Open *open, const AditFlowTuple *flow)
{
    const gboolean spare =
        flow->proto == IPPROTO_UDP && adit_pcp_site_spare(open->site, flow->dport) != 0;

    return !is_own(open, &flow->dst, NULL) &&
           (flow->dst.family == AF_INET ||
            (spare && !adit_pcp_site_host(open->site, &flow->dst)));
}

static Answer
find_target(const Open *open, const AditFlowTuple *flow, AditSockAddr *ret)
{
    const AditSockAddr at = { flow->dst, flow->dport };
    const AditPcpManual *manual =
        adit_pcp_manuals_at(adit_pcp_site_manuals(open->site), flow->proto, &at);
    const AditLease *lease = adit_lease_find_external(open->table, flow->proto, &at);
    const guint16 spare = adit_pcp_site_spare(open->site, at.port);

    if (manual && manual->enabled) {
        *ret = manual->internal;
        ret->port = (guint16)(ret->port + (at.port - manual->external.port));
        return lets_in(manual->allow, manual->n_allow, &flow->src) ? OPEN : REFUSED;
    }
    if (!lease && flow->proto == IPPROTO_TCP)
        lease = adit_lease_find_redirect(open->table, &at);
    if (lease && adit_lease_is_on(lease)) {
        *ret = target_of_lease(open, lease, &at);
        return lets_in(lease->filters, lease->n_filters, &flow->src) ? OPEN : REFUSED;
    }
    if (flow->proto != IPPROTO_UDP || spare == 0 ||
        !is_own(open, &at.addr, adit_pcp_site_wan(open->site)))
        return NOTHING;
    *ret = (AditSockAddr){ at.addr, spare }; /* the tunnels themselves */
    return OPEN;
}

/* What a flow is translated to is decided with its first packet. UDP that leads somewhere now
 * has to find its way there. What is closed is not forgotten: with the next packet of its
 * device it would be a flow of its own, by the same port, and go on. */
static Fate
fate_of(const Open *open, const AditFlow *flow)
{
    const gboolean tcp = flow->original.proto == IPPROTO_TCP;
    const gboolean mapped = (flow->mark & ADIT_DATAPLANE_CT_MAPPED) != 0;
    const gboolean ended = mapped && (flow->mark & ADIT_DATAPLANE_CT_ENDED) != 0;
    const gboolean translated = mapped || (flow->status & IPS_DST_NAT) != 0;
    AditSockAddr target;
    Answer answer;

    if (tcp ? !mapped || ended : flow->original.proto != IPPROTO_UDP)
        return KEEP;
    answer = find_target(open, &flow->original, &target);
    if (answer == NOTHING && (open->wait || is_away(open, &flow->original)))
        return KEEP;
    if (answer != OPEN)
        return mapped && !ended ? END : KEEP;
    if (translated && adit_addr_cmp(&flow->reply.src, &target.addr) == 0 &&
        flow->reply.sport == target.port)
        return ended ? REOPEN : KEEP;
    return tcp ? END : FORGET;
}

static gboolean
is_stale(const AditFlow *flow, gpointer data)
{
    return fate_of(data, flow) != KEEP;
}

static void
put_fate(AditMsg *m, const AditFlow *flow, gpointer data)
{
    switch (fate_of(data, flow)) {
    case KEEP: return;
    case END: adit_flow_put_end(m, flow, ADIT_DATAPLANE_CT_ENDED); return;
    case REOPEN: adit_flow_put_reopen(m, flow, ADIT_DATAPLANE_CT_ENDED); return;
    case FORGET: adit_flow_put_delete(m, flow); return;
    }
}

void
adit_lease_flows_sweep(AditLeaseFlows *flows, const AditLeaseTable *table,
                       const AditPcpSite *site)
{
    const AditFlowFilter all = { 0 };
    const gint64 begin_us = g_get_monotonic_time();
    g_autoptr(GArray) own = NULL;
    Open open = { .table = table, .site = site, .wait = begin_us < flows->wait_until_us };
    g_autoptr(GError) error = NULL;
    guint n = 0;

    if (flows->wait_until_us != 0 && !open.wait) {
        flows->wait_until_us = 0;
        flows->due = TRUE;
    }
    if (!flows->due || begin_us < flows->not_before_us)
        return;
    if (!flows->nl)
        flows->nl = adit_nl_open(NETLINK_NETFILTER, &error);
    open.own = own = flows->nl ? adit_addresses_read(&error) : NULL;
    flows->due =
        !own || !adit_conntrack_change(flows->nl, &all, is_stale, put_fate, &open, &n, &error);
    if (error)
        g_warning("flows: %s", error->message);
    if (n > 0)
        g_debug("flows: %u of closed or opened ports ended", n);
    flows->not_before_us =
        begin_us + PAUSE * (g_get_monotonic_time() - begin_us) + G_USEC_PER_SEC / 2;
    if (flows->due) /* in vain */
        flows->not_before_us = begin_us + WAIT_S * G_USEC_PER_SEC;
}

void
adit_lease_flows_free(AditLeaseFlows *flows)
{
    if (!flows)
        return;
    g_clear_pointer(&flows->nl, adit_nl_close);
    g_free(flows);
}
