/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/admin-private.h"

#include <string.h>

AditWgDump *
adit_admin_peers(AditAdmin *self)
{
    return adit_server_peers(self->server, NULL);
}

const AditWgDump *
adit_admin_seen(const AditAdmin *self)
{
    return self->seen;
}

/* FALSE: there is no tunnel. */
static gboolean
see(AditAdmin *self)
{
    AditWgDump *dump = adit_admin_peers(self);

    if (!dump)
        return FALSE;
    g_clear_pointer(&self->seen, adit_wg_dump_free);
    self->seen = dump;
    return TRUE;
}

void
adit_admin_see(AditAdmin *self)
{
    see(self);
}

void
adit_admin_recall_endpoints(AditAdmin *self)
{
    const gboolean there = see(self);

    for (guint i = 0; self->seen && i < self->model->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(self->model->devices, i);
        const AditWgPeer *peer = adit_wg_dump_find(self->seen, &device->public_key);

        if (!peer || !adit_addr_is_set(&peer->status.endpoint.addr))
            continue;
        if (there)
            memset(&device->endpoint, 0, sizeof(device->endpoint));
        else
            device->endpoint = peer->status.endpoint;
    }
}

void
adit_admin_forget_endpoints(AditModel *model)
{
    for (guint i = 0; i < model->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(model->devices, i);

        memset(&device->endpoint, 0, sizeof(device->endpoint));
    }
}
