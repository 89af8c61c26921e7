/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/admin-private.h"

#include "libadit/core/error.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/settings-file.h"
#include "libadit/sys/syserror.h"
#include "libadit/sys/trim.h"
#include "tunnel-server/dataplane.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/lease-key.h"
#include "tunnel-server/responder.h"
#include "tunnel-server/room.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

const AditModel *
adit_admin_model(const AditAdmin *self)
{
    return self->model;
}

const AditServerSettings *
adit_admin_settings(const AditAdmin *self)
{
    return self->settings;
}

const AditServerFacts *
adit_admin_facts(const AditAdmin *self)
{
    return &self->facts;
}

AditPcpServer *
adit_admin_pcp(const AditAdmin *self)
{
    return self->pcp;
}

const char *
adit_admin_note(const AditAdmin *self)
{
    return self->note;
}

const char *
adit_admin_trouble(const AditAdmin *self)
{
    return self->trouble;
}

static gboolean
is_new(const AditModel *model)
{
    return adit_key_is_zero(&model->private_key);
}

const char *
adit_admin_state(const AditAdmin *self)
{
    if (is_new(self->model))
        return "new";
    if (self->down)
        return "down";
    return self->trouble ? "broken" : "up";
}

AditAdmin *
adit_admin_open(const AditPlaces *places, GError **error)
{
    g_autoptr(AditAdmin) self = g_new0(AditAdmin, 1);
    g_autofree char *leases = g_build_filename(places->state, "leases.db", NULL);

    self->store_path = g_build_filename(places->state, "server.db", NULL);
    self->settings_path = g_build_filename(places->config, "server.conf", NULL);
    self->settings = adit_settings_file_load(&adit_server_settings, self->settings_path, error);
    if (!self->settings)
        return NULL;
    if (g_mkdir_with_parents(places->state, 0700) != 0) {
        adit_syserror_set(error, errno, "%s", places->state);
        return NULL;
    }
    if (!adit_admin_open_store(self, error))
        return NULL;
    self->server = adit_server_open(places->state, error);
    if (!self->server)
        return NULL;
    self->pcp = adit_pcp_server_new(adit_server_nft(self->server), leases);
    adit_pcp_server_set_rules(self->pcp, self->settings);
    self->responder = adit_responder_new(places->runtime, error);
    return self->responder ? g_steal_pointer(&self) : NULL;
}

void
adit_admin_close(AditAdmin *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->pcp, adit_pcp_server_free);
    adit_settings_free(&adit_server_settings, self->settings);
    g_clear_pointer(&self->responder, adit_responder_free);
    g_clear_pointer(&self->server, adit_server_close);
    g_clear_pointer(&self->store, adit_server_store_close);
    g_clear_pointer(&self->model, adit_model_free);
    g_clear_pointer(&self->seen, adit_wg_dump_free);
    adit_server_facts_clear(&self->facts);
    g_free(self->settings_path);
    g_free(self->store_path);
    g_free(self->trouble);
    g_free(self->note);
    g_free(self);
}

/* What the machine itself has, nobody behind it may have. */
static void
take_facts(AditAdmin *self, AditModel *model)
{
    const AditServerFacts *facts = &self->facts;

    model->per_mapping = (guint32)self->settings->per_mapping;
    model->per_device = (guint32)self->settings->per_device;
    g_clear_pointer(&model->taken, g_free);
    model->n_taken = 0;
    model->taken = g_new0(AditAddr, facts->n_wan_prefixes);
    for (guint i = 0; i < facts->n_wan_prefixes; i++)
        model->taken[model->n_taken++] = facts->wan_prefixes[i].addr;
    model->router6 = facts->router6;
}

static gboolean
read_facts(AditAdmin *self, const AditModel *model, GError **error)
{
    AditServerFacts facts = { 0 };

    if (!adit_server_facts_read(model->wan, &facts, error))
        return FALSE;
    self->moved |= !adit_server_facts_equal(&facts, &self->facts);
    adit_server_facts_clear(&self->facts);
    self->facts = facts;
    return TRUE;
}

