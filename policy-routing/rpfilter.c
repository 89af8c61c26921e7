/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/rpfilter.h"

#include <string.h>
#include <sys/socket.h>

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
    g_autofree char *text = g_strdup_printf("%d", value);

    adit_state_add_setting(want, text, "net/ipv4/conf/%s/rp_filter", link);
}

static gboolean
is_gateway(const AditGateway *const *gateways, guint n, const char *link)
{
    for (guint i = 0; i < n; i++)
        if (strcmp(gateways[i]->link, link) == 0)
            return TRUE;
    return FALSE;
}

/* What an uplink must let in while a gateway is selected. The answer to a tunnel's own packet
 * comes from where the default leads: by another link, which loose allows; or, when the
 * selected gateway is down, into its blackhole, and then loose refuses what every tunnel hears,
 * the selected one's handshake too. With a default route loose lets all in, so nothing is lost.
 */
typedef enum {
    NEED_NOTHING,
    NEED_LOOSE,
    NEED_OFF,
} Need;

static gboolean
leads_somewhere(const AditGateway *gateway)
{
    for (guint i = 0; gateway->link_up && i < gateway->n_routes; i++)
        if (gateway->routes[i].addr.family == AF_INET && gateway->routes[i].len <= 1)
            return TRUE;
    return FALSE;
}

/* What the link would have without our being there, and what it needs. */
static int
value_of(const AditFilterFact *fact, const AditFacts *facts, int all, Need need)
{
    const AditFilterFact *every = find(facts, "all");
    const int before = every && every->before > 0 ? every->before : 0;
    int value = MAX(all, fact->now);

    /* Changed by us, for a selection or a gateway that may be no more. */
    if (fact->before >= 0 && fact->now != STRICT)
        value = MAX(MAX(fact->before, before), all);
    if (!adit_facts_is_uplink(facts, fact->link))
        return value;
    switch (need) {
    case NEED_NOTHING: return value;
    case NEED_LOOSE: return value == STRICT ? LOOSE : value;
    case NEED_OFF: return OFF;
    }
    g_assert_not_reached();
}

void
adit_rpfilter_plan(AditState *want, const AditGateway *const *gateways, guint n_gateways,
                   const AditFacts *facts)
{
    const AditFilterFact *every = find(facts, "all");
    const int all = every ? every->now : 0;
    gboolean any = FALSE;
    Need need = NEED_NOTHING;

    for (guint i = 0; i < n_gateways; i++) {
        if (gateways[i]->selected[0])
            need = leads_somewhere(gateways[i]) ? NEED_LOOSE : NEED_OFF;
        if (!gateways[i]->link_up)
            continue;
        any = TRUE;
        want_value(want, gateways[i]->link, OFF);
    }
    any |= need != NEED_NOTHING;
    for (guint i = 0; i < facts->n_filters; i++) {
        const AditFilterFact *fact = &facts->filters[i];
        int value;

        if (strcmp(fact->link, "all") == 0 || is_gateway(gateways, n_gateways, fact->link) ||
            (!any && fact->before < 0))
            continue;
        value = value_of(fact, facts, any ? all : 0, need);
        if (value != fact->now)
            want_value(want, fact->link, value);
    }
    if (any && all != 0)
        want_value(want, "all", OFF);
}
