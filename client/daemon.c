/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/daemon.h"

#include "client/endpoints.h"
#include "client/settings.h"
#include "client/tunnel.h"
#include "libadit/core/error.h"
#include "libadit/core/ifname.h"
#include "libadit/sys/wgdev-front.h"
#include "policy-routing/rival.h"
#include "policy-routing/router.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

struct _AditDaemon {
    const AditPlaces *places;
    AditKernel *kernel;
    AditWgdev *wgdev;
    AditRouter *router;
    AditEndpoints *endpoints;
    GPtrArray *entries; /* AditEntry, by name */
    AditPolicy policy;
    AditDaemonChanged changed;
    gpointer changed_data;
};

static GStrv
link_names(const GPtrArray *entries, const char *extra)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (guint i = 0; i < entries->len; i++)
        g_strv_builder_add(names, ((const AditEntry *)g_ptr_array_index(entries, i))->name);
    if (extra)
        g_strv_builder_add(names, extra);
    return g_strv_builder_end(names);
}

static GPtrArray *
make_gateways(const GPtrArray *entries)
{
    GPtrArray *gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_gateway_free);

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);
        AditGateway *gateway =
            adit_gateway_from_profile(entry->name, entry->slot, entry->name, entry->profile);

        gateway->link_up = entry->up;
        memcpy(gateway->selected, entry->selected, sizeof(gateway->selected));
        g_ptr_array_add(gateways, gateway);
    }
    return gateways;
}

static AditState *
plan_tunnels(const AditDaemon *self, const GPtrArray *entries)
{
    g_autoptr(AditState) want = adit_state_new();

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);
        g_autofree AditSockAddr *endpoints = adit_endpoints_of(self->endpoints, entry->profile);

        if (entry->up)
            adit_tunnel_plan(want, entry->name, entry->profile, endpoints, entry->selected);
    }
    return adit_state_seal(g_steal_pointer(&want));
}

/* @gone: a link that was ours until now. */
static gboolean
apply(AditDaemon *self, const GPtrArray *entries, const char *gone, GError **error)
{
    g_auto(GStrv) ours = link_names(entries, gone);
    g_autoptr(GPtrArray) gateways = make_gateways(entries);
    g_autoptr(AditState) tunnels = plan_tunnels(self, entries);
    const AditRouterWish wish = { .gateways = (const AditGateway *const *)gateways->pdata,
                                  .n_gateways = gateways->len,
                                  .policy = &self->policy,
                                  .tunnels = tunnels,
                                  .links = (const char *const *)ours };
    AditReconcileResult result = { 0 };

    if (!adit_router_apply(self->router, &wish, &result, error))
        return FALSE;
    if (result.rounds > 0)
        g_info("kernel: %u added, %u changed, %u deleted", result.added, result.changed,
               result.deleted);
    return TRUE;
}

/* Somebody else may have changed what is ours. */
static gboolean
on_look(gpointer data)
{
    AditDaemon *self = data;
    g_autoptr(GError) error = NULL;

    if (apply(self, self->entries, NULL, &error))
        return TRUE;
    g_warning("%s", error->message);
    return FALSE;
}

static void
tell(AditDaemon *self)
{
    if (self->changed)
        self->changed(self, self->changed_data);
}

/* A name has got an address, or another one. */
static void
on_resolved(AditEndpoints *endpoints, gpointer data)
{
    AditDaemon *self = data;
    g_autoptr(GError) error = NULL;

    if (!apply(self, self->entries, NULL, &error))
        g_warning("%s", error->message);
    tell(self);
}

AditDaemon *
adit_daemon_new(const AditPlaces *places, GError **error)
{
    g_autoptr(AditDaemon) self = g_new0(AditDaemon, 1);
    self->places = places;
    self->entries = g_ptr_array_new_with_free_func((GDestroyNotify)adit_entry_free);
    self->endpoints = adit_endpoints_new(on_resolved, self);
    self->kernel = adit_kernel_open(error);
    if (!self->kernel)
        return NULL;
    self->wgdev = adit_wgdev_open(NULL, error);
    if (!self->wgdev)
        return NULL;
    adit_wgdev_join(self->wgdev, self->kernel);
    self->router =
        adit_router_open(self->kernel, places->config, places->runtime, on_look, self, error);
    if (!self->router)
        return NULL;
    return g_steal_pointer(&self);
}

