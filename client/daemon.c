/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/adopt.h"
#include "client/daemon-private.h"
#include "client/settings.h"
#include "client/update.h"
#include "libadit/core/error.h"
#include "policy-routing/tunnel.h"

#include <string.h>
#include <sys/socket.h>

#define QUEUE_MS 20000 /* more than an update waits for its handshake */

GPtrArray *
adit_daemon_make_gateways(const GPtrArray *entries)
{
    GPtrArray *gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_gateway_free);

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);
        AditGateway *gateway =
            adit_gateway_from_profile(entry->name, entry->slot, entry->name, entry->profile);

        gateway->link_up = entry->up;
        gateway->dns_told =
            entry->backend == ADIT_BACKEND_NETWORKMANAGER || adit_resolve1_is_here();
        memcpy(gateway->selected, entry->selected, sizeof(gateway->selected));
        g_ptr_array_add(gateways, gateway);
    }
    return gateways;
}

/* Managers write the same plan into their own settings. */
static void
tell_resolver(AditDaemon *self, const GPtrArray *entries, const GPtrArray *gateways)
{
    g_autofree const AditGateway **direct = g_new0(const AditGateway *, gateways->len + 1);
    guint n = 0;

    for (guint i = 0; i < entries->len; i++)
        if (((const AditEntry *)g_ptr_array_index(entries, i))->backend == ADIT_BACKEND_DIRECT)
            direct[n++] = g_ptr_array_index(gateways, i);
    adit_resolve1_apply(self->resolve1, direct, n);
}

static AditRouterWish
wish_for(const AditDaemon *self, const GPtrArray *gateways, const AditState *forwards)
{
    return (AditRouterWish){ .gateways = (const AditGateway *const *)gateways->pdata,
                             .n_gateways = gateways->len,
                             .policy = &self->policy,
                             .forwards = forwards };
}

gboolean
adit_daemon_find_drift(AditDaemon *self, GPtrArray *ret, GError **error)
{
    g_autoptr(GPtrArray) gateways = adit_daemon_make_gateways(self->entries);
    g_autoptr(AditState) forwards = adit_state_seal(adit_daemon_plan_forwards(self, gateways));
    const AditRouterWish wish = wish_for(self, gateways, forwards);

    return adit_router_check(self->router, &wish, ret, error);
}

static void
tell_keeper(AditDaemon *self)
{
    AditBackend *networkd = self->backends[ADIT_BACKEND_NETWORKD];

    if (networkd)
        networkd->ops->guard(
            networkd, self->policy.networkd_guard ? adit_router_guard(self->router) : NULL);
}

static gboolean
apply_policy(AditDaemon *self, const GPtrArray *entries, GError **error)
{
    g_autoptr(GPtrArray) gateways = adit_daemon_make_gateways(entries);
    g_autoptr(AditState) forwards = adit_state_seal(adit_daemon_plan_forwards(self, gateways));
    const AditRouterWish wish = wish_for(self, gateways, forwards);
    AditReconcileResult result = { 0 };

    if (!adit_router_apply(self->router, &wish, &result, error))
        return FALSE;
    tell_resolver(self, entries, gateways);
    tell_keeper(self);
    if (result.rounds > 0)
        g_info("kernel: %u added, %u changed, %u deleted", result.added, result.changed,
               result.deleted);
    return TRUE;
}

gboolean
adit_daemon_apply_policy(AditDaemon *self, GError **error)
{
    return apply_policy(self, self->entries, error);
}

void
adit_wish_init(AditWish *ret, AditDaemon *self, const AditEntry *entry)
{
    ret->endpoints = adit_endpoints_of(self->endpoints, entry->profile);
    ret->gateway = (AditBackendGateway){
        .name = entry->name,
        .title = entry->title ? entry->title : entry->name,
        .id = entry->id,
        .slot = entry->slot,
        .up = entry->up,
        .selected = { entry->selected[0], entry->selected[1] },
        .profile = entry->profile,
        .endpoints = ret->endpoints,
    };
}

void
adit_wish_clear(AditWish *wish)
{
    g_clear_pointer(&wish->endpoints, g_free);
}

/* Each is tried whatever became of the one before; the first failure is told. */
static gboolean
mend(AditDaemon *self, const GPtrArray *entries, GError **error)
{
    g_autoptr(GError) first = NULL;

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);
        AditBackend *backend = self->backends[entry->backend];
        g_auto(AditWish) wish = { 0 };

        if (entry->busy || !backend)
            continue;
        adit_wish_init(&wish, self, entry);
        backend->ops->mend(backend, &wish.gateway, first ? NULL : &first);
    }
    if (!first)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&first));
    return FALSE;
}

