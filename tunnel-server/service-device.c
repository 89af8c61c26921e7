/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "libadit/sys/trim.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/key-pair.h"
#include "tunnel-server/profile.h"

#include <gio/gunixfdlist.h>
#include <sodium.h>
#include <string.h>

/* Methods about devices. */

static void
add_status(GVariantBuilder *rows, const AditWgPeer *peer)
{
    g_autofree char *endpoint = peer && adit_addr_is_set(&peer->status.endpoint.addr)
                                    ? adit_sockaddr_to_string(&peer->status.endpoint)
                                    : g_strdup("");

    g_variant_builder_add(rows, "s", endpoint);
    g_variant_builder_add(rows, "t", peer ? (guint64)peer->status.handshake_sec : 0);
    g_variant_builder_add(rows, "t", peer ? peer->status.rx_bytes : 0);
    g_variant_builder_add(rows, "t", peer ? peer->status.tx_bytes : 0);
}

static void
add_row(GVariantBuilder *rows, const AditModel *model, guint i, const AditWgDump *dump)
{
    const AditDeviceEntry *device = adit_model_device(model, i);
    g_autofree char *addr4 = adit_addr_to_string(&device->addr4);
    g_autofree char *addr6 =
        adit_addr_is_set(&device->addr6) ? adit_addr_to_string(&device->addr6) : g_strdup("");
    g_autofree char *key = adit_key_to_string(&device->public_key);

    g_variant_builder_open(rows, G_VARIANT_TYPE("(ssssssbassttt)"));
    g_variant_builder_add(rows, "s", device->name);
    g_variant_builder_add(rows, "s", adit_model_subnet(model, device->subnet)->name);
    g_variant_builder_add(rows, "s", addr4);
    g_variant_builder_add(rows, "s", addr6);
    g_variant_builder_add(rows, "s", device->kind == ADIT_DEVICE_SERVER ? "server" : "client");
    g_variant_builder_add(rows, "s", key);
    g_variant_builder_add(rows, "b", device->may_publish);
    g_variant_builder_open(rows, G_VARIANT_TYPE("as"));
    for (guint r = 0; r < device->n_routes; r++) {
        g_autofree char *text = adit_prefix_to_string(&device->routes[r]);

        g_variant_builder_add(rows, "s", text);
    }
    g_variant_builder_close(rows);
    add_status(rows, dump ? adit_wg_dump_find(dump, &device->public_key) : NULL);
    g_variant_builder_close(rows);
}

/* The pages of a list share what they say of peers, for so long. */
#define PEERS_USEC (2 * G_USEC_PER_SEC)

static const AditWgDump *
look_at_peers(AditServerService *self, gboolean anew)
{
    const gint64 now = g_get_monotonic_time();

    if (!self->peers || anew || now - self->peers_at > PEERS_USEC) {
        g_clear_pointer(&self->peers, adit_wg_dump_free);
        self->peers = adit_admin_peers(self->admin);
        self->peers_at = now;
    }
    return self->peers;
}

static gboolean
on_list(AditSrvManager *manager, GDBusMethodInvocation *call, const char *after, guint limit,
        AditServerService *self)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditWgDump *dump;
    GVariantBuilder rows;
    guint first = 0, end = model->devices->len;

    if (*after && !adit_model_find_device(model, after, &first))
        return adit_service_no_page(call, after);
    if (*after)
        first++;
    if (limit && limit < end - first)
        end = first + limit;
    dump = look_at_peers(self, *after == '\0');
    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(ssssssbassttt)"));
    for (guint i = first; i < end; i++)
        add_row(&rows, model, i, dump);
    if (end == model->devices->len)
        g_clear_pointer(&self->peers, adit_wg_dump_free); /* the last page */
    adit_trim_later();
    adit_srv_manager_complete_list_devices(manager, call, g_variant_builder_end(&rows));
    return TRUE;
}

