/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "nm-plugin/enrol.h"
#include "nm-plugin/original.h"
#include "nm-plugin/task.h"
#include "policy-routing/mend.h"

#include <string.h>

/* A connection is changed in place: its secrets are asked for, a copy gets them and is made
 * what it should be, all of it goes back at once (Update2 keeps old secrets only if it is given
 * none at all), and a link that is up is told by Reapply. Reapply with any change zeroes every
 * preshared key in the kernel, and one that changes nothing but keys is no change to it: so the
 * keys are put there by ourselves, last. What Reapply cannot carry is activated anew: 1.42
 * takes the IPv6 addresses and routes away when its IPv6 settings change, and leaves it at
 * that. It may do so after any other Reapply, too: it then switches IPv6 off and on again for
 * its link-local address, behind its own back (disable_ipv6), and takes what is gone for
 * somebody else's wish. Hence what is missing once it is up is put back (watch.c). */

#define VERSION_ID "version-id"
#define TRIES_MAX 3

static void
end_rewrite(AditNmTask *task)
{
    GError *error = NULL;

    if (task->gateway->up && adit_nm_is_up(task->nm, task->gateway->id))
        adit_mend_whole(task->nm->kernel, task->gateway, &error);
    else
        adit_mend_after(task->nm->kernel, task->gateway, &error);
    adit_nm_task_end(task, NULL, error);
}

static void
on_reactivated(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;
    g_autoptr(NMActiveConnection) active =
        nm_client_activate_connection_finish(NM_CLIENT(source), result, &error);

    if (adit_nm_task_is_over(task, error))
        return;
    if (!active)
        adit_nm_task_end(task, NULL, error);
    else
        end_rewrite(task);
}

static void
activate_anew(AditNmTask *task, NMDevice *device)
{
    GError *error = NULL;
    NMRemoteConnection *remote = adit_nm_find(task->nm, task->gateway->id, &error);

    if (remote)
        nm_client_activate_connection_async(task->nm->client, NM_CONNECTION(remote), device,
                                            NULL, task->nm->cancel, on_reactivated, task);
    else
        adit_nm_task_end(task, NULL, error);
}

static void
on_reapplied(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;

    if (nm_device_reapply_finish(NM_DEVICE(source), result, &error)) {
        end_rewrite(task);
        return;
    }
    if (adit_nm_task_is_over(task, error))
        return;
    g_debug("%s: reapply: %s", task->gateway->name, error->message);
    g_error_free(error);
    activate_anew(task, NM_DEVICE(source));
}

/* The link, if it is up. */
static void
apply(AditNmTask *task)
{
    NMActiveConnection *active = adit_nm_find_active(task->nm, task->gateway->id);
    const GPtrArray *devices = active ? nm_active_connection_get_devices(active) : NULL;

    if (!devices || devices->len == 0)
        adit_nm_task_end(task, NULL, NULL);
    else if (task->anew)
        activate_anew(task, g_ptr_array_index(devices, 0));
    else
        nm_device_reapply_async(g_ptr_array_index(devices, 0), NULL, 0, 0, task->nm->cancel,
                                on_reapplied, task);
}

static void
on_loaded(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;
    g_autoptr(GVariant) answer = nm_client_dbus_call_finish(NM_CLIENT(source), result, &error);
    g_autofree const char **failures = NULL;

    if (!answer && adit_nm_task_is_over(task, error))
        return;
    if (answer)
        g_variant_get(answer, "(b^a&s)", NULL, &failures);
    if (failures && failures[0])
        error = g_error_new(ADIT_ERROR, ADIT_ERROR_DENIED, "%s: NetworkManager did not read it",
                            failures[0]);
    if (!error)
        adit_nm_original_remove(task->nm->state_dir, task->gateway->id, &error);
    if (error)
        adit_nm_task_end(task, NULL, error);
    else
        apply(task);
}

/* NetworkManager writes a file in its own words; where somebody else wrote it, those are put
 * back. */
static void
restore_file(AditNmTask *task)
{
    NMRemoteConnection *remote = adit_nm_find(task->nm, task->gateway->id, NULL);
    const char *path = remote ? nm_remote_connection_get_filename(remote) : NULL;
    char *now = path ? adit_store_read(path, 1024 * 1024, NULL, NULL) : NULL;
    char *paths[] = { (char *)path, NULL };
    GError *error = NULL;

    if (now && !g_str_equal(now, task->bytes))
        adit_store_write(path, task->bytes, strlen(task->bytes), 0600, &error);
    if (now)
        adit_key_string_free(now);
    if (error)
        adit_nm_task_end(task, NULL, error);
    else if (path) /* libnm's own function for this loses memory */
        nm_client_dbus_call(task->nm->client, NM_DBUS_PATH_SETTINGS, NM_DBUS_INTERFACE_SETTINGS,
                            "LoadConnections", g_variant_new("(^as)", paths),
                            G_VARIANT_TYPE("(bas)"), -1, task->nm->cancel, on_loaded, task);
    else
        apply(task);
}

