/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/rpfilter.h"

#include <string.h>

#define OFF 0
#define STRICT 1
#define LOOSE 2

static const AditFilterFact *
find(const AditFacts *facts, const char *link)
{
    for (guint i = 0; i < facts->n_filters; i++)
        if (strcmp(facts->filters[i].link, link) == 0)
            return &facts->filters[i];
    return NULL;
}

static void
want_value(AditState *want, const char *link, int value)
{
    g_autofree char *path = g_strdup_printf("net/ipv4/conf/%s/rp_filter", link);
    g_autofree char *text = g_strdup_printf("%d", value);
    const AditSysctl sysctl = { path, text };

    adit_state_add_sysctl(want, &sysctl);
}

static gboolean
is_gateway(const AditGateway *const *gateways, guint n, const char *link)
{
    for (guint i = 0; i < n; i++)
        if (strcmp(gateways[i]->link, link) == 0)
            return TRUE;
    return FALSE;
}

/* What the link would have without our being there, and what it needs. */
static int
value_of(const AditFilterFact *fact, const AditFacts *facts, int all, gboolean selected)
{
    const AditFilterFact *every = find(facts, "all");
    const int before = every && every->before > 0 ? every->before : 0;
    int value = MAX(all, fact->now);

    /* Loosened by us, for a selection that may be over. */
    if (fact->before >= 0 && fact->now == LOOSE)
        value = MAX(MAX(fact->before, before), all);
    if (selected && value == STRICT && adit_facts_is_uplink(facts, fact->link))
        return LOOSE;
    return value;
}

void
adit_rpfilter_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                   const AditFacts *facts)
{
    const AditFilterFact *every = find(facts, "all");
    const int all = every ? every->now : 0;
    gboolean any = FALSE, selected = FALSE;

    for (guint i = 0; i < n_gateways; i++) {
        selected |= gateways[i]->selected[0];
        if (!gateways[i]->link_up)
            continue;
        any = TRUE;
        want_value(want, gateways[i]->link, OFF);
    }
    if (!any)
        return;
    for (guint i = 0; i < facts->n_filters; i++) {
        const AditFilterFact *fact = &facts->filters[i];
        int value;

        if (strcmp(fact->link, "all") == 0 || is_gateway(gateways, n_gateways, fact->link))
            continue;
        value = value_of(fact, facts, all, selected);
        if (value != fact->now)
            want_value(want, fact->link, value);
    }
    if (all != 0)
        want_value(want, "all", OFF);
}