gboolean
adit_daemon_apply(AditDaemon *self, GError **error)
{
    return apply_policy(self, self->entries, error) && mend(self, self->entries, error);
}

gboolean
adit_daemon_look(AditDaemon *self, GError **error)
{
    return adit_daemon_apply(self, error);
}

/* Somebody else may have changed what is ours. */
static gboolean
on_look(gpointer data)
{
    AditDaemon *self = data;
    g_autoptr(GError) error = NULL;

    if (self->observes)
        return TRUE;
    if (adit_daemon_apply(self, &error)) {
        adit_care_roam(self->care, adit_router_facts(self->router));
        return TRUE;
    }
    g_warning("%s", error->message);
    return FALSE;
}

AditBackendKind
adit_daemon_choose_backend(const AditDaemon *self)
{
    const AditFacts *facts = adit_router_facts(self->router);

    for (guint i = 0; i < facts->n_main; i++)
        for (AditBackendKind kind = 0;
             adit_prefix_is_default(&facts->main[i].prefix) && kind < ADIT_N_BACKENDS; kind++)
            if (self->backends[kind] &&
                self->backends[kind]->ops->manages(self->backends[kind], facts->main[i].link))
                return kind;
    return ADIT_BACKEND_DIRECT;
}

gboolean
adit_daemon_is_busy(const AditDaemon *self, const char *name)
{
    const AditEntry *entry = adit_catalog_find(self->entries, name);
    AditBackend *backend = entry ? self->backends[entry->backend] : NULL;

    return entry && (entry->busy || (backend && backend->ops->is_coming &&
                                     backend->ops->is_coming(backend, entry->id)));
}

static gboolean
is_busy(const char *name, gpointer data)
{
    return adit_daemon_is_busy(data, name);
}

gboolean
adit_daemon_await(AditDaemon *self, const char *name, AditQueueFunc go, AditQueueFunc drop,
                  gpointer data)
{
    return adit_queue_join(self->queue, name, go, drop, data);
}

void
adit_daemon_tell(AditDaemon *self)
{
    adit_queue_look(self->queue);
    adit_care_look(self->care);
    if (self->changed)
        self->changed(self, self->changed_data);
}

/* A name has got an address, or another one. */
static void
on_resolved(AditEndpoints *endpoints, gpointer data)
{
    AditDaemon *self = data;
    g_autoptr(GError) error = NULL;

    if (self->observes)
        return;
    if (!mend(self, self->entries, &error))
        g_warning("%s", error->message);
    adit_daemon_tell(self);
}

static AditDaemon *
open_daemon(const AditPlaces *places, gboolean observes, GError **error)
{
    g_autoptr(AditDaemon) self = g_new0(AditDaemon, 1);
    self->places = places;
    self->observes = observes;
    self->queue = adit_queue_new(QUEUE_MS, is_busy, self);
    self->entries = g_ptr_array_new_with_free_func((GDestroyNotify)adit_entry_free);
    self->wanted = adit_wanted_store_new(places);
    self->endpoints = adit_endpoints_new(on_resolved, self);
    self->resolve1 = adit_resolve1_new();
    self->care = adit_care_new(self);
    self->newcomers = adit_newcomers_new(self);
    self->kernel = adit_kernel_open(error);
    if (!self->kernel)
        return NULL;
    self->wgdev = adit_wgdev_open(NULL, error);
    if (!self->wgdev)
        return NULL;
    adit_wgdev_join(self->wgdev, self->kernel);
    self->router =
        adit_router_open(self->kernel, places->config, places->runtime, on_look, self, error);
    return self->router ? g_steal_pointer(&self) : NULL;
}

AditDaemon *
adit_daemon_new(const AditPlaces *places, GError **error)
{
    g_autoptr(AditDaemon) self = open_daemon(places, FALSE, error);

    if (!self)
        return NULL;
    adit_backends_open(self->backends, self->kernel, places->state);
    adit_adopt_watch(self);
    return g_steal_pointer(&self);
}

void
adit_daemon_free(AditDaemon *self)
{
    if (!self)
        return;
    adit_queue_free(self->queue);
    for (guint i = 0; i < ADIT_N_BACKENDS; i++) {
        if (self->backends[i])
            self->backends[i]->ops->free(self->backends[i]);
        g_free(self->ears[i]);
    }
    adit_care_free(self->care);
    adit_newcomers_free(self->newcomers);
    adit_endpoints_free(self->endpoints);
    adit_resolve1_free(self->resolve1);
    g_clear_pointer(&self->router, adit_router_free);
    g_clear_pointer(&self->kernel, adit_kernel_free);
    g_clear_pointer(&self->wgdev, adit_wgdev_free);
    g_ptr_array_unref(self->entries);
    g_free((gpointer)self->policy.bypass);
    g_free(self->allowed_targets.prefixes);
    adit_wanted_store_free(self->wanted);
    g_free(self);
}

