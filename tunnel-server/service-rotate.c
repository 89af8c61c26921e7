/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "tunnel-server/caller.h"
#include "tunnel-server/edit.h"

/* A new key for a device that is there: it makes the pair itself (rotation.h). */

#define ONLINE_S 180 /* WireGuard shakes hands every two minutes */
#define LOOK_MS 50
#define PATIENCE_S 20

typedef struct {
    AditServerService *service;
    GDBusMethodInvocation *call;
    gint64 device;
    AditKey before;
    gint64 deadline;
} Waiting;

typedef struct {
    gint64 device;
    gboolean rotate;
} Wish;

static AditDeviceEntry *
find(const AditModel *model, gint64 id)
{
    for (guint i = 0; i < model->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(model->devices, i);

        if (device->id == id)
            return device;
    }
    return NULL;
}

static gboolean
edit_rotate(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;
    AditDeviceEntry *device = find(model, wish->device);

    if (device)
        device->rotate = wish->rotate;
    return TRUE;
}

static void
give_up(Waiting *waiting, const AditDeviceEntry *device)
{
    const AditAudit audit = { adit_caller_uid(waiting->call), "device rekey: given up",
                              device->name };
    Wish wish = { device->id, FALSE };

    g_dbus_method_invocation_return_error(waiting->call, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                                          "%s: it has not taken up another key within %d s: "
                                          "its present one stands; a new profile "
                                          "is made by device rekey --out FILE",
                                          device->name, PATIENCE_S);
    adit_admin_change(waiting->service->admin, &audit, edit_rotate, &wish, NULL);
}

/* The call is answered once the device's key is another one. */
static gboolean
on_look(gpointer data)
{
    Waiting *waiting = data;
    const AditDeviceEntry *device =
        find(adit_admin_model(waiting->service->admin), waiting->device);

    if (device && adit_key_equal(&device->public_key, &waiting->before) &&
        g_get_monotonic_time() < waiting->deadline)
        return G_SOURCE_CONTINUE;
    if (device && adit_key_equal(&device->public_key, &waiting->before))
        give_up(waiting, device);
    else
        adit_srv_manager_complete_rotate_device(waiting->service->manager, waiting->call, TRUE);
    g_free(waiting);
    return G_SOURCE_REMOVE;
}

/* It has shaken hands not long ago, and has spoken to this server beside ports. */
static gboolean
can_rotate(AditServerService *self, const AditDeviceEntry *device)
{
    g_autoptr(AditWgDump) dump = adit_admin_peers(self->admin);
    const AditWgPeer *peer = dump ? adit_wg_dump_find(dump, &device->public_key) : NULL;
    const gint64 now = g_get_real_time() / G_USEC_PER_SEC;

    return peer && now - peer->status.handshake_sec < ONLINE_S &&
           adit_pcp_server_has_asked(adit_admin_pcp(self->admin), device->id);
}

static gboolean
on_rotate(AditSrvManager *manager, GDBusMethodInvocation *call, const char *name,
          AditServerService *self)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditDeviceEntry *device;
    Wish wish = { 0, TRUE };
    GError *error = NULL;
    Waiting *waiting;
    guint at;

    adit_edit_find_device(model, name, &at, &error);
    if (adit_service_fail(call, error))
        return TRUE;
    device = adit_model_device(model, at);
    if (!can_rotate(self, device)) {
        adit_srv_manager_complete_rotate_device(manager, call, FALSE);
        return TRUE;
    }
    waiting = g_new0(Waiting, 1);
    *waiting = (Waiting){ self, call, device->id, device->public_key,
                          g_get_monotonic_time() + PATIENCE_S * (gint64)G_USEC_PER_SEC };
    wish.device = device->id;
    if (adit_service_change(self, call, "device rekey", name, edit_rotate, &wish))
        g_timeout_add(LOOK_MS, on_look, waiting);
    else
        g_free(waiting);
    return TRUE;
}

void
adit_service_connect_rotate(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-rotate-device", G_CALLBACK(on_rotate), self);
}
