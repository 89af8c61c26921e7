/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/objects.h"
#include "tests/private-bus.h"

#define NAME "org.adit.Client1"
#define PATH "/org/adit/Client1"
#define GATEWAY NAME ".Gateway"
#define PATIENCE_S 20

/* The daemon is played, so that it can go in the very moment in which somebody asks what it
 * has. */

static const char introspection[] =
    "<node><interface name='org.freedesktop.DBus.ObjectManager'>"
    "<method name='GetManagedObjects'><arg type='a{oa{sa{sv}}}' direction='out'/></method>"
    "</interface></node>";

typedef struct {
    GTestDBus *bus;
    GDBusConnection *daemon, *us;
    guint name;
    guint n_asked, dies_at; /* when it is asked for that time; 0: it lives */
    guint refuses_until;    /* that time; 0: it answers */
    guint n_changed;
    GString *seen, *told;
} Fixture;

static void
take_name(Fixture *f)
{
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        f->daemon, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", g_variant_new("(su)", NAME, 4), NULL, 0, -1, NULL, NULL);

    g_assert_nonnull(answer);
}

static void
give_name(Fixture *f)
{
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        f->daemon, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "ReleaseName", g_variant_new("(s)", NAME), NULL, 0, -1, NULL, NULL);

    g_assert_nonnull(answer);
}

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    Fixture *f = data;

    if (++f->n_asked == f->dies_at) {
        give_name(f);
        g_dbus_method_invocation_return_dbus_error(call, "org.freedesktop.DBus.Error.NoReply",
                                                   "Message recipient disconnected");
        return;
    }
    if (f->n_asked < f->refuses_until) {
        g_dbus_method_invocation_return_dbus_error(call, "org.freedesktop.DBus.Error.Failed",
                                                   "not yet");
        return;
    }
    g_dbus_method_invocation_return_value(
        call, g_variant_new_parsed("({objectpath '" PATH "/gateways/home': {'" GATEWAY
                                   "': {'Name': <'home'>, 'Up': <true>, 'Family': <byte 6>,"
                                   " 'LastHandshake': <uint64 7>,"
                                   " 'Addresses': <['192.0.2.1']>}}},)"));
}

static void
set_up(Fixture *f, gconstpointer data)
{
    static const GDBusInterfaceVTable vtable = { on_call, NULL, NULL, { 0 } };
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(introspection, NULL);

    f->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(f->bus);
    f->daemon = private_bus_connect(g_test_dbus_get_bus_address(f->bus));
    f->us = private_bus_connect(g_test_dbus_get_bus_address(f->bus));
    f->seen = g_string_new(NULL);
    f->told = g_string_new(NULL);
    g_assert_cmpuint(g_dbus_connection_register_object(f->daemon, PATH, info->interfaces[0],
                                                       &vtable, f, NULL, NULL),
                     >, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_dbus_connection_close_sync(f->daemon, NULL, NULL);
    g_dbus_connection_close_sync(f->us, NULL, NULL);
    g_object_unref(f->daemon);
    g_object_unref(f->us);
    g_test_dbus_down(f->bus);
    g_object_unref(f->bus);
    g_string_free(f->seen, TRUE);
    g_string_free(f->told, TRUE);
}

static void
on_changed(GDBusProxy *proxy, GVariant *properties, gpointer data)
{
    Fixture *f = data;

    f->n_changed++;
    if (proxy) {
        g_autofree char *name = adit_proxy_text(proxy, "Name");
        g_autofree char *text = g_variant_print(properties, FALSE);

        g_string_append_printf(f->told, "%s: %s;", name, text);
    }
}

static gboolean
on_late(gpointer data)
{
    g_error("nothing of the kind happened within %d s", PATIENCE_S);
    return G_SOURCE_REMOVE;
}

static void
wait_owner(const AditObjects *objects, gboolean there)
{
    const guint late = g_timeout_add_seconds(PATIENCE_S, on_late, NULL);

    for (;;) {
        g_autofree char *owner = adit_objects_owner(objects);

        if (adit_objects_is_ready(objects) && (owner != NULL) == there)
            break;
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(late);
}

static void
on_each(GDBusProxy *proxy, gpointer data)
{
    Fixture *f = data;
    g_autofree char *name = adit_proxy_text(proxy, "Name");
    g_auto(GStrv) addresses = adit_proxy_texts(proxy, "Addresses");
    g_autofree char *joined = g_strjoinv(",", addresses);

    g_string_append_printf(f->seen, "%s %d %u %" G_GUINT64_FORMAT " %s;", name,
                           adit_proxy_flag(proxy, "Up"), adit_proxy_byte(proxy, "Family"),
                           adit_proxy_number(proxy, "LastHandshake"), joined);
}

static void
see(Fixture *f, const AditObjects *objects)
{
    g_string_truncate(f->seen, 0);
    adit_objects_each(objects, GATEWAY, on_each, f);
}

/* Nobody is there, it comes, goes, and comes again. */
static void
test_follow(Fixture *f, gconstpointer data)
{
    g_autoptr(AditObjects) objects = adit_objects_new(f->us, NAME, PATH, on_changed, f);

    g_assert_false(adit_objects_is_ready(objects));
    wait_owner(objects, FALSE);
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "");
    for (guint i = 0; i < 2; i++) {
        const guint before = f->n_changed;

        take_name(f);
        wait_owner(objects, TRUE);
        g_assert_cmpuint(f->n_changed, >, before);
        see(f, objects);
        g_assert_cmpstr(f->seen->str, ==, "home 1 6 7 192.0.2.1;");
        give_name(f);
        wait_owner(objects, FALSE);
        see(f, objects);
        g_assert_cmpstr(f->seen->str, ==, "");
    }
}

/* It goes while it is asked for the first time. */
static void
test_dies(Fixture *f, gconstpointer data)
{
    g_autoptr(AditObjects) objects = NULL;

    f->dies_at = 1;
    take_name(f);
    objects = adit_objects_new(f->us, NAME, PATH, on_changed, f);
    wait_owner(objects, FALSE);
    take_name(f);
    wait_owner(objects, TRUE);
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "home 1 6 7 192.0.2.1;");
}

