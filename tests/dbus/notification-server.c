/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/dbus/notifications.h"

/* notifications.c as a program, for a lab: whoever is on the session's bus asks it what is
 * shown, and presses. */

#define PATH "/org/adit/Test"

static const char introspection[] =
    "<node><interface name='org.adit.Test'>"
    "<method name='All'><arg type='a(ussasyb)' direction='out'/></method>"
    "<method name='Press'><arg type='u' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='b' direction='out'/></method>"
    "</interface></node>";

static GVariant *
all(const Notifications *self)
{
    GVariantBuilder list;

    g_variant_builder_init(&list, G_VARIANT_TYPE("a(ussasyb)"));
    for (guint i = 0; i < self->shown->len; i++) {
        const Shown *shown = g_ptr_array_index(self->shown, i);

        g_variant_builder_add(&list, "(uss^asyb)", shown->id, shown->summary, shown->body,
                              shown->actions, shown->urgency, shown->open);
    }
    return g_variant_new("(a(ussasyb))", &list);
}

static gboolean
press(Notifications *self, guint32 id, const char *label)
{
    for (guint i = self->shown->len; i-- > 0;) {
        Shown *shown = g_ptr_array_index(self->shown, i);

        if (shown->open && shown->id == id)
            return notifications_press(self, shown, label);
    }
    return FALSE;
}

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    const char *label;
    guint32 id;

    if (g_str_equal(method, "All")) {
        g_dbus_method_invocation_return_value(call, all(data));
        return;
    }
    g_variant_get(parameters, "(u&s)", &id, &label);
    g_dbus_method_invocation_return_value(call, g_variant_new("(b)", press(data, id, label)));
}

int
main(int argc, char **argv)
{
    static const GDBusInterfaceVTable vtable = { on_call, NULL, NULL, { 0 } };
    Notifications *desktop = notifications_new(g_getenv("DBUS_SESSION_BUS_ADDRESS"), TRUE);
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(introspection, NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;

    g_dbus_connection_register_object(desktop->bus, PATH, info->interfaces[0], &vtable, desktop,
                                      NULL, &error);
    g_assert_no_error(error);
    g_print("ready\n");
    g_main_loop_run(loop);
    return 0;
}
