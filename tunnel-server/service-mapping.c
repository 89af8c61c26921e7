/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "tunnel-server/caller.h"
#include "tunnel-server/edit.h"

#include <sys/socket.h>

/* Changes of forwards and pinholes. */

guint8
adit_service_family(guchar number)
{
    return number == 6 ? AF_INET6 : AF_INET;
}

static gboolean
edit_add(AditModel *model, gpointer data, GError **error)
{
    return adit_edit_add_publish(model, data, error);
}

static char *
key_of_last(AditServerService *self, guint n)
{
    const AditModel *model = adit_admin_model(self->admin);

    return adit_publish_key(model, adit_model_publish(model, model->publishes->len - n));
}

static gboolean
on_add(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family, const char *address,
       const char *ports, const char *device, guint16 internal, const char *label,
       const char *const *allow_from, AditServerService *self)
{
    AditPublishWish wish = { .family = adit_service_family(family),
                             .address = address,
                             .device = device,
                             .internal = internal,
                             .label = label,
                             .allow_from = allow_from };
    const char *verb = wish.family == AF_INET ? "forward add" : "pinhole add";
    g_autofree char *object = g_strdup_printf("%s %s", ports, device);
    g_autofree char *key = NULL;
    GError *error = NULL;

    adit_ports_parse(ports, &wish.ports, &error);
    if (adit_service_fail(call, error) ||
        !adit_service_change(self, call, verb, object, edit_add, &wish))
        return TRUE;
    key = key_of_last(self, 1);
    adit_srv_manager_complete_add_mapping(manager, call, key);
    return TRUE;
}

char **
adit_service_keys_of_last(AditServerService *self, guint n)
{
    char **keys = g_new0(char *, n + 1);

    for (guint i = 0; i < n; i++)
        keys[i] = key_of_last(self, n - i);
    return keys;
}

gboolean
adit_service_parse_publish(AditPublishWish *wish, const char *ports, const char *redirect,
                           GError **error)
{
    if (!adit_ports_parse(ports, &wish->ports, error))
        return FALSE;
    if (adit_redirect_parse(redirect, &wish->redirect))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "redirect: neither no, https nor port");
    return FALSE;
}

typedef struct {
    AditPublishWish publish;
    guchar family; /* 4, 6, 0: both */
} BothWish;

/* Two edits of one change: both families or none. */
static gboolean
edit_both(AditModel *model, gpointer data, GError **error)
{
    BothWish *wish = data;

    wish->publish.family = AF_INET;
    if (wish->family != 6 && !adit_edit_add_publish(model, &wish->publish, error))
        return FALSE;
    wish->publish.family = AF_INET6;
    return wish->family == 4 || adit_edit_add_publish(model, &wish->publish, error);
}

static gboolean
on_publish(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family,
           const char *ports, const char *device, guint16 internal, const char *label,
           const char *redirect, AditServerService *self)
{
    BothWish wish = {
        .family = family,
        .publish = { .address = "", .device = device, .internal = internal, .label = label }
    };
    g_autofree char *object = g_strdup_printf("%s %s", ports, device);
    g_auto(GStrv) keys = NULL;
    GError *error = NULL;

    adit_service_parse_publish(&wish.publish, ports, redirect, &error);
    if (adit_service_fail(call, error) ||
        !adit_service_change(self, call, "publish", object, edit_both, &wish))
        return TRUE;
    keys = adit_service_keys_of_last(self, family ? 1 : 2);
    adit_srv_manager_complete_publish(manager, call, (const char *const *)keys);
    return TRUE;
}

typedef struct {
    guint8 family;
    const char *key, *label;
    gboolean enabled;
} Wish;

static AditPublish *
find(AditModel *model, const Wish *wish, GError **error)
{
    guint at;

    return adit_edit_find_publish(model, wish->family, wish->key, &at, error)
               ? g_ptr_array_index(adit_model_own_publishes(model), at)
               : NULL;
}

static gboolean
edit_remove(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    return publish && g_ptr_array_remove(model->publishes, publish);
}

static const char *
verb_of(guchar family, const char *forward, const char *pinhole)
{
    return family == 6 ? pinhole : forward;
}

static gboolean
on_remove(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family, const char *key,
          AditServerService *self)
{
    Wish wish = { .family = adit_service_family(family), .key = key };

    if (adit_service_change(self, call, verb_of(family, "forward remove", "pinhole remove"),
                            key, edit_remove, &wish))
        adit_srv_manager_complete_remove_mapping(manager, call);
    return TRUE;
}

static gboolean
edit_enabled(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    if (publish)
        adit_edit_set_enabled(publish, ((Wish *)data)->enabled);
    return publish != NULL;
}

/* One that its device has opened. FALSE: it is none of those, or the caller has its error. */
static gboolean
set_lease_enabled(AditServerService *self, GDBusMethodInvocation *call, const char *verb,
                  const Wish *wish, gboolean *ret_handled)
{
    const AditAudit audit = { adit_caller_uid(call), verb, wish->key };
    GError *error = NULL;
    guint at;

    *ret_handled = FALSE;
    if (adit_edit_find_publish(adit_admin_model(self->admin), wish->family, wish->key, &at,
                               NULL))
        return FALSE;
    adit_admin_set_lease_enabled(self->admin, &audit, wish->family, wish->enabled, 0, &error);
    if (g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
        g_error_free(error);
        return FALSE; /* the words for a mapping that is not there are the other's */
    }
    *ret_handled = TRUE;
    return !adit_service_fail(call, error);
}

static gboolean
on_set_enabled(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family,
               const char *key, gboolean enabled, AditServerService *self)
{
    Wish wish = { .family = adit_service_family(family), .key = key, .enabled = enabled };
    const char *verb = verb_of(family, "forward set-enabled", "pinhole set-enabled");
    gboolean handled;

    if (set_lease_enabled(self, call, verb, &wish, &handled) ||
        (!handled && adit_service_change(self, call, verb, key, edit_enabled, &wish)))
        adit_srv_manager_complete_set_mapping_enabled(manager, call);
    return TRUE;
}

static gboolean
edit_label(AditModel *model, gpointer data, GError **error)
{
    AditPublish *publish = find(model, data, error);

    return publish && adit_edit_set_label(publish, ((Wish *)data)->label, error);
}

static gboolean
on_set_label(AditSrvManager *manager, GDBusMethodInvocation *call, guchar family,
             const char *key, const char *label, AditServerService *self)
{
    Wish wish = { .family = adit_service_family(family), .key = key, .label = label };

    if (adit_service_change(self, call,
                            verb_of(family, "forward set-label", "pinhole set-label"), key,
                            edit_label, &wish))
        adit_srv_manager_complete_set_mapping_label(manager, call);
    return TRUE;
}

void
adit_service_connect_mappings(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-add-mapping", G_CALLBACK(on_add), self);
    g_signal_connect(self->manager, "handle-publish", G_CALLBACK(on_publish), self);
    g_signal_connect(self->manager, "handle-remove-mapping", G_CALLBACK(on_remove), self);
    g_signal_connect(self->manager, "handle-set-mapping-enabled", G_CALLBACK(on_set_enabled),
                     self);
    g_signal_connect(self->manager, "handle-set-mapping-label", G_CALLBACK(on_set_label), self);
}