void
adit_daemon_free(AditDaemon *self)
{
    if (!self)
        return;
    adit_endpoints_free(self->endpoints);
    g_clear_pointer(&self->router, adit_router_free);
    g_clear_pointer(&self->kernel, adit_kernel_free);
    g_clear_pointer(&self->wgdev, adit_wgdev_free);
    g_ptr_array_unref(self->entries);
    g_free((gpointer)self->policy.bypass);
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

gboolean
adit_daemon_reload(AditDaemon *self, GError **error)
{
    g_autoptr(GPtrArray) entries =
        adit_catalog_load(self->places->config, self->places->state, error);
    AditPolicy policy;

    if (!entries || !adit_client_settings_load(self->places->config, &policy, error))
        return FALSE;
    g_free((gpointer)self->policy.bypass);
    self->policy = policy;
    for (guint i = 0; i < entries->len; i++)
        if (!adit_catalog_save_decision(g_ptr_array_index(entries, i), self->places->state,
                                        error))
            return FALSE;
    if (!apply(self, entries, NULL, error))
        return FALSE;
    g_ptr_array_unref(self->entries);
    self->entries = g_steal_pointer(&entries);
    tell(self);
    return TRUE;
}

/* Names of links that exist are taken, whoever made them. */
static char *
free_name(const AditDaemon *self, const char *wish)
{
    g_auto(GStrv) ours = link_names(self->entries, NULL);
    g_autoptr(GStrvBuilder) taken = g_strv_builder_new();
    g_auto(GStrv) list = NULL;
    struct if_nameindex *links = if_nameindex();

    g_strv_builder_addv(taken, (const char **)ours);
    for (struct if_nameindex *l = links; l && l->if_index != 0; l++)
        g_strv_builder_add(taken, l->if_name);
    if (links)
        if_freenameindex(links);
    list = g_strv_builder_end(taken);
    return adit_ifname_derive(wish, (const char *const *)list);
}

gboolean
adit_daemon_import(AditDaemon *self, const char *wish, const char *text, gsize len,
                   char **ret_name, GError **error)
{
    g_autoptr(AditProfile) profile = adit_profile_parse(wish, text, len, error);
    g_autofree char *name = free_name(self, wish);
    AditEntry *entry;

    if (!profile)
        return FALSE;
    entry = adit_entry_new(name, g_steal_pointer(&profile));
    entry->up = TRUE;
    entry->slot = adit_catalog_free_slot(self->entries);
    g_ptr_array_add(self->entries, entry); /* owns it from here on */
    if (entry->slot == 0)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: all 60 gateway slots are taken",
                    name);
    else if (adit_catalog_save(entry, self->places->config, self->places->state, error)) {
        if (apply(self, self->entries, NULL, error)) {
            *ret_name = g_steal_pointer(&name);
            tell(self);
            return TRUE;
        }
        adit_catalog_remove(entry, self->places->config, self->places->state, NULL);
    }
    g_ptr_array_remove(self->entries, entry);
    apply(self, self->entries, name, NULL);
    return FALSE;
}

static AditEntry *
find(AditDaemon *self, const char *name, GError **error)
{
    AditEntry *entry = adit_catalog_find(self->entries, name);

    if (!entry)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such gateway", name);
    return entry;
}

/* First the kernel, then the files: what a crash leaves behind is a gateway that is still
 * listed. */
gboolean
adit_daemon_remove(AditDaemon *self, const char *name, GError **error)
{
    AditEntry *entry = find(self, name, error);
    g_autoptr(AditEntry) holder = NULL;
    guint index;

    if (!entry || !g_ptr_array_find(self->entries, entry, &index))
        return FALSE;
    holder = g_ptr_array_steal_index(self->entries, index);
    if (!apply(self, self->entries, holder->name, error)) {
        g_ptr_array_insert(self->entries, (gint)index, g_steal_pointer(&holder));
        return FALSE;
    }
    if (!adit_catalog_remove(holder, self->places->config, self->places->state, error))
        return FALSE;
    tell(self);
    return TRUE;
}

gboolean
adit_daemon_set_up(AditDaemon *self, const char *name, gboolean up, GError **error)
{
    AditEntry *entry = find(self, name, error);
    gboolean before = entry ? entry->up : FALSE;

    if (!entry)
        return FALSE;
    entry->up = up;
    if (!adit_catalog_save_decision(entry, self->places->state, error) ||
        !apply(self, self->entries, NULL, error)) {
        entry->up = before;
        adit_catalog_save_decision(entry, self->places->state, NULL);
        return FALSE;
    }
    tell(self);
    return TRUE;
}

/* The new default is written before the old one is cleared: after a crash in between two claim
 * it, the planner refuses, and nothing is opened. */
gboolean
adit_daemon_set_default(AditDaemon *self, const char *name, gboolean ipv4, gboolean ipv6,
                        GError **error)
{
    const gboolean families[2] = { ipv4, ipv6 };
    AditEntry *chosen = name ? find(self, name, error) : NULL;

    if (name && (!chosen || !adit_rival_check(name, families, error)))
        return FALSE;
    for (guint f = 0; f < 2; f++)
        for (guint i = 0; families[f] && i < self->entries->len; i++) {
            AditEntry *entry = g_ptr_array_index(self->entries, i);

            entry->selected[f] = entry == chosen;
        }
    for (guint i = 0; i < self->entries->len; i++)
        if (!adit_catalog_save_decision(g_ptr_array_index(self->entries, i),
                                        self->places->state, error))
            return FALSE;
    if (!apply(self, self->entries, NULL, error))
        return FALSE;
    tell(self);
    return TRUE;
}

/* When the server was last heard, and what is wrong in one sentence. */
gboolean
adit_daemon_status(AditDaemon *self, const char *name, AditGatewayStatus *ret, GError **error)
{
    AditEntry *entry = find(self, name, error);
    g_autoptr(AditWgDump) dump = NULL;
    g_autoptr(GError) reason = NULL;
    AditGatewayStatus status = { 0 };

    if (!entry)
        return FALSE;
    if (entry->up) {
        dump = adit_wgdev_get(self->wgdev, entry->name, &reason);
        for (guint i = 0; dump && i < dump->peers->len; i++) {
            const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

            status.last_handshake = MAX(status.last_handshake, peer->status.handshake_sec);
        }
        if (!dump)
            status.problem = g_strdup(reason->message);
        else if (status.last_handshake == 0)
            status.problem = g_strdup("no handshake: key, PSK, endpoint or blocked UDP");
    }
    *ret = status;
    return TRUE;
}

void
adit_gateway_status_clear(AditGatewayStatus *status)
{
    g_clear_pointer(&status->problem, g_free);
}

char *
adit_daemon_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    const gboolean unselected[2] = { FALSE, FALSE };
    const AditFacts facts = { 0 };
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