/* It stays, and refuses: once in a second it is asked again. */
static void
test_refuses(Fixture *f, gconstpointer data)
{
    g_autoptr(AditObjects) objects = NULL;

    f->refuses_until = 2;
    take_name(f);
    g_test_expect_message("adit", G_LOG_LEVEL_WARNING, NAME ": *not yet*");
    objects = adit_objects_new(f->us, NAME, PATH, on_changed, f);
    wait_owner(objects, FALSE);
    g_test_assert_expected_messages();
    wait_owner(objects, TRUE);
    g_assert_cmpuint(f->n_asked, ==, 2);
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "home 1 6 7 192.0.2.1;");
}

static void
say(Fixture *f, const char *path, const char *interface, const char *signal, const char *text)
{
    const guint before = f->n_changed;
    const guint late = g_timeout_add_seconds(PATIENCE_S, on_late, NULL);

    g_assert_true(g_dbus_connection_emit_signal(f->daemon, NULL, path, interface, signal,
                                                g_variant_new_parsed(text), NULL));
    while (f->n_changed == before)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

/* What is added, changed and taken away while it is there; what makes no sense is passed over.
 */
static void
test_signals(Fixture *f, gconstpointer data)
{
    g_autoptr(AditObjects) objects = NULL;
    static const char manager[] = "org.freedesktop.DBus.ObjectManager",
                      properties[] = "org.freedesktop.DBus.Properties";

    take_name(f);
    objects = adit_objects_new(f->us, NAME, PATH, on_changed, f);
    wait_owner(objects, TRUE);
    for (guint i = 0; i < 3; i++)
        g_dbus_connection_emit_signal(f->daemon, NULL, i < 2 ? PATH : PATH "/gateways/home",
                                      i < 2 ? manager : properties,
                                      i == 0   ? "InterfacesAdded"
                                      : i == 1 ? "InterfacesRemoved"
                                               : "PropertiesChanged",
                                      g_variant_new("(s)", "nonsense"), NULL);
    g_dbus_connection_emit_signal(
        f->daemon, NULL, PATH "/gateways/none", properties, "PropertiesChanged",
        g_variant_new_parsed("('" GATEWAY "', {'Up': <true>}, @as [])"), NULL);
    say(f, PATH "/gateways/home", properties, "PropertiesChanged",
        "('" GATEWAY "', {'Up': <false>, 'Family': <byte 4>}, ['LastHandshake'])");
    g_assert_cmpstr(f->told->str, ==, "home: {'Up': <false>, 'Family': <byte 0x04>};");
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "home 0 4 0 192.0.2.1;");
    say(f, PATH, manager, "InterfacesRemoved",
        "(objectpath '" PATH "/gateways/home', ['" GATEWAY "', 'org.adit.Other'])");
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "");
    say(f, PATH, manager, "InterfacesAdded",
        "(objectpath '" PATH "/gateways/work', {'" GATEWAY "': {'Name': <'work'>}, "
        "'org.adit.Other': {'Name': <'other'>}})");
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "work 0 0 0 ;");
    give_name(f);
    wait_owner(objects, FALSE);
    see(f, objects);
    g_assert_cmpstr(f->seen->str, ==, "");
}

/* What is missing, or another thing than was thought. */
static void
test_other_types(Fixture *f, gconstpointer data)
{
    g_autoptr(GDBusProxy) proxy =
        g_dbus_proxy_new_sync(f->us, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES, NULL, NAME,
                              PATH, GATEWAY, NULL, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) texts = NULL;

    g_dbus_proxy_set_cached_property(proxy, "Name", g_variant_new_uint32(1));
    g_dbus_proxy_set_cached_property(proxy, "Up", g_variant_new_string("yes"));
    text = adit_proxy_text(proxy, "Name");
    texts = adit_proxy_texts(proxy, "Addresses");
    g_assert_cmpstr(text, ==, "");
    g_assert_cmpuint(g_strv_length(texts), ==, 0);
    g_assert_false(adit_proxy_flag(proxy, "Up"));
    g_assert_cmpuint(adit_proxy_byte(proxy, "Name"), ==, 0);
    g_assert_cmpuint(adit_proxy_number(proxy, "Name"), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/objects/follow", Fixture, NULL, set_up, test_follow, tear_down);
    g_test_add("/objects/dies", Fixture, NULL, set_up, test_dies, tear_down);
    g_test_add("/objects/refuses", Fixture, NULL, set_up, test_refuses, tear_down);
    g_test_add("/objects/signals", Fixture, NULL, set_up, test_signals, tear_down);
    g_test_add("/objects/other-types", Fixture, NULL, set_up, test_other_types, tear_down);
    return g_test_run();
}
