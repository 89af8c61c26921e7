/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "tunnel-server/caller.h"
#include "tunnel-server/leases.h"
#include "tunnel-server/own.h"

/* The Own methods: what a device changes of its own on the page, judged by own.c. */

typedef struct {
    AditOwnDesk desk;
    guint8 family;
    const char *key, *label;
    gboolean enabled;
} Wish;

/* FALSE: nothing is in force that could be changed, and the caller knows. */
static gboolean
open_desk(AditServerService *self, GDBusMethodInvocation *call, const char *address,
          AditOwnDesk *ret)
{
    GError *error = NULL;

    ret->address = address;
    ret->site = adit_pcp_server_site(adit_admin_pcp(self->admin));
    ret->leases = adit_admin_leases(self->admin);
    ret->rules = adit_admin_settings(self->admin);
    ret->now_ms = adit_leases_now();
    if (!ret->site)
        g_set_error(&error, ADIT_ERROR, ADIT_ERROR_BUSY, "the server is down");
    return !adit_service_fail(call, error);
}

typedef struct {
    AditOwnDesk desk;
    AditPublishWish publish;
    guchar family;
} PublishWish;

static gboolean
edit_publish(AditModel *model, gpointer data, GError **error)
{
    PublishWish *wish = data;

    return adit_own_publish(model, &wish->desk, wish->family, &wish->publish, error);
}

static gboolean
on_publish(AditSrvManager *manager, GDBusMethodInvocation *call, const char *address,
           guchar family, const char *ports, guint16 internal, const char *label,
           const char *redirect, AditServerService *self)
{
    PublishWish wish = { .family = family,
                         .publish = { .address = "", .internal = internal, .label = label } };
    g_autofree char *object = g_strdup_printf("%s for %s", ports, address);
    g_auto(GStrv) keys = NULL;
    GError *error = NULL;

    adit_service_parse_publish(&wish.publish, ports, redirect, &error);
    if (adit_service_fail(call, error) || !open_desk(self, call, address, &wish.desk) ||
        !adit_service_change(self, call, "own publish", object, edit_publish, &wish))
        return TRUE;
    keys = adit_service_keys_of_last(self, family ? 1 : 2);
    adit_srv_manager_complete_own_publish(manager, call, (const char *const *)keys);
    return TRUE;
}

static AditPublish *
find(AditModel *model, const Wish *wish, GError **error)
{
    guint at;

    return adit_own_find(model, &wish->desk, wish->family, wish->key, &at, error)
               ? g_ptr_array_index(adit_model_own_publishes(model), at)
               : NULL;
}

static gboolean
edit_remove(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    return publish && g_ptr_array_remove(model->publishes, publish);
}

static gboolean
on_remove(AditSrvManager *manager, GDBusMethodInvocation *call, const char *address,
          guchar family, const char *key, AditServerService *self)
{
    Wish wish = { .family = adit_service_family(family), .key = key };

    if (open_desk(self, call, address, &wish.desk) &&
        adit_service_change(self, call, "own remove", key, edit_remove, &wish))
        adit_srv_manager_complete_own_remove(manager, call);
    return TRUE;
}

static gboolean
edit_label(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    return publish && adit_edit_set_label(publish, ((Wish *)data)->label, error);
}

static gboolean
on_set_label(AditSrvManager *manager, GDBusMethodInvocation *call, const char *address,
             guchar family, const char *key, const char *label, AditServerService *self)
{
    Wish wish = { .family = adit_service_family(family), .key = key, .label = label };

    if (open_desk(self, call, address, &wish.desk) &&
        adit_service_change(self, call, "own set-label", key, edit_label, &wish))
        adit_srv_manager_complete_own_set_label(manager, call);
    return TRUE;
}

static gboolean
edit_enabled(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;
    AditPublish *publish = find(model, wish, error);

    if (!publish)
        return FALSE;
    if (wish->enabled && !adit_model_device(model, publish->device)->may_publish) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: the server does not let this device publish", wish->key);
        return FALSE;
    }
    publish->enabled = wish->enabled;
    return TRUE;
}

/* What it opened by PCP; of another key nothing is said here. */
static gboolean
set_lease_enabled(AditServerService *self, const AditAudit *audit, const Wish *wish,
                  GError **error)
{
    const AditPcpHost *host = adit_own_host(&wish->desk, error);

    return host && adit_admin_set_lease_enabled(self->admin, audit, wish->family, wish->enabled,
                                                host->device, error);
}

static gboolean
on_set_enabled(AditSrvManager *manager, GDBusMethodInvocation *call, const char *address,
               guchar family, const char *key, gboolean enabled, AditServerService *self)
{
    Wish wish = { .family = adit_service_family(family), .key = key, .enabled = enabled };
    const AditAudit audit = { adit_caller_uid(call), "own set-enabled", key };
    GError *error = NULL;

    if (!open_desk(self, call, address, &wish.desk))
        return TRUE;
    set_lease_enabled(self, &audit, &wish, &error);
    if (g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
        g_error_free(error);
        if (!adit_service_change(self, call, audit.verb, key, edit_enabled, &wish))
            return TRUE;
    } else if (adit_service_fail(call, error)) {
        return TRUE;
    }
    adit_srv_manager_complete_own_set_enabled(manager, call);
    return TRUE;
}

void
adit_service_connect_own(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-own-publish", G_CALLBACK(on_publish), self);
    g_signal_connect(self->manager, "handle-own-remove", G_CALLBACK(on_remove), self);
    g_signal_connect(self->manager, "handle-own-set-enabled", G_CALLBACK(on_set_enabled), self);
    g_signal_connect(self->manager, "handle-own-set-label", G_CALLBACK(on_set_label), self);
}