void
adit_daemon_set_changed(AditDaemon *self, AditDaemonChanged changed, gpointer data)
{
    self->changed = changed;
    self->changed_data = data;
}

const GPtrArray *
adit_daemon_entries(const AditDaemon *self)
{
    return self->entries;
}

GStrv
adit_daemon_offered(const AditDaemon *self)
{
    return adit_newcomers_offered(self->newcomers);
}

/* A change that is under way finds its gateway by name. */
static void
keep_busy(GPtrArray *entries, const GPtrArray *before)
{
    for (guint i = 0; i < entries->len; i++) {
        AditEntry *entry = g_ptr_array_index(entries, i);
        const AditEntry *old = adit_catalog_find(before, entry->name);

        entry->busy = old && old->busy;
        entry->edited = old && old->edited;
        entry->gone = old && old->gone;
        entry->health = old ? old->health : entry->health;
        if (old && old->up)
            entry->since = old->since;
    }
}

/* What the files say. */
static GPtrArray *
load(AditDaemon *self, GError **error)
{
    g_autoptr(GPtrArray) entries =
        adit_catalog_load(self->places->config, self->places->state, error);
    AditPolicy policy;
    AditPrefixList allowed_targets;

    if (!entries || !adit_client_settings_load(self->places->config, &policy, &allowed_targets,
                                               &self->auto_adopt, error))
        return NULL;
    g_free((gpointer)self->policy.bypass);
    self->policy = policy;
    g_free(self->allowed_targets.prefixes);
    self->allowed_targets = allowed_targets;
    adit_wanted_store_load(self->wanted);
    return g_steal_pointer(&entries);
}

AditDaemon *
adit_daemon_observe(const AditPlaces *places, GError **error)
{
    g_autoptr(AditDaemon) self = open_daemon(places, TRUE, error);
    GPtrArray *entries = self ? load(self, error) : NULL;

    if (!entries)
        return NULL;
    g_ptr_array_unref(self->entries);
    self->entries = entries;
    return g_steal_pointer(&self);
}

gboolean
adit_daemon_reload(AditDaemon *self, GError **error)
{
    g_autoptr(GPtrArray) entries = load(self, error);
    g_autoptr(GError) unmended = NULL;

    if (!entries)
        return FALSE;
    for (guint i = 0; i < entries->len; i++)
        if (!adit_catalog_save_decision(g_ptr_array_index(entries, i), self->places->state,
                                        error))
            return FALSE;
    if (!apply_policy(self, entries, error))
        return FALSE;
    keep_busy(entries, self->entries);
    g_ptr_array_unref(self->entries);
    self->entries = g_steal_pointer(&entries);
    if (!adit_daemon_apply(self, &unmended)) {
        if (!g_error_matches(unmended, ADIT_ERROR, ADIT_ERROR_BUSY)) {
            g_propagate_error(error, g_steal_pointer(&unmended));
            return FALSE;
        }
        /* A manager that is at the link this moment is no reason not to start. */
        g_warning("%s", unmended->message);
        adit_router_again(self->router);
    }
    adit_care_roam(self->care, adit_router_facts(self->router));
    for (guint i = 0; i < self->entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(self->entries, i);

        if (entry->backend != ADIT_BACKEND_NETWORKMANAGER) /* that has not come yet */
            adit_update_resume(self, entry->name);
    }
    adit_daemon_tell(self);
    return TRUE;
}

AditEntry *
adit_daemon_find(AditDaemon *self, const char *name, GError **error)
{
    AditEntry *entry = adit_catalog_find(self->entries, name);

    if (!entry)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such gateway", name);
    return entry;
}

char *
adit_daemon_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    const gboolean unselected[2] = { FALSE, FALSE };
    const AditFacts facts = { .lo6 = TRUE };
    const AditPolicy policy = { 0 };
    g_autofree AditSockAddr *endpoints = adit_endpoints_of(NULL, profile);
    g_autoptr(AditGateway) gateway = adit_gateway_from_profile(name, 1, name, profile);
    const AditGateway *const gateways[] = { gateway };
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autoptr(AditState) want = NULL;
    g_autoptr(AditOps) ops = NULL;

    gateway->link_up = TRUE;
    want = adit_plan(gateways, 1, &facts, &policy, error);
    if (!want)
        return NULL;
    adit_tunnel_plan(want, name, profile, endpoints, unselected);
    adit_state_seal(want);
    ops = adit_diff(nothing, want);
    return adit_ops_to_string(ops);
}
