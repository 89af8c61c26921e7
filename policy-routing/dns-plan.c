/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/dns-plan.h"

#include <sys/socket.h>

/* A server elsewhere would be asked past the tunnel while the gateway does not carry its
 * family.
 */
static gboolean
is_inside(const AditGateway *gateway, const AditAddr *server)
{
    if (gateway->selected[server->family == AF_INET6])
        return TRUE;
    for (guint i = 0; i < gateway->n_subnets; i++)
        if (adit_prefix_contains(&gateway->subnets[i], server))
            return TRUE;
    return FALSE;
}

gboolean
adit_dns_is_everything(const char *domain)
{
    return g_str_equal(domain, ".") || g_str_equal(domain, ADIT_DNS_EVERYTHING) ||
           g_str_equal(domain, "~");
}

AditDnsPlan *
adit_dns_plan(const AditGateway *gateway)
{
    AditDnsPlan *plan = g_new0(AditDnsPlan, 1);
    g_autoptr(GStrvBuilder) domains = g_strv_builder_new();
    const gboolean selected = gateway->selected[0] || gateway->selected[1];

    plan->servers = g_new0(AditAddr, MAX(gateway->n_dns, 1));
    for (guint i = 0; i < gateway->n_dns; i++)
        if (is_inside(gateway, &gateway->dns[i]))
            plan->servers[plan->n_servers++] = gateway->dns[i];
    /* A profile that claims every name has them when it is selected, not before. */
    for (guint i = 0; gateway->search && gateway->search[i]; i++)
        if (!adit_dns_is_everything(gateway->search[i]))
            g_strv_builder_add(domains, gateway->search[i]);
    plan->exclusive = selected && plan->n_servers > 0;
    if (plan->exclusive)
        g_strv_builder_add(domains, ADIT_DNS_EVERYTHING);
    plan->domains = g_strv_builder_end(domains);
    if (!*plan->domains)
        plan->n_servers = 0;
    plan->priority = plan->exclusive ? ADIT_DNS_PRIORITY_ONLY : ADIT_DNS_PRIORITY_SPLIT;
    return plan;
}

gboolean
adit_dns_plan_equal(const AditDnsPlan *a, const AditDnsPlan *b)
{
    if (a->n_servers != b->n_servers || a->exclusive != b->exclusive ||
        !g_strv_equal((const char *const *)a->domains, (const char *const *)b->domains))
        return FALSE;
    for (guint i = 0; i < a->n_servers; i++)
        if (adit_addr_cmp(&a->servers[i], &b->servers[i]) != 0)
            return FALSE;
    return TRUE;
}

void
adit_dns_plan_free(AditDnsPlan *plan)
{
    if (!plan)
        return;
    g_free(plan->servers);
    g_strfreev(plan->domains);
    g_free(plan);
}
