/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <gio/gio.h>
#include <glib/gstdio.h>

#include "client/publisher/publish-units.h"

/* Units that say X-Adit-Publish, by a systemd of our own on a private bus: what is published
 * follows what is active. */

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER "/org/freedesktop/systemd1"
#define WEB MANAGER "/unit/web_2eservice"
#define GAME MANAGER "/unit/game_2eservice"

static const char introspection[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'>"
    "<method name='Subscribe'/>"
    "<method name='ListUnits'><arg type='a(ssssssouso)' direction='out'/></method>"
    "<signal name='Reloading'><arg type='b'/></signal></interface>"
    "<interface name='org.freedesktop.systemd1.Unit'>"
    "<property name='Id' type='s' access='read'/>"
    "<property name='ActiveState' type='s' access='read'/>"
    "<property name='FragmentPath' type='s' access='read'/>"
    "<property name='DropInPaths' type='as' access='read'/></interface></node>";

typedef struct {
    const char *path, *id;
    const char *state;
    char *file, *drop_in;
} Unit;

typedef struct {
    GDBusConnection *systemd, *bus;
    Unit units[2];
    char *folder;
    AditPublishUnits *tested;
    char *names; /* what it said last */
} Fixture;

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    Fixture *f = data;
    GVariantBuilder list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ssssssouso)"));

    for (guint i = 0; i < G_N_ELEMENTS(f->units); i++)
        g_variant_builder_add(&list, "(ssssssouso)", f->units[i].id, "", "loaded",
                              f->units[i].state, "", "", f->units[i].path, 0, "", "/");
    if (g_str_equal(method, "ListUnits")) {
        g_dbus_method_invocation_return_value(call, g_variant_new("(a(ssssssouso))", &list));
    } else {
        g_variant_builder_clear(&list);
        g_dbus_method_invocation_return_value(call, NULL);
    }
}

static GVariant *
on_get(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
       const char *property, GError **error, gpointer data)
{
    Fixture *f = data;
    const Unit *unit = &f->units[g_str_equal(path, GAME)];
    const char *const drop_ins[] = { unit->drop_in, NULL };

    if (g_str_equal(property, "Id"))
        return g_variant_new_string(unit->id);
    if (g_str_equal(property, "ActiveState"))
        return g_variant_new_string(unit->state);
    if (g_str_equal(property, "FragmentPath"))
        return g_variant_new_string(unit->file);
    return g_variant_new_strv(drop_ins, -1);
}

static gint
by_text(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

static void
on_units(GPtrArray *publications, gpointer data)
{
    Fixture *f = data;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(publications, i);
        g_autofree char *name = adit_publication_name(p);

        g_ptr_array_add(names, g_strdup_printf("%s by %s", name, p->source));
    }
    g_ptr_array_sort(names, by_text);
    g_ptr_array_add(names, NULL);
    g_free(f->names);
    f->names = g_strjoinv(", ", (char **)names->pdata);
    g_ptr_array_unref(publications);
}

static GDBusConnection *
connect_to(GTestDBus *dbus)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = g_dbus_connection_new_for_address_sync(
        g_test_dbus_get_bus_address(dbus),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &error);

    g_assert_no_error(error);
    return bus;
}

static void export(Fixture *f, GDBusNodeInfo *info, const char *path, guint interface)
{
    static const GDBusInterfaceVTable vtable = { on_call, on_get, NULL, { 0 } };
    g_autoptr(GError) error = NULL;

    g_dbus_connection_register_object(f->systemd, path, info->interfaces[interface], &vtable, f,
                                      NULL, &error);
    g_assert_no_error(error);
}

static void
write_unit(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}

/* systemd says that a unit is in another state now. */
static void
enter(Fixture *f, guint i, const char *state)
{
    GVariantBuilder changed = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    const char *const invalidated[] = { NULL };

    f->units[i].state = state;
    g_variant_builder_add(&changed, "{sv}", "ActiveState", g_variant_new_string(state));
    g_dbus_connection_emit_signal(
        f->systemd, NULL, f->units[i].path, "org.freedesktop.DBus.Properties",
        "PropertiesChanged",
        g_variant_new("(sa{sv}^as)", "org.freedesktop.systemd1.Unit", &changed, invalidated),
        NULL);
}

