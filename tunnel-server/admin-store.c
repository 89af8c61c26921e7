/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/admin-private.h"

#include "libadit/core/error.h"

static gboolean
try_store(AditAdmin *self, GError **error)
{
    if (!self->store)
        self->store = adit_server_store_open(self->store_path, error);
    if (!self->store)
        return FALSE;
    g_clear_pointer(&self->model, adit_model_free);
    self->model = adit_server_store_load(self->store, error);
    return self->model != NULL;
}

/* A damaged file is no reason to be no server, as long as there is a copy. Takes @why. */
static gboolean
rescue(AditAdmin *self, GError *why, GError **error)
{
    g_autoptr(GError) reason = why;

    if (!g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_CONFIG)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    g_clear_pointer(&self->store, adit_server_store_close);
    self->store = adit_server_store_rescue(self->store_path, reason, &self->note, error);
    if (!self->store || !try_store(self, error))
        return FALSE;
    g_warning("%s", self->note);
    return TRUE;
}

static void
note_read_only(AditAdmin *self)
{
    g_free(self->note);
    self->note = g_strdup_printf("%s: the disk is read-only: ports and tunnels are served, "
                                 "nothing can be changed",
                                 self->store_path);
    g_warning("%s", self->note);
}

gboolean
adit_admin_open_store(AditAdmin *self, GError **error)
{
    GError *why = NULL;

    if (!try_store(self, &why) && !rescue(self, why, error))
        return FALSE;
    self->copy_wanted = TRUE;
    self->read_only = adit_server_store_is_read_only(self->store);
    if (self->read_only)
        note_read_only(self);
    return TRUE;
}

gboolean
adit_admin_check_store(AditAdmin *self, GError **error)
{
    g_autoptr(GError) trouble = NULL;
    GError *why = NULL;

    if (adit_server_store_check(self->store, &why))
        return TRUE;
    if (!rescue(self, why, error))
        return FALSE;
    if (!adit_admin_look_again(self, TRUE, &trouble))
        g_warning("%s", trouble->message);
    return TRUE;
}

gboolean
adit_admin_save_endpoints(AditAdmin *self, GError **error)
{
    g_autoptr(AditWgDump) dump = adit_admin_peers(self);
    g_autoptr(AditModel) copy = NULL;

    if (!dump || adit_server_store_is_read_only(self->store))
        return TRUE;
    copy = adit_model_copy(self->model);
    for (guint i = 0; i < copy->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(copy->devices, i);
        const AditWgPeer *peer = adit_wg_dump_find(dump, &device->public_key);

        if (peer)
            device->endpoint = peer->status.endpoint;
    }
    return adit_server_store_save_endpoints(self->store, copy, error);
}

/* Nothing could be changed meanwhile: what is in force is what the file says. */
void
adit_admin_mend_store(AditAdmin *self)
{
    if (!adit_server_store_is_read_only(self->store))
        return;
    if (!self->read_only)
        note_read_only(self);
    self->read_only = TRUE;
    adit_server_store_retry(self->store);
    if (adit_server_store_is_read_only(self->store))
        return;
    self->read_only = FALSE;
    g_clear_pointer(&self->note, g_free);
    g_message("%s: can be written again", self->store_path);
}

gboolean
adit_admin_copy_store(AditAdmin *self, GError **error)
{
    if (!self->copy_wanted || adit_server_store_is_read_only(self->store))
        return TRUE;
    self->copy_wanted = FALSE; /* once: a disk that is full now is so in a second */
    return adit_server_store_copy(self->store, error);
}