static gboolean
parse_kind(const char *kind, AditDeviceKind *ret, GError **error)
{
    g_autofree char *quoted = adit_error_quote(kind);

    if (g_str_equal(kind, "server") || *kind == '\0')
        *ret = ADIT_DEVICE_SERVER;
    else if (g_str_equal(kind, "client"))
        *ret = ADIT_DEVICE_CLIENT;
    else {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: a device is of kind server or client", quoted);
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse_key(const char *text, AditKey *ret, GError **error)
{
    if (!adit_key_parse(text, ret, error)) {
        g_prefix_error(error, "public key: ");
        return FALSE;
    }
    if (!adit_key_is_zero(ret))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "public key: all zero is no key");
    return FALSE;
}

static gboolean
edit_add(AditModel *model, gpointer data, GError **error)
{
    return adit_edit_add_device(model, data, error);
}

static gboolean
on_add(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
       const char *subnet, const char *address, const char *kind, const char *public_key,
       const char *const *routes, AditServerService *self)
{
    AditDeviceWish wish = {
        .name = name, .subnet = subnet, .address = address, .routes = routes
    };
    GError *error = NULL;

    if (parse_kind(kind, &wish.kind, &error))
        parse_key(public_key, &wish.public_key, &error);
    if (adit_service_fail(call, error))
        return TRUE;
    randombytes_buf(wish.preshared_key.bytes, ADIT_KEY_LEN);
    if (adit_service_change(self, call, "device add", name, edit_add, &wish))
        adit_srv_manager_complete_add_device(manager, call);
    adit_key_clear(&wish.preshared_key);
    return TRUE;
}

#define INVITE_MIN 5
#define INVITE_MAX (30 * 86400)

static gboolean
on_invite(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
          const char *subnet, const char *address, const char *public_key,
          const char *const *routes, guint seconds, AditServerService *self)
{
    AditDeviceWish wish = {
        .name = name, .subnet = subnet, .address = address, .routes = routes
    };
    GError *error = NULL;

    if (seconds < INVITE_MIN || seconds > INVITE_MAX)
        g_set_error(&error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "invitation: from 5 seconds to 30 days");
    else
        parse_key(public_key, &wish.public_key, &error);
    if (adit_service_fail(call, error))
        return TRUE;
    wish.invite_until = g_get_real_time() / G_USEC_PER_SEC + seconds;
    randombytes_buf(wish.preshared_key.bytes, ADIT_KEY_LEN);
    if (adit_service_change(self, call, "device add: invited", name, edit_add, &wish))
        adit_srv_manager_complete_invite_device(manager, call);
    adit_key_clear(&wish.preshared_key);
    return TRUE;
}

/* What one method wants of one device. */
typedef struct {
    const char *name, *new_name;
    const char *const *routes;
    gboolean may_publish;
    AditKey public_key, preshared_key;
    guint closed; /* out */
} Wish;

static AditDeviceEntry *
find(AditModel *model, const Wish *wish, GError **error)
{
    guint at;

    return adit_edit_find_device(model, wish->name, &at, error)
               ? g_ptr_array_index(model->devices, at)
               : NULL;
}

static gboolean
edit_remove(AditModel *model, gpointer data, GError **error)
{
    Wish *wish = data;
    guint at, before = model->publishes->len;

    if (!adit_edit_find_device(model, wish->name, &at, error))
        return FALSE;
    adit_model_remove_device(model, at);
    wish->closed = before - model->publishes->len;
    return TRUE;
}

static gboolean
on_remove(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
          AditServerService *self)
{
    Wish wish = { .name = name };

    if (adit_service_change(self, call, "device remove", name, edit_remove, &wish))
        adit_srv_manager_complete_remove_device(manager, call, wish.closed);
    return TRUE;
}

static gboolean
edit_rename(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;
    AditDeviceEntry *device = find(model, wish, error);

    if (!device)
        return FALSE;
    if (!adit_edit_check_name(wish->new_name, error)) {
        g_autofree char *quoted = adit_error_quote(wish->new_name);

        g_prefix_error(error, "%s: ", quoted);
        return FALSE;
    }
    g_free(device->name);
    device->name = g_strdup(wish->new_name);
    return TRUE;
}

static gboolean
on_rename(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
          const char *new_name, AditServerService *self)
{
    Wish wish = { .name = name, .new_name = new_name };

    if (adit_service_change(self, call, "device rename", name, edit_rename, &wish))
        adit_srv_manager_complete_rename_device(manager, call);
    return TRUE;
}

static gboolean
edit_rekey(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;
    AditDeviceEntry *device = find(model, wish, error);

    if (!device)
        return FALSE;
    device->public_key = wish->public_key;
    device->preshared_key = wish->preshared_key;
    device->invite_until = 0; /* its new profile is handed over for good */
    memset(&device->next_key, 0, sizeof(device->next_key));
    return TRUE;
}

static gboolean
on_rekey(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
         const char *public_key, AditServerService *self)
{
    Wish wish = { .name = name };
    GError *error = NULL;

    parse_key(public_key, &wish.public_key, &error);
    if (adit_service_fail(call, error))
        return TRUE;
    randombytes_buf(wish.preshared_key.bytes, ADIT_KEY_LEN);
    if (adit_service_change(self, call, "device rekey", name, edit_rekey, &wish))
        adit_srv_manager_complete_rekey_device(manager, call);
    adit_key_clear(&wish.preshared_key);
    return TRUE;
}

static gboolean
edit_publish(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;
    AditDeviceEntry *device = find(model, wish, error);

    if (device)
        adit_edit_set_may_publish(model, device, wish->may_publish);
    return device != NULL;
}

static gboolean
on_set_publish(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
               gboolean allowed, AditServerService *self)
{
    Wish wish = { .name = name, .may_publish = allowed };

    if (adit_service_change(self, call, "device set-publish", name, edit_publish, &wish))
        adit_srv_manager_complete_set_device_publish(manager, call);
    return TRUE;
}

typedef struct {
    const char *name, *address;
} WanWish;

static gboolean
edit_wan(AditModel *model, gpointer data, GError **error)
{
    const WanWish *wish = data;

    return adit_edit_set_device_wan(model, wish->name, wish->address, error);
}

static gboolean
on_set_wan(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
           const char *address, AditServerService *self)
{
    WanWish wish = { name, address };

    if (adit_service_change(self, call, "device set-wan", name, edit_wan, &wish))
        adit_srv_manager_complete_set_device_wan(manager, call);
    return TRUE;
}

static gboolean
edit_routes(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;
    AditDeviceEntry *device = find(model, wish, error);

    return device && adit_edit_set_routes(device, wish->routes, error);
}

static gboolean
on_set_routes(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
              const char *const *routes, AditServerService *self)
{
    Wish wish = { .name = name, .routes = routes };

    if (adit_service_change(self, call, "device set-routes", name, edit_routes, &wish))
        adit_srv_manager_complete_set_device_routes(manager, call);
    return TRUE;
}

static char *
profile_text(AditServerService *self, const char *name, gboolean full,
             const char *const *networks, GError **error)
{
    const AditModel *model = adit_admin_model(self->admin);
    g_autofree char *endpoint = adit_admin_endpoint(self->admin);
    g_autoptr(AditProfile) profile = NULL;
    const AditKey none = { 0 };
    guint device;

    if (!adit_edit_find_device(model, name, &device, error))
        return NULL;
    if (!endpoint) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "the WAN has no IPv4 address: name the server: adit-server setup "
                    "--endpoint HOST");
        return NULL;
    }
    profile = adit_server_profile(model, device, &none, endpoint);
    if (!adit_server_profile_widen(profile, full, networks, error))
        return NULL;
    return adit_profile_to_string(profile);
}

