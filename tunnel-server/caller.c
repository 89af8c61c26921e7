/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/caller.h"

#include "libadit/core/error.h"

#include <grp.h>
#include <unistd.h>

#define ADMIN_GROUP "adit-admin"
#define UID_KEY "adit-caller-uid"
#define BUS_MS 1000 /* for one question to the bus itself, which answers at once */
#define GROUP_BYTES (1024 * 1024) /* a group with every user of a large site in it */

/* GDBus asks in a thread of the call's own: nothing here is shared, and what is learnt goes
 * with the call. */

/* Not getgrnam, whose answer all threads share. G_MAXUINT: there is none. */
static guint
admin_gid(void)
{
    g_autofree char *room = g_malloc(GROUP_BYTES);
    struct group group, *found = NULL;

    return getgrnam_r(ADMIN_GROUP, &group, room, GROUP_BYTES, &found) == 0 && found
               ? found->gr_gid
               : G_MAXUINT;
}

static gboolean
is_admin(GVariant *credentials)
{
    g_autoptr(GVariant) groups =
        g_variant_lookup_value(credentials, "UnixGroupIDs", G_VARIANT_TYPE("au"));
    const guint32 *ids;
    guint gid;
    gsize n = 0;

    if (!groups || (gid = admin_gid()) == G_MAXUINT)
        return FALSE;
    ids = g_variant_get_fixed_array(groups, &n, sizeof(guint32));
    for (gsize i = 0; i < n; i++)
        if (ids[i] == gid)
            return TRUE;
    return FALSE;
}

static gboolean
is_allowed(GDBusMethodInvocation *call)
{
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        g_dbus_method_invocation_get_connection(call), "org.freedesktop.DBus",
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionCredentials",
        g_variant_new("(s)", g_dbus_method_invocation_get_sender(call)),
        G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, BUS_MS, NULL, NULL);
    g_autoptr(GVariant) credentials = NULL;
    guint uid;

    if (!answer)
        return FALSE;
    credentials = g_variant_get_child_value(answer, 0);
    if (!g_variant_lookup(credentials, "UnixUserID", "u", &uid))
        return FALSE;
    g_object_set_data(G_OBJECT(call), UID_KEY, GUINT_TO_POINTER(uid));
    return uid == 0 || uid == geteuid() || is_admin(credentials);
}

static gboolean
on_authorize(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *call, gpointer unused)
{
    if (is_allowed(call))
        return TRUE;
    g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_DENIED,
                                          "not allowed: be root or a member of the group %s",
                                          ADMIN_GROUP);
    return FALSE;
}

void
adit_caller_guard(GDBusInterfaceSkeleton *skeleton)
{
    g_signal_connect(skeleton, "g-authorize-method", G_CALLBACK(on_authorize), NULL);
}

guint
adit_caller_uid(GDBusMethodInvocation *call)
{
    return GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(call), UID_KEY));
}