/* adit-redirect answers on every address of ours in the tunnel. */
static void
place_responder(AditAdmin *self, const AditModel *model)
{
    g_autoptr(GArray) at = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));

    for (guint i = 0; !self->down && i < model->subnets->len; i++) {
        const AditSubnet *subnet = adit_model_subnet(model, i);
        const AditSockAddr four = adit_server_responder(subnet, AF_INET);
        const AditSockAddr six = adit_server_responder(subnet, AF_INET6);

        g_array_append_val(at, four);
        if (adit_addr_is_set(&six.addr))
            g_array_append_val(at, six);
    }
    adit_responder_set(self->responder, (const AditSockAddr *)(gconstpointer)at->data, at->len);
}

/* All of it, whatever the kernel has. */
static gboolean
apply(AditAdmin *self, const AditModel *model, const AditPcpSite *site, GError **error)
{
    AditState *opened = adit_state_new();

    adit_leases_plan(adit_pcp_server_leases(self->pcp), site, opened);
    adit_server_add_spare(opened, model, &self->facts, &self->settings->spare);
    return adit_server_apply(self->server, model, &self->facts, opened, error);
}

/* What differs from @had, which is in force; FALSE: that cannot be known. */
static gboolean
step(AditAdmin *self, const AditModel *had, const AditModel *model, const AditPcpSite *site)
{
    const AditPcpSite *before = adit_pcp_server_site(self->pcp);
    AditServerSide from = { .model = had }, to = { .model = model };

    if (!had || !before)
        return FALSE;
    from.leases = adit_state_new();
    to.leases = adit_state_new();
    adit_leases_plan_step(adit_pcp_server_leases(self->pcp), before, site, from.leases,
                          to.leases);
    adit_server_add_spare(from.leases, had, &self->facts, &self->settings->spare);
    adit_server_add_spare(to.leases, model, &self->facts, &self->settings->spare);
    return adit_server_step(self->server, &from, &to, &self->facts);
}

/* What devices have opened goes with it, as far as the model leaves room. The first time it is
 * looked up in the kernel. @had: is in force, as far as known; or NULL. @ret_site: for
 * adit_pcp_server_adopt(), once all is decided. */
static gboolean
put_in_force(AditAdmin *self, const AditModel *had, const AditModel *model,
             AditPcpSite **ret_site, GError **error)
{
    AditLeases *leases = adit_pcp_server_leases(self->pcp);
    g_autoptr(AditPcpSite) site = NULL;

    if (self->down || is_new(model))
        return TRUE;
    adit_server_set_device_limits(self->server, model->per_device > 0);
    site =
        adit_pcp_site_new(model, &self->facts, self->settings, adit_pcp_server_site(self->pcp));
    if (!self->started && !adit_leases_restore(leases, site, error))
        return FALSE;
    if (!step(self, had, model, site) && !apply(self, model, site, error))
        return FALSE;
    self->moved = FALSE;
    self->started = TRUE;
    place_responder(self, model);
    *ret_site = g_steal_pointer(&site);
    return TRUE;
}

static void
adopt(AditAdmin *self, AditPcpSite **site)
{
    if (*site)
        adit_pcp_server_adopt(self->pcp, g_steal_pointer(site));
}

/* The machine may have got an address that the model gives to somebody else. */
static gboolean
look(AditAdmin *self, gboolean ports, GError **error)
{
    g_autoptr(AditPcpSite) site = NULL;

    if (!read_facts(self, self->model, error))
        return FALSE;
    if (self->started && !ports && !self->moved)
        return adit_server_apply_rest(self->server, self->model, &self->facts, error);
    take_facts(self, self->model);
    if (!adit_model_settle(self->model, error) ||
        !put_in_force(self, NULL, self->model, &site, error))
        return FALSE;
    adopt(self, &site);
    return TRUE;
}

/* What we did ourselves nobody will tell us. */
static void
look_before_long(AditAdmin *self)
{
    if (self->watch)
        adit_watch_again(self->watch);
}

gboolean
adit_admin_look_again(AditAdmin *self, gboolean ports, GError **error)
{
    gboolean was_broken = self->trouble != NULL;
    GError *reason = NULL;

    g_clear_pointer(&self->trouble, g_free);
    if (self->down || is_new(self->model))
        return TRUE;
    adit_trim_later();
    adit_admin_recall_endpoints(self);
    if (!look(self, ports || was_broken, &reason)) {
        look_before_long(self);
        self->trouble = g_strdup(reason->message);
        g_propagate_error(error, reason);
        return FALSE;
    }
    adit_admin_forget_endpoints(self->model);
    return TRUE;
}