static gboolean
on_get_profile(AditSrvManager *manager, GDBusMethodInvocation *call, GUnixFDList *fds,
               const char *name, gboolean full, const char *const *networks,
               AditServerService *self)
{
    GError *error = NULL;
    char *text = profile_text(self, name, full, networks, &error);
    g_autoptr(GUnixFDList) answer = text ? adit_hand_over(text, strlen(text), &error) : NULL;

    adit_key_string_free(text);
    if (!adit_service_fail(call, error))
        adit_srv_manager_complete_get_profile(manager, call, answer, g_variant_new_handle(0));
    return TRUE;
}

void
adit_service_connect_devices(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-list-devices", G_CALLBACK(on_list), self);
    g_signal_connect(self->manager, "handle-add-device", G_CALLBACK(on_add), self);
    g_signal_connect(self->manager, "handle-invite-device", G_CALLBACK(on_invite), self);
    g_signal_connect(self->manager, "handle-remove-device", G_CALLBACK(on_remove), self);
    g_signal_connect(self->manager, "handle-rename-device", G_CALLBACK(on_rename), self);
    g_signal_connect(self->manager, "handle-rekey-device", G_CALLBACK(on_rekey), self);
    g_signal_connect(self->manager, "handle-set-device-publish", G_CALLBACK(on_set_publish),
                     self);
    g_signal_connect(self->manager, "handle-set-device-wan", G_CALLBACK(on_set_wan), self);
    g_signal_connect(self->manager, "handle-set-device-routes", G_CALLBACK(on_set_routes),
                     self);
    g_signal_connect(self->manager, "handle-get-profile", G_CALLBACK(on_get_profile), self);
}
