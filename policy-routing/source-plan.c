/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/source-plan.h"

#include <sys/socket.h>

/* fd61:6469:7400::1, "adit": as good as any of those that are thrown by dice. */
static const AditAddress spare = {
    .link = "lo",
    .prefix = { { AF_INET6, { 0xfd, 'a', 'd', 'i', 't', [15] = 1 } }, 128 },
    .no_prefix_route = TRUE,
};

const AditAddress *
adit_source_spare(void)
{
    return &spare;
}

gboolean
adit_source_is_spare(const AditAddr *addr)
{
    return adit_addr_cmp(addr, &spare.prefix.addr) == 0;
}

static gboolean
has_only6(const AditGateway *const *gateways, guint n, const AditFacts *facts)
{
    gboolean any = FALSE;

    for (guint i = 0; i < n; i++)
        for (guint a = 0; a < gateways[i]->n_addresses; a++)
            any |= gateways[i]->addresses[a].family == AF_INET6;
    return any && !facts->global6;
}

/* While one is selected everything leaves by it, with its address. */
static gboolean
would_borrow(const AditGateway *const *gateways, guint n, const AditFacts *facts)
{
    for (guint i = 0; i < n; i++)
        if (gateways[i]->selected[1])
            return FALSE;
    return has_only6(gateways, n, facts);
}

/* Selected or not: while the selected one is down, the others are no way either. */
void
adit_source_plan_spare(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                       const AditFacts *facts)
{
    if ((!facts->lo6 && !facts->lo6_off) || !has_only6(gateways, n_gateways, facts))
        return;
    /* A machine that has IPv6 switched off has it so on lo as well; a gateway's link has it all
     * the same. */
    if (facts->lo6_off)
        adit_state_add_setting(want, "0", "net/ipv6/conf/lo/disable_ipv6");
    adit_state_add_address(want, &spare);
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
