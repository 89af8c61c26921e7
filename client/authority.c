/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/authority.h"

#include "libadit/core/error.h"

#define POLKIT "org.freedesktop.PolicyKit1"
#define INTERACTIVE 1u
#define PROMPT_MS (120 * 1000) /* a person types a password */

/* GDBus asks in a thread of the call's own, so that waiting for a prompt holds up nobody. */

static gboolean
is_root(GDBusConnection *bus, const char *sender, GError **error)
{
    guint32 uid = G_MAXUINT32;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "GetConnectionUnixUser", g_variant_new("(s)", sender), G_VARIANT_TYPE("(u)"),
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);

    if (reply)
        g_variant_get(reply, "(u)", &uid);
    return uid == 0;
}

static gboolean
ask_polkit(GDBusMethodInvocation *call, const char *action, GError **error)
{
    const GDBusMessageFlags flags =
        g_dbus_message_get_flags(g_dbus_method_invocation_get_message(call));
    const guint32 how =
        flags & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION ? INTERACTIVE : 0;
    GVariantBuilder subject;
    gboolean allowed = FALSE;
    g_autoptr(GVariant) reply = NULL;

    g_variant_builder_init(&subject, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&subject, "{sv}", "name",
                          g_variant_new_string(g_dbus_method_invocation_get_sender(call)));
    reply = g_dbus_connection_call_sync(
        g_dbus_method_invocation_get_connection(call), POLKIT,
        "/org/freedesktop/PolicyKit1/Authority", POLKIT ".Authority", "CheckAuthorization",
        g_variant_new("((s@a{sv})s@a{ss}us)", "system-bus-name",
                      g_variant_builder_end(&subject), action, g_variant_new("a{ss}", NULL),
                      how, ""),
        G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE, PROMPT_MS, NULL, error);
    if (reply)
        g_variant_get(reply, "((bb@a{ss}))", &allowed, NULL, NULL);
    return allowed;
}

static gboolean
on_authorize(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *call, gpointer data)
{
    const char *method = g_dbus_method_invocation_get_method_name(call);
    const AditAuthorityRow *row = data;
    g_autoptr(GError) reason = NULL;

    while (row->method && !g_str_equal(row->method, method))
        row++;
    if (!row->method ||
        is_root(g_dbus_method_invocation_get_connection(call),
                g_dbus_method_invocation_get_sender(call), NULL) ||
        ask_polkit(call, row->action, &reason))
        return TRUE;
    if (reason)
        g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_DENIED,
                                              "only root may: polkit cannot be asked: %s",
                                              reason->message);
    else
        g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_DENIED,
                                              "not allowed: %s", row->action);
    return FALSE;
}

void
adit_authority_guard(GDBusInterfaceSkeleton *skeleton, const AditAuthorityRow *rows)
{
    g_signal_connect(skeleton, "g-authorize-method", G_CALLBACK(on_authorize), (gpointer)rows);
}
