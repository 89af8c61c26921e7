/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/reply-plan.h"

#include "policy-routing/dns-plan.h"
#include "policy-routing/reply-table.h"

#include <string.h>
#include <sys/socket.h>

/* Prefixes of one link without those inside others: the kernel refuses ranges that overlap. */
static gboolean
add_lan(GArray *lan, const AditPrefix *prefix)
{
    const AditPrefix network = adit_prefix_network(prefix);

    for (guint i = 0; i < lan->len; i++)
        if (adit_prefix_covers(&g_array_index(lan, AditPrefix, i), &network))
            return TRUE;
    for (guint i = lan->len; i-- > 0;)
        if (adit_prefix_covers(&network, &g_array_index(lan, AditPrefix, i)))
            g_array_remove_index(lan, i);
    if (lan->len >= ADIT_LAN_MAX)
        return FALSE;
    g_array_append_val(lan, network);
    return TRUE;
}

/* What leaves by @link although a gateway is selected: the networks it is on and what main says
 * in particular; in strict mode no route, for DHCP and RA write those too, and private networks
 * only. */
static guint
plan_lan(AditState *want, const char *link, const AditFacts *facts, const AditPolicy *policy)
{
    g_autoptr(GArray) lan = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    guint left_out = 0;

    for (guint i = 0; i < facts->n_on_link; i++) {
        const AditAddress *own = &facts->on_link[i];

        if (strcmp(own->link, link) == 0 &&
            (!policy->strict || adit_addr_is_private(&own->prefix.addr)))
            left_out += !add_lan(lan, &own->prefix);
    }
    for (guint i = 0; !policy->strict && i < facts->n_main; i++) {
        const AditAddress *route = &facts->main[i];

        if (route->prefix.len > 0 && strcmp(route->link, link) == 0 &&
            !adit_addr_is_link_local(&route->prefix.addr))
            left_out += !add_lan(lan, &route->prefix);
    }
    for (guint i = 0; i < lan->len; i++)
        adit_reply_table_add_lan(want, link, &g_array_index(lan, AditPrefix, i));
    return left_out;
}

static gboolean
is_first_of_link(const AditFacts *facts, guint at)
{
    for (guint i = 0; i < at; i++)
        if (facts->main[i].prefix.len == 0 &&
            strcmp(facts->main[i].link, facts->main[at].link) == 0)
            return FALSE;
    return TRUE;
}

static gboolean
keeps_names(const AditGateway *gateway)
{
    g_autoptr(AditDnsPlan) plan = adit_dns_plan(gateway);

    return gateway->dns_told && plan->exclusive;
}

static guint
plan_uplink(AditState *want, const char *link, const gboolean closed[2], gboolean names,
            const AditFacts *facts, const AditPolicy *policy)
{
    adit_reply_table_add_uplink(want, link, closed[0], closed[1]);
    if (names)
        adit_reply_table_add_names(want, link);
    return closed[0] || closed[1] ? plan_lan(want, link, facts, policy) : 0;
}

guint
adit_reply_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                const AditFacts *facts, const AditPolicy *policy)
{
    gboolean closed[2] = { FALSE, FALSE }, names = FALSE;
    guint left_out = 0;

    for (guint i = 0; i < n_gateways; i++) {
        adit_reply_table_add_gateway(want, gateways[i]);
        closed[0] |= gateways[i]->selected[0];
        closed[1] |= gateways[i]->selected[1];
        names |= keeps_names(gateways[i]);
    }
    for (guint i = 0; n_gateways > 0 && i < facts->n_main; i++) {
        if (facts->main[i].prefix.len > 0 || !is_first_of_link(facts, i))
            continue;
        left_out += plan_uplink(want, facts->main[i].link, closed, names, facts, policy);
    }
    /* One that flaps is back with its LAN before anybody hears of it. */
    for (guint i = 0; (closed[0] || closed[1]) && facts->past_uplinks && facts->past_uplinks[i];
         i++)
        if (!adit_facts_is_uplink(facts, facts->past_uplinks[i]))
            left_out += plan_uplink(want, facts->past_uplinks[i], closed, names, facts, policy);
    return left_out;
}