/* Somebody else has changed it since it was read: it is read once more. Only NetworkManager >=
 * 1.44 knows. */
static gboolean
is_overtaken(AditNmTask *task, const GError *error)
{
    g_autofree char *name = g_dbus_error_get_remote_error(error);

    return name && g_str_has_suffix(name, ".VersionIdMismatch") && task->tries++ < TRIES_MAX;
}

static void
on_updated(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;
    g_autoptr(GVariant) answer =
        nm_remote_connection_update2_finish(NM_REMOTE_CONNECTION(source), result, &error);

    if (!answer && is_overtaken(task, error)) {
        g_error_free(error);
        g_clear_object(&task->wanted);
        task->then(task);
        return;
    }
    if (adit_nm_task_is_over(task, error))
        return;
    if (!answer)
        adit_nm_task_end(task, NULL, error);
    else if (task->bytes)
        restore_file(task);
    else
        apply(task);
}

/* 0: it does not say. */
static guint64
version_of(NMRemoteConnection *remote)
{
    guint64 version = 0;

    if (g_object_class_find_property(G_OBJECT_GET_CLASS(remote), VERSION_ID))
        g_object_get(remote, VERSION_ID, &version, NULL);
    return version;
}

static void
send_update(AditNmTask *task, NMRemoteConnection *remote)
{
    GVariantDict args;

    g_variant_dict_init(&args, NULL);
    if (task->version > 0)
        g_variant_dict_insert(&args, VERSION_ID, "t", task->version);
    nm_remote_connection_update2(
        remote, nm_connection_to_dbus(task->wanted, NM_CONNECTION_SERIALIZE_ALL),
        NM_SETTINGS_UPDATE2_FLAG_TO_DISK, g_variant_dict_end(&args), task->nm->cancel,
        on_updated, task);
}

static gboolean
keep_original(AditNmTask *task, NMRemoteConnection *remote, GError **error)
{
    return !task->keep ||
           adit_nm_original_save(task->nm->state_dir, task->wanted,
                                 nm_remote_connection_get_filename(remote), error);
}

/* Its settings of IPv6 are others, or it has got some. */
static gboolean
changes_ipv6(NMConnection *before, NMConnection *after)
{
    NMSetting *old = nm_connection_get_setting(before, NM_TYPE_SETTING_IP6_CONFIG);
    NMSetting *new = nm_connection_get_setting(after, NM_TYPE_SETTING_IP6_CONFIG);

    return !old || !new || !nm_setting_compare(old, new, NM_SETTING_COMPARE_FLAG_EXACT);
}

static void
on_secrets(GObject *source, GAsyncResult *result, gpointer data)
{
    AditNmTask *task = data;
    NMRemoteConnection *remote = NM_REMOTE_CONNECTION(source);
    GError *error = NULL;
    g_autoptr(GVariant) secrets =
        nm_remote_connection_get_secrets_finish(remote, result, &error);
    g_autoptr(NMConnection) before = NULL;

    if (adit_nm_task_is_over(task, error))
        return;
    task->wanted = nm_simple_connection_new_clone(NM_CONNECTION(remote));
    task->version = version_of(remote);
    if (error ||
        !nm_connection_update_secrets(task->wanted, NM_SETTING_WIREGUARD_SETTING_NAME, secrets,
                                      &error) ||
        !keep_original(task, remote, &error)) {
        adit_nm_task_end(task, NULL, error);
        return;
    }
    before = nm_simple_connection_new_clone(task->wanted);
    if (!adit_nm_enrol(task->wanted, task->gateway, &error))
        adit_nm_task_end(task, NULL, error);
    else if (nm_connection_compare(before, task->wanted, NM_SETTING_COMPARE_FLAG_EXACT))
        end_rewrite(task);
    else {
        task->anew = changes_ipv6(before, task->wanted);
        send_update(task, remote);
    }
}

static void
rewrite(gpointer data)
{
    AditNmTask *task = data;
    GError *error = NULL;
    NMRemoteConnection *remote = adit_nm_find(task->nm, task->gateway->id, &error);

    task->then = rewrite;
    if (remote)
        adit_nm_get_secrets(task->nm, remote, on_secrets, task);
    else
        adit_nm_task_end(task, NULL, error);
}

void
adit_nm_update(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
               gpointer data)
{
    rewrite(adit_nm_task_new(backend, gateway, done, data));
}

void
adit_nm_adopt(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
              gpointer data)
{
    AditNmTask *task = adit_nm_task_new(backend, gateway, done, data);

    task->keep = TRUE;
    rewrite(task);
}

void
adit_nm_release(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
                gpointer data)
{
    AditNmTask *task = adit_nm_task_new(backend, gateway, done, data);
    GError *error = NULL;
    NMRemoteConnection *remote = adit_nm_find(task->nm, gateway->id, &error);

    if (remote)
        task->wanted =
            adit_nm_original_load(task->nm->state_dir, gateway->id, &task->bytes, &error);
    task->anew = TRUE;
    if (task->wanted)
        send_update(task, remote);
    else
        adit_nm_task_end(task, NULL, error);
}