guint64
adit_admin_transactions(const AditAdmin *self)
{
    return adit_nftdev_sent(adit_server_nft(self->server));
}

gboolean
adit_admin_was_alone(AditAdmin *self)
{
    return adit_nftdev_was_alone(adit_server_nft(self->server));
}

gboolean
adit_admin_tell_ours(AditAdmin *self, AditWatch *watch, GError **error)
{
    static const char *const links[] = { ADIT_SERVER_LINK, NULL };

    adit_watch_set_ours(watch, ADIT_DATAPLANE_TABLE, links);
    if (!adit_watch_ignore(watch, adit_nftdev_socket(adit_server_nft(self->server)), error) ||
        !adit_watch_ignore_routes(watch, adit_server_routes(self->server), error))
        return FALSE;
    self->watch = watch;
    return TRUE;
}

void
adit_admin_forget_watch(AditAdmin *self)
{
    self->watch = NULL;
}

gboolean
adit_admin_start(AditAdmin *self, GError **error)
{
    AditServerSettings *settings =
        adit_settings_file_load(&adit_server_settings, self->settings_path, error);

    if (!settings)
        return FALSE;
    adit_settings_free(&adit_server_settings, self->settings);
    self->settings = settings;
    adit_pcp_server_set_rules(self->pcp, settings);
    self->down = FALSE;
    return adit_admin_look_again(self, TRUE, error);
}

gboolean
adit_admin_down(AditAdmin *self, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!adit_admin_save_endpoints(self, &local))
        g_warning("%s", local->message);
    adit_admin_recall_endpoints(self);
    if (!adit_server_down(self->server, error)) {
        look_before_long(self); /* half of it may be gone */
        return FALSE;
    }
    adit_pcp_server_down(self->pcp);
    self->down = TRUE;
    place_responder(self, self->model);
    self->started = FALSE;
    return TRUE;
}

gboolean
adit_admin_find_drift(AditAdmin *self, GPtrArray *ret, GError **error)
{
    return adit_server_find_drift(self->server, self->model, &self->facts, ret, error);
}

AditTrafficTable *
adit_admin_traffic(AditAdmin *self)
{
    return adit_server_traffic(self->server, NULL);
}

const AditLeaseTable *
adit_admin_leases(const AditAdmin *self)
{
    return adit_leases_table(adit_pcp_server_leases(self->pcp));
}

void
adit_admin_watch_leases(AditAdmin *self, void (*func)(gpointer data), gpointer data)
{
    adit_leases_watch(adit_pcp_server_leases(self->pcp), func, data);
}

gboolean
adit_admin_has_responder(const AditAdmin *self)
{
    return adit_responder_is_there(self->responder);
}

char *
adit_admin_endpoint(const AditAdmin *self)
{
    AditSockAddr endpoint = { .port = self->model->listen_port };

    if (self->model->endpoint)
        return g_strdup(self->model->endpoint);
    endpoint.addr = adit_server_facts_wan4(&self->facts);
    return adit_addr_is_set(&endpoint.addr) ? adit_sockaddr_to_string(&endpoint) : NULL;
}

/* -- changes -- */

static gboolean
check_reserved(const AditAdmin *self, const AditModel *model, GError **error)
{
    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (publish->id || publish->family != AF_INET)
            continue; /* a GUA is the device's own; what stands, stands */
        for (guint port = publish->first; port <= publish->last; port++) {
            gboolean spare = publish->proto & ADIT_PROTO_UDP &&
                             adit_port_list_contains(&self->settings->spare, (guint16)port);

            if (!spare && !adit_port_list_contains(&self->settings->reserved, (guint16)port))
                continue;
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                        "port %u: reserved for the server itself: see %s= in %s", port,
                        spare ? "SpareUdp" : "Reserved", self->settings_path);
            return FALSE;
        }
    }
    return TRUE;
}

/* The model, if all of it is in force, as far as can be known: whoever does something to it is
 * heard, and nobody was since it was last looked at. */
static const AditModel *
in_force(AditAdmin *self)
{
    const gboolean sure = self->started && !self->trouble && !self->moved && self->watch;

    return sure && !adit_watch_is_due(self->watch) ? self->model : NULL;
}

