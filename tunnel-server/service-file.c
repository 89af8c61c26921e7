/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"
#include "tunnel-server/config.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/key-pair.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Methods about the declarative file. */

#define MAX_FILE (64 * 1024 * 1024)

static gboolean
on_export(AditSrvManager *manager, GDBusMethodInvocation *call, GUnixFDList *fds,
          AditServerService *self)
{
    GError *error = NULL;
    char *text = adit_config_to_string(adit_admin_model(self->admin));
    g_autoptr(GUnixFDList) answer = adit_hand_over(text, strlen(text), &error);

    adit_key_string_free(text);
    if (!adit_service_fail(call, error))
        adit_srv_manager_complete_export(manager, call, answer, g_variant_new_handle(0));
    return TRUE;
}

/* What is on its way from old to new goes on; another prefix begins such a way. */
static void
take_subnet(AditModel *next, guint i, const AditSubnet *now, gint64 until_s)
{
    AditSubnet *subnet = g_ptr_array_index(next->subnets, i);

    subnet->id = now->id;
    subnet->old6 = now->old6;
    subnet->old6_until = now->old6_until;
    adit_edit_keep_old(next, i, &now->net6, until_s);
}

static void
take_device(AditDeviceEntry *device, const AditDeviceEntry *now)
{
    device->id = now->id;
    if (!adit_key_equal(&device->public_key, &now->public_key))
        return;
    device->next_key = now->next_key;
    device->next_until = now->next_until;
}

static gboolean
has_key(const AditModel *model, const AditKey *key)
{
    for (guint i = 0; i < model->devices->len; i++)
        if (adit_key_equal(&adit_model_device(model, i)->public_key, key))
            return TRUE;
    return FALSE;
}

/* No part of the file. */
static void
take_spent(AditModel *next, const AditModel *now)
{
    for (guint i = 0; i < now->spent->len; i++) {
        const AditSpentKey *old = adit_model_spent(now, i);
        AditSpentKey *spent;

        if (has_key(next, &old->public_key))
            continue;
        spent = adit_model_add_spent(next);
        *spent = *old;
        spent->name = g_strdup(old->name);
    }
}

/* What keeps its name keeps its place in the store: a device its endpoint, an existing mapping
 * its exemption from new reservations. */
static void
take_ids(AditModel *next, const AditModel *now, gint64 until_s)
{
    guint at;

    for (guint i = 0; i < next->subnets->len; i++) {
        AditSubnet *subnet = g_ptr_array_index(next->subnets, i);

        if (adit_model_find_subnet(now, subnet->name, &at))
            take_subnet(next, i, adit_model_subnet(now, at), until_s);
    }
    for (guint i = 0; i < next->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(next->devices, i);

        if (adit_model_find_device(now, device->name, &at))
            take_device(device, adit_model_device(now, at));
    }
    for (guint i = 0; i < next->publishes->len; i++) {
        AditPublish *publish = g_ptr_array_index(adit_model_own_publishes(next), i);
        g_autofree char *key = adit_publish_key(next, publish);

        if (adit_edit_find_publish(now, publish->family, key, &at, NULL))
            publish->id = adit_model_publish(now, at)->id;
    }
}

typedef struct {
    const char *name;
    const char *bytes;
    gsize len;
    gboolean blank;
    gint64 until_s; /* how long a prefix that another replaces is served */
} File;

/* The model becomes the file's, whatever it was. */
static gboolean
edit_apply(AditModel *model, gpointer data, GError **error)
{
    const File *file = data;
    g_autoptr(AditModel) next = NULL;
    AditModel swap;

    if (file->blank && !adit_key_is_zero(&model->private_key)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "this server is set up already (%u devices): import is for a new one; to "
                    "replace everything: adit-server apply FILE",
                    model->devices->len);
        return FALSE;
    }
    next = adit_config_parse(file->name, file->bytes, file->len, error);
    if (!next)
        return FALSE;
    take_ids(next, model, file->until_s);
    take_spent(next, model);
    swap = *model;
    *model = *next;
    *next = swap;
    return TRUE;
}

static gboolean
run_apply(AditServerService *self, GDBusMethodInvocation *call, File *file, gboolean dry,
          char **ret)
{
    GError *error = NULL;
    g_autoptr(AditModel) next = adit_admin_try(self->admin, edit_apply, file, &error);
    g_autofree char *difference = NULL;

    if (adit_service_fail(call, error))
        return FALSE;
    difference = adit_config_difference(adit_admin_model(self->admin), next);
    if (!dry && *difference &&
        !adit_service_change(self, call, "apply", file->name, edit_apply, file))
        return FALSE;
    *ret = g_steal_pointer(&difference);
    return TRUE;
}

/* The bytes behind a descriptor, read here and wiped by the caller: a file that shrinks under
 * a mapping would kill us. */
static char *
read_all(int fd, gsize *ret_len, GError **error)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *bytes;
    ssize_t got;

    if (size < 0 || size > MAX_FILE) {
        adit_syserror_set(error, size < 0 ? errno : EFBIG, "the file handed over");
        return NULL;
    }
    bytes = g_malloc0((gsize)size + 1);
    got = pread(fd, bytes, (gsize)size, 0);
    if (got != size) {
        adit_syserror_set(error, got < 0 ? errno : EIO, "the file handed over");
        g_free(bytes);
        return NULL;
    }
    *ret_len = (gsize)size;
    return bytes;
}

static gboolean
on_apply(AditSrvManager *manager, GDBusMethodInvocation *call, GUnixFDList *fds,
         const char *name, GVariant *handle, gboolean dry, gboolean blank,
         AditServerService *self)
{
    File file = { .name = name, .blank = blank };
    g_autofree char *difference = NULL;
    GError *error = NULL;
    int fd = fds ? g_unix_fd_list_get(fds, g_variant_get_handle(handle), &error) : -1;
    char *bytes = NULL;

    file.until_s =
        g_get_real_time() / G_USEC_PER_SEC + adit_admin_settings(self->admin)->overlap;
    if (fd >= 0) {
        bytes = read_all(fd, &file.len, &error);
        close(fd);
    } else if (!error) {
        error = g_error_new(ADIT_ERROR, ADIT_ERROR_PROTOCOL, "Apply: no file handed over");
    }
    file.bytes = bytes;
    if (!adit_service_fail(call, error) && run_apply(self, call, &file, dry, &difference))
        adit_srv_manager_complete_apply(manager, call, NULL, difference);
    if (bytes)
        explicit_bzero(bytes, file.len);
    g_free(bytes);
    return TRUE;
}

void
adit_service_connect_files(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-export", G_CALLBACK(on_export), self);
    g_signal_connect(self->manager, "handle-apply", G_CALLBACK(on_apply), self);
}
