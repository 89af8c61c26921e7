/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/forward-plan.h"

#include "policy-routing/forward-table.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static gboolean
is_of_gateway(const AditForwardSite *site, const AditAddr *addr)
{
    for (guint i = 0; i < site->n_gateways; i++) {
        const AditGateway *gateway = site->gateways[i];

        for (guint k = 0; k < gateway->n_addresses; k++)
            if (adit_addr_cmp(&gateway->addresses[k], addr) == 0)
                return TRUE;
        for (guint k = 0; k < gateway->n_subnets; k++)
            if (adit_prefix_contains(&gateway->subnets[k], addr))
                return TRUE;
    }
    return FALSE;
}

char *
adit_forward_refuse(const AditForwardSite *site, const AditAddr *addr)
{
    g_autofree char *text = adit_addr_to_string(addr);

    if (is_of_gateway(site, addr))
        return g_strdup_printf("%s: in the network of a gateway: what comes by a tunnel is not "
                               "led back into one",
                               text);
    if (!adit_prefix_list_contains(site->allowed, addr))
        return g_strdup_printf("%s: not allowed: add its network to allowed-targets in "
                               "adit.conf",
                               text);
    return NULL;
}

/* The link of the network that the address is in; NULL. */
static const char *
link_to(const AditForwardSite *site, const AditAddr *addr)
{
    for (guint i = 0; site->facts && i < site->facts->n_on_link; i++)
        if (adit_prefix_contains(&site->facts->on_link[i].prefix, addr))
            return site->facts->on_link[i].link;
    return NULL;
}

gboolean
adit_forward_keeps_source(const AditForwardSite *site, const AditPublication *publication,
                          const AditAddr *addr)
{
    const char *link = link_to(site, addr);

    if (publication->keep_source)
        return TRUE;
    return link && site->routed && g_strv_contains(site->routed, link) &&
           !adit_facts_is_uplink(site->facts, link);
}

static void
want_forwarding(AditState *want, const AditGateway *gateway, const char *link)
{
    const char *const links[] = { gateway->link, link };

    for (guint i = 0; i < G_N_ELEMENTS(links) && gateway->link_up && link; i++)
        adit_state_add_setting(want, "1", "net/ipv4/conf/%s/forwarding", links[i]);
}

static void
plan_target(AditState *want, const AditPublication *p, const AditGateway *gateway,
            const AditAddr *own, const AditForwardSite *site)
{
    const AditSockAddr *to = &p->to[own->family == AF_INET6];
    AditForward forward = { .own = *own,
                            .protocol =
                                p->ports.proto == ADIT_PROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP };

    g_strlcpy(forward.link, gateway->link, sizeof(forward.link));
    forward.hide = !adit_forward_keeps_source(site, p, &to->addr);
    if (own->family == AF_INET)
        want_forwarding(want, gateway, link_to(site, &to->addr));
    for (guint i = 0; i < adit_ports_count(&p->ports); i++) {
        forward.port = (guint16)(p->ports.first + i);
        forward.to = (AditSockAddr){ to->addr, (guint16)(to->port + i) };
        adit_forward_table_add(want, &forward);
    }
}

static void
plan_publication(AditState *want, const AditPublication *p, const AditForwardSite *site)
{
    for (guint g = 0; g < site->n_gateways; g++) {
        const AditGateway *gateway = site->gateways[g];

        if (p->gateway && strcmp(p->gateway, gateway->name) != 0)
            continue;
        for (guint i = 0; i < gateway->n_addresses; i++) {
            const AditAddr *own = &gateway->addresses[i];
            const AditAddr *to = &p->to[own->family == AF_INET6].addr;
            g_autofree char *why = adit_addr_is_set(to) ? adit_forward_refuse(site, to) : NULL;

            if (adit_addr_is_set(to) && !why)
                plan_target(want, p, gateway, own, site);
        }
    }
}

static void
plan_share(AditState *want, const AditShare *share, const AditForwardSite *site)
{
    for (guint g = 0; g < site->n_gateways; g++)
        for (guint i = 0; i < site->gateways[g]->n_subnets; i++) {
            const AditPrefix *from = &site->gateways[g]->subnets[i];

            if (from->addr.family != share->network.addr.family ||
                adit_prefix_overlaps(from, &share->network))
                continue;
            if (!share->keep_source)
                adit_forward_table_add_share(want, from, &share->network);
            if (from->addr.family == AF_INET)
                want_forwarding(want, site->gateways[g], link_to(site, &share->network.addr));
        }
}

void
adit_forward_plan(AditState *want, const AditWanted *wanted, const AditForwardSite *site)
{
    for (guint i = 0; i < wanted->publications->len; i++)
        plan_publication(want, g_ptr_array_index(wanted->publications, i), site);
    for (guint i = 0; i < wanted->shares->len; i++)
        plan_share(want, g_ptr_array_index(wanted->shares, i), site);
}