static gboolean
on_timeout(gpointer data)
{
    g_test_message("%s", (const char *)data);
    g_assert_not_reached();
    return G_SOURCE_REMOVE;
}

static void
expect(Fixture *f, const char *names)
{
    g_autofree char *what = g_strdup_printf("never published: %s", names);
    const guint timer = g_timeout_add_seconds(10, on_timeout, what);

    while (g_strcmp0(f->names, names) != 0)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

static void
test_follow(Fixture *f)
{
    write_unit(f->units[0].file, "[Unit]\nX-Adit-Publish=443/tcp\n");
    write_unit(f->units[1].file, "[Unit]\n");
    write_unit(f->units[1].drop_in, "[Unit]\nX-Adit-Publish=27015/udp\n");
    f->tested = adit_publish_units_new(f->bus, on_units, f);
    expect(f, "443/tcp by web.service");
    enter(f, 1, "activating");
    enter(f, 1, "active");
    expect(f, "27015/udp by game.service, 443/tcp by web.service");
    enter(f, 0, "deactivating");
    expect(f, "27015/udp by game.service");
    enter(f, 0, "active");
    expect(f, "27015/udp by game.service, 443/tcp by web.service");
    enter(f, 1, "failed");
    expect(f, "443/tcp by web.service");
    write_unit(f->units[0].file, "[Unit]\nX-Adit-Publish=8443\n");
    g_dbus_connection_emit_signal(f->systemd, NULL, MANAGER, SYSTEMD ".Manager", "Reloading",
                                  g_variant_new("(b)", FALSE), NULL);
    expect(f, "8443/tcp by web.service");
}

static void
clean_up(Fixture *f)
{
    adit_publish_units_free(f->tested);
    for (guint i = 0; i < G_N_ELEMENTS(f->units); i++) {
        g_unlink(f->units[i].file);
        g_unlink(f->units[i].drop_in);
        g_free(f->units[i].file);
        g_free(f->units[i].drop_in);
    }
    g_rmdir(f->folder);
    g_free(f->folder);
    g_free(f->names);
    g_object_unref(f->bus);
    g_object_unref(f->systemd);
}

static void
test_units(void)
{
    g_autoptr(GTestDBus) dbus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(introspection, NULL);
    Fixture f = { .units = { { WEB, "web.service", "active" },
                             { GAME, "game.service", "inactive" } } };
    g_autoptr(GVariant) owned = NULL;

    g_test_dbus_up(dbus);
    f.systemd = connect_to(dbus);
    f.bus = connect_to(dbus);
    f.folder = g_dir_make_tmp("adit-units-XXXXXX", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(f.units); i++) {
        f.units[i].file = g_build_filename(f.folder, f.units[i].id, NULL);
        f.units[i].drop_in = g_strconcat(f.units[i].file, ".conf", NULL);
        export(&f, info, f.units[i].path, 1);
    }
    export(&f, info, MANAGER, 0);
    owned = g_dbus_connection_call_sync(f.systemd, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "RequestName", g_variant_new("(su)", SYSTEMD, 0), NULL,
                                        G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    g_assert_nonnull(owned);
    test_follow(&f);
    clean_up(&f);
    g_test_dbus_stop(dbus);
}

/* Without systemd there are none, and that is told. */
static void
test_none(void)
{
    g_autoptr(GTestDBus) dbus = g_test_dbus_new(G_TEST_DBUS_NONE);
    Fixture f = { 0 };

    g_test_dbus_up(dbus);
    f.bus = connect_to(dbus);
    f.tested = adit_publish_units_new(f.bus, on_units, &f);
    expect(&f, "");
    adit_publish_units_free(f.tested);
    g_free(f.names);
    g_object_unref(f.bus);
    g_test_dbus_stop(dbus);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/publish-units/follow", test_units);
    g_test_add_func("/publish-units/none", test_none);
    return g_test_run();
}
