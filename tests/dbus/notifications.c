/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/dbus/notifications.h"

#include "tests/private-bus.h"

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"

static const char introspection[] =
    "<node><interface name='" NAME "'>"
    "<method name='GetCapabilities'><arg type='as' direction='out'/></method>"
    "<method name='Notify'><arg type='s' direction='in'/><arg type='u' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='as' direction='in'/><arg type='a{sv}' direction='in'/>"
    "<arg type='i' direction='in'/><arg type='u' direction='out'/></method>"
    "<method name='CloseNotification'><arg type='u' direction='in'/></method>"
    "<signal name='ActionInvoked'><arg type='u'/><arg type='s'/></signal>"
    "<signal name='ActivationToken'><arg type='u'/><arg type='s'/></signal>"
    "<signal name='NotificationClosed'><arg type='u'/><arg type='u'/></signal>"
    "</interface></node>";

static void
shown_free(Shown *shown)
{
    g_free(shown->summary);
    g_free(shown->body);
    g_strfreev(shown->actions);
    g_free(shown);
}

static void
say_closed(Notifications *self, Shown *shown, guint32 why)
{
    if (!shown->open)
        return;
    shown->open = FALSE;
    g_dbus_connection_emit_signal(self->bus, NULL, PATH, NAME, "NotificationClosed",
                                  g_variant_new("(uu)", shown->id, why), NULL);
}

static void
on_notify(Notifications *self, GVariant *parameters, GDBusMethodInvocation *call)
{
    Shown *shown = g_new0(Shown, 1);
    g_autoptr(GVariant) hints = NULL;
    const char *entry = NULL;
    gboolean lost = FALSE; /* Plasma takes off what replaces a pressed one, with it */
    guint32 replaces;

    g_variant_get(parameters, "(&su&sss^as@a{sv}i)", NULL, &replaces, NULL, &shown->summary,
                  &shown->body, &shown->actions, &hints, NULL);
    g_variant_lookup(hints, "urgency", "y", &shown->urgency);
    g_assert_true(g_variant_lookup(hints, "desktop-entry", "&s", &entry));
    g_assert_cmpstr(entry, ==, "org.adit.Agent");
    for (guint i = 0; replaces && i < self->shown->len; i++) {
        Shown *old = g_ptr_array_index(self->shown, i);

        old->open &= old->id != replaces;
        lost |= old->id == replaces && old->pressed;
    }
    shown->id = replaces ? replaces : ++self->last_id;
    shown->open = !lost;
    g_ptr_array_add(self->shown, shown);
    g_dbus_method_invocation_return_value(call, g_variant_new("(u)", shown->id));
}

static void
on_close(Notifications *self, guint32 id, GDBusMethodInvocation *call)
{
    g_dbus_method_invocation_return_value(call, NULL);
    for (guint i = 0; i < self->shown->len; i++)
        if (((Shown *)g_ptr_array_index(self->shown, i))->id == id)
            say_closed(self, g_ptr_array_index(self->shown, i), 3);
}

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    static const char *const able[] = { "body", "persistence", "actions", NULL };
    static const char *const unable[] = { "body", "body-markup", NULL };
    Notifications *self = data;
    guint32 id;

    if (g_str_equal(method, "Notify")) {
        on_notify(self, parameters, call);
    } else if (g_str_equal(method, "GetCapabilities")) {
        g_dbus_method_invocation_return_value(
            call, g_variant_new("(^as)", self->acts ? able : unable));
    } else {
        g_variant_get(parameters, "(u)", &id);
        on_close(self, id, call);
    }
}

Notifications *
notifications_new(const char *address, gboolean acts)
{
    static const GDBusInterfaceVTable vtable = { on_call, NULL, NULL, { 0 } };
    Notifications *self = g_new0(Notifications, 1);
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(introspection, NULL);
    g_autoptr(GError) error = NULL;

    self->acts = acts;
    self->shown = g_ptr_array_new_with_free_func((GDestroyNotify)shown_free);
    self->bus = private_bus_connect(address);
    self->object = g_dbus_connection_register_object(self->bus, PATH, info->interfaces[0],
                                                     &vtable, self, NULL, &error);
    g_assert_no_error(error);
    self->name = g_bus_own_name_on_connection(self->bus, NAME, G_BUS_NAME_OWNER_FLAGS_NONE,
                                              NULL, NULL, NULL, NULL);
    return self;
}

void
notifications_free(Notifications *self)
{
    g_bus_unown_name(self->name);
    g_dbus_connection_unregister_object(self->bus, self->object);
    g_dbus_connection_close_sync(self->bus, NULL, NULL);
    g_object_unref(self->bus);
    g_ptr_array_unref(self->shown);
    g_free(self);
}

Shown *
notifications_find(Notifications *self, const char *summary)
{
    for (guint i = self->shown->len; i-- > 0;) {
        Shown *shown = g_ptr_array_index(self->shown, i);

        if (shown->open && g_str_equal(shown->summary, summary))
            return shown;
    }
    return NULL;
}

gboolean
notifications_press(Notifications *self, Shown *shown, const char *label)
{
    for (guint i = 0; shown->actions[i]; i += 2) {
        if (!g_str_equal(shown->actions[i + 1], label))
            continue;
        shown->pressed = TRUE;
        g_dbus_connection_emit_signal(self->bus, NULL, PATH, NAME, "ActivationToken",
                                      g_variant_new("(us)", shown->id, "desk_TIME1"), NULL);
        g_dbus_connection_emit_signal(self->bus, NULL, PATH, NAME, "ActionInvoked",
                                      g_variant_new("(us)", shown->id, shown->actions[i]),
                                      NULL);
        say_closed(self, shown, 2);
        return TRUE;
    }
    return FALSE;
}

void
notifications_dismiss(Notifications *self, Shown *shown)
{
    say_closed(self, shown, 2);
}
