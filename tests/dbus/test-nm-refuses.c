/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <gio/gio.h>
#include <glib/gstdio.h>

#include "libadit/core/error.h"
#include "nm-plugin/backend.h"
#include "tests/private-bus.h"

#include <string.h>

/* A NetworkManager of an older day on a private bus, or one that has just begun: what it is
 * asked for is refused in one sentence, and nothing is asked of it. */

#define NM "org.freedesktop.NetworkManager"
#define NM_PATH "/org/freedesktop/NetworkManager"

static const char introspection[] =
    "<node><interface name='org.freedesktop.DBus.ObjectManager'>"
    "<method name='GetManagedObjects'>"
    "<arg type='a{oa{sa{sv}}}' direction='out'/></method></interface></node>";

typedef struct {
    const char *version;
    gboolean starting;
    guint changes; /* calls of anything but reading */
    char *said;
    GTestDBus *daemon;
    GDBusConnection *bus;
    char *state;
    AditBackend *backend;
} Fixture;

static GVariant *
objects_of(const Fixture *f)
{
    GVariantBuilder properties, interfaces, objects;

    g_variant_builder_init(&properties, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&properties, "{sv}", "Version", g_variant_new_string(f->version));
    g_variant_builder_add(&properties, "{sv}", "Startup", g_variant_new_boolean(f->starting));
    g_variant_builder_add(&properties, "{sv}", "State", g_variant_new_uint32(70));
    g_variant_builder_init(&interfaces, G_VARIANT_TYPE("a{sa{sv}}"));
    g_variant_builder_add(&interfaces, "{sa{sv}}", NM, &properties);
    g_variant_builder_init(&objects, G_VARIANT_TYPE("a{oa{sa{sv}}}"));
    g_variant_builder_add(&objects, "{oa{sa{sv}}}", NM_PATH, &interfaces);
    return g_variant_new("(a{oa{sa{sv}}})", &objects);
}

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    const Fixture *f = data;

    g_dbus_method_invocation_return_value(call, objects_of(f));
}

/* What nobody here answers is counted all the same. */
static GDBusMessage *
on_message(GDBusConnection *bus, GDBusMessage *message, gboolean incoming, gpointer data)
{
    Fixture *f = data;
    const char *member = g_dbus_message_get_member(message);

    if (incoming &&
        g_dbus_message_get_message_type(message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL &&
        !g_str_has_prefix(member, "Get"))
        g_atomic_int_inc(&f->changes);
    return message;
}

static void
on_done(const char *id, const GError *error, gpointer data)
{
    Fixture *f = data;

    g_assert_nonnull(error);
    g_free(f->said);
    f->said = g_strdup(error->message);
}

static GDBusConnection *
serve(Fixture *f, const char *address)
{
    static const GDBusInterfaceVTable vtable = { on_call, NULL, NULL };
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(introspection, NULL);
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = private_bus_connect(address);

    g_dbus_connection_add_filter(bus, on_message, f, NULL);
    g_assert_cmpuint(g_dbus_connection_register_object(bus, "/org/freedesktop",
                                                       node->interfaces[0], &vtable, f, NULL,
                                                       &error),
                     >, 0);
    g_assert_no_error(error);
    g_variant_unref(g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
        g_variant_new("(su)", NM, 0), NULL, 0, -1, NULL, &error));
    g_assert_no_error(error);
    return bus;
}

/* Goes on asking until libnm, which takes its time, knows that there is one. */
static void
ask(Fixture *f, AditBackend *backend, AditBackendVerb verb)
{
    const AditProfile profile = { 0 };
    const AditBackendGateway gateway = {
        .name = "home", .title = "home", .id = "nobody", .slot = 1, .profile = &profile
    };
    const gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

    do {
        verb(backend, &gateway, on_done, f);
        g_main_context_iteration(NULL, FALSE);
    } while ((strstr(f->said, "was not asked yet") ||
              g_str_has_suffix(f->said, "systemctl start NetworkManager")) &&
             g_get_monotonic_time() < end);
}

static void
set_up(Fixture *f)
{
    f->daemon = g_test_dbus_new(G_TEST_DBUS_NONE);
    f->state = g_dir_make_tmp("adit-XXXXXX", NULL);
    g_test_dbus_up(f->daemon);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(f->daemon), TRUE);
    f->bus = serve(f, g_test_dbus_get_bus_address(f->daemon));
    f->backend = adit_nm_backend_new(NULL, f->state);
}

static void
tear_down(Fixture *f)
{
    g_assert_cmpuint(g_atomic_int_get(&f->changes), ==, 0);
    f->backend->ops->free(f->backend);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_dbus_connection_close_sync(f->bus, NULL, NULL);
    g_object_unref(f->bus);
    g_test_dbus_stop(f->daemon);
    g_object_unref(f->daemon);
    g_assert_cmpint(g_rmdir(f->state), ==, 0);
    g_free(f->state);
    g_free(f->said);
}

static void
test_version(gconstpointer data)
{
    const char *const *row = data;
    Fixture f = { .version = row[0] };

    set_up(&f);
    ask(&f, f.backend, f.backend->ops->create);
    g_assert_cmpstr(f.said, ==, row[1]);
    ask(&f, f.backend, f.backend->ops->activate);
    g_assert_cmpstr(f.said, ==, row[2]);
    tear_down(&f);
}

static void
is_ready(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
         gpointer data)
{
    Fixture *f = data;
    g_autoptr(GError) error = NULL;
    const gboolean ready = backend->ops->is_ready(backend, gateway->id, &error);

    g_assert_cmpint(ready, ==, !error);
    g_free(f->said);
    f->said = g_strdup(error ? error->message : "ready");
}

/* While it begins, one that it does not know may be one that it has not read yet. */
static void
test_starting(gconstpointer data)
{
    const gboolean starting = GPOINTER_TO_INT(data);
    Fixture f = { .version = "1.42.4", .starting = starting };

    set_up(&f);
    ask(&f, f.backend, is_ready);
    g_assert_cmpstr(f.said, ==,
                    starting ? "NetworkManager: still starting: try again in a moment"
                             : "ready");
    tear_down(&f);
}

#define OLD(version)                                                                           \
    "NetworkManager " version ": too old: 1.42 is needed; --backend direct needs none"

int
main(int argc, char **argv)
{
    static const char *const old[] = { "1.40.18", OLD("1.40.18"), OLD("1.40.18") };
    static const char *const older[] = { "0.9.10", OLD("0.9.10"), OLD("0.9.10") };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/nm/old", old, test_version);
    g_test_add_data_func("/nm/older", older, test_version);
    g_test_add_data_func("/nm/starting", GINT_TO_POINTER(TRUE), test_starting);
    g_test_add_data_func("/nm/started", GINT_TO_POINTER(FALSE), test_starting);
    return g_test_run();
}