AditModel *
adit_admin_try(AditAdmin *self, AditEdit edit, gpointer data, GError **error)
{
    g_autoptr(AditModel) next = adit_model_copy(self->model);
    GError *reason = NULL;

    if (!edit(next, data, &reason) &&
        !(is_new(next) && g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))) {
        g_propagate_error(error, reason);
        return NULL;
    }
    if (is_new(next)) { /* which says more than what the edit could not find */
        g_clear_error(&reason);
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                            "this server is not set up yet: adit-server setup");
        return NULL;
    }
    if (!read_facts(self, next, &reason)) {
        g_info("%s", reason->message); /* the WAN of a moment ago will do, if there was one */
        g_clear_error(&reason);
        if (!self->facts.wan[0]) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                        "WAN: no IPv4 default route on this machine: name the interface: "
                        "adit-server setup --wan IFACE");
            return NULL;
        }
    }
    take_facts(self, next);
    if (!adit_room_check(self->model, next, &self->facts, error))
        return NULL;
    if (!adit_model_settle_after(next, in_force(self), &reason)) {
        reason->code = ADIT_ERROR_DENIED; /* the words are good, the wish cannot hold */
        g_propagate_error(error, reason);
        return NULL;
    }
    return check_reserved(self, next, error) ? g_steal_pointer(&next) : NULL;
}

static void
audit_change(const AditAudit *audit)
{
    g_autofree char *uid = g_strdup_printf("%u", audit->uid);
    g_autofree char *message =
        g_strdup_printf("%s %s: done for uid %s", audit->verb, audit->object, uid);

    adit_journal(LOG_NOTICE, message, "ADIT_VERB", audit->verb, "ADIT_OBJECT", audit->object,
                 "ADIT_UID", uid, NULL);
}

/* The kernel as it was: after a change that could not be. */
static void
put_back(AditAdmin *self)
{
    g_autoptr(GError) error = NULL;

    if (!adit_admin_look_again(self, TRUE, &error))
        g_warning("%s", error->message);
}

/* Written, then in force, then durable. Killed before the commit, the next start finds the old
 * model and makes the kernel follow; killed behind it, the new one. */
gboolean
adit_admin_change(AditAdmin *self, const AditAudit *audit, AditEdit edit, gpointer data,
                  GError **error)
{
    g_autoptr(AditModel) next = adit_admin_try(self, edit, data, error);
    g_autoptr(AditPcpSite) site = NULL;

    if (!next || !adit_server_store_begin(self->store, self->model, next, error))
        return FALSE;
    if (!put_in_force(self, in_force(self), next, &site, error)) {
        adit_server_store_rollback(self->store);
        put_back(self);
        return FALSE;
    }
    if (!adit_server_store_commit(self->store, error)) {
        put_back(self);
        return FALSE;
    }
    adit_model_free(self->model);
    self->model = g_steal_pointer(&next);
    if (!self->down)
        adit_admin_forget_endpoints(self->model);
    adopt(self, &site);
    adit_trim_later();
    self->copy_wanted = TRUE;
    g_clear_pointer(&self->trouble, g_free);
    audit_change(audit);
    return TRUE;
}

/* NULL: there is none, or it is none of @device's, which is the same to it. */
static const AditLease *
find_lease(AditAdmin *self, const char *key, guint8 family, gint64 device, GError **error)
{
    const AditLease *lease = NULL;
    AditSockAddr at;
    guint8 proto;

    if (adit_pcp_server_site(self->pcp) &&
        adit_lease_key_parse(self->model, &self->facts, key, &proto, &at) &&
        at.addr.family == family)
        lease = adit_lease_find_external(adit_admin_leases(self), proto, &at);
    if (lease && (!device || lease->device == device))
        return lease;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such mapping", key);
    return NULL;
}

gboolean
adit_admin_set_lease_enabled(AditAdmin *self, const AditAudit *audit, guint8 family,
                             gboolean enabled, gint64 device, GError **error)
{
    const AditLease *lease = find_lease(self, audit->object, family, device, error);
    const guint8 off = (guint8)(ADIT_LEASE_OFF | (device ? ADIT_LEASE_BY_DEVICE : 0));

    if (!lease)
        return FALSE;
    if (device && adit_lease_is_held(lease)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: switched off by the operator",
                    audit->object);
        return FALSE;
    }
    if (!adit_leases_set_off(adit_pcp_server_leases(self->pcp), adit_pcp_server_site(self->pcp),
                             lease, enabled ? 0 : off, (guint32)self->settings->min_lifetime,
                             error))
        return FALSE;
    audit_change(audit);
    return TRUE;
}
