/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/source-plan.h"

#include <sys/socket.h>

static gboolean
would_borrow(const AditGateway *const *gateways, guint n, const AditFacts *facts)
{
    gboolean any = FALSE;

    for (guint i = 0; i < n; i++) {
        if (gateways[i]->selected[1])
            return FALSE; /* everything leaves by it, with its address */
        for (guint a = 0; a < gateways[i]->n_addresses; a++)
            any |= gateways[i]->addresses[a].family == AF_INET6;
    }
    return any && !facts->global6;
}

void
adit_source_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                 const AditFacts *facts)
{
    const gboolean own_only = would_borrow(gateways, n_gateways, facts);

    for (guint i = 0; i < facts->n_own_only; i++) {
        const AditFilterFact *fact = &facts->own_only[i];
        const int value = own_only ? 1 : fact->before >= 0 ? fact->before : fact->now;
        g_autofree char *path =
            g_strdup_printf("net/ipv6/conf/%s/use_oif_addrs_only", fact->link);
        g_autofree char *text = g_strdup_printf("%d", value);
        const AditSysctl sysctl = { path, text };

        if (value != fact->now)
            adit_state_add_sysctl(want, &sysctl);
    }
}
