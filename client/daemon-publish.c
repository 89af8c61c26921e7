/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/daemon-publish.h"

#include "client/daemon-private.h"
#include "client/forward-plan.h"
#include "libadit/sys/bridge.h"

AditWantedStore *
adit_daemon_wanted(AditDaemon *self)
{
    return self->wanted;
}

gboolean
adit_daemon_wanted_changed(AditDaemon *self, GError **error)
{
    if (!adit_daemon_apply_policy(self, error))
        return FALSE;
    adit_daemon_tell(self);
    return TRUE;
}

void
adit_daemon_look_at_status(AditDaemon *self)
{
    adit_daemon_tell(self);
}

/* Containers and virtual machines hang on bridges, and have this machine for their router. */
static GStrv
routed_links(const AditFacts *facts)
{
    g_autoptr(GStrvBuilder) links = g_strv_builder_new();

    for (guint i = 0; i < facts->n_on_link; i++)
        if (adit_link_is_bridge(facts->on_link[i].link))
            g_strv_builder_add(links, facts->on_link[i].link);
    return g_strv_builder_end(links);
}

static gboolean
leads_on(const AditWanted *wanted)
{
    for (guint i = 0; i < wanted->publications->len; i++)
        if (adit_publication_leads_on(g_ptr_array_index(wanted->publications, i)))
            return TRUE;
    return wanted->shares->len > 0;
}

AditState *
adit_daemon_plan_forwards(AditDaemon *self, const GPtrArray *gateways)
{
    const AditWanted *wanted = adit_wanted_store_get(self->wanted);
    AditForwardSite site = { .gateways = (const AditGateway *const *)gateways->pdata,
                             .n_gateways = gateways->len,
                             .facts = adit_router_facts(self->router),
                             .allowed = &self->allowed_targets };
    g_auto(GStrv) routed = NULL;
    AditState *want = adit_state_new();

    if (leads_on(wanted)) {
        routed = routed_links(site.facts);
        site.routed = (const char *const *)routed;
        adit_forward_plan(want, wanted, &site);
    }
    return want;
}

char *
adit_daemon_refuse_target(AditDaemon *self, const AditAddr *addr)
{
    g_autoptr(GPtrArray) gateways = adit_daemon_make_gateways(self->entries);
    const AditForwardSite site = { .gateways = (const AditGateway *const *)gateways->pdata,
                                   .n_gateways = gateways->len,
                                   .allowed = &self->allowed_targets };

    return adit_forward_refuse(&site, addr);
}
