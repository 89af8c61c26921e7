/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib/gstdio.h>
#include <libglib-testing/dbus-queue.h>

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
    "<property name='Id' type='s' access='read'/></interface></node>";

typedef struct {
    const char *path, *id;
    const char *state; /* read by the thread of the mock */
    char *file, *drop_in;
} Unit;

typedef struct {
    GtDBusQueue *mock;
    GDBusConnection *systemd; /* the mock's own, once it was asked something */
    Unit units[2];
    char *folder;
    AditPublishUnits *tested;
    char *names; /* what it said last */
} Fixture;

static GVariant *
list_units(Fixture *f)
{
    GVariantBuilder list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ssssssouso)"));

    for (guint i = 0; i < G_N_ELEMENTS(f->units); i++)
        g_variant_builder_add(&list, "(ssssssouso)", f->units[i].id, "", "loaded",
                              g_atomic_pointer_get(&f->units[i].state), "", "",
                              f->units[i].path, 0, "", "/");
    return g_variant_new("(a(ssssssouso))", &list);
}

static GVariant *
properties_of(Unit *unit)
{
    const char *const drop_ins[] = { unit->drop_in, NULL };
    GVariantBuilder all = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    g_variant_builder_add(&all, "{sv}", "Id", g_variant_new_string(unit->id));
    g_variant_builder_add(&all, "{sv}", "ActiveState",
                          g_variant_new_string(g_atomic_pointer_get(&unit->state)));
    g_variant_builder_add(&all, "{sv}", "FragmentPath", g_variant_new_string(unit->file));
    g_variant_builder_add(&all, "{sv}", "DropInPaths", g_variant_new_strv(drop_ins, -1));
    return g_variant_new("(a{sv})", &all);
}

/* In a thread of the mock's own. */
static void
serve(GtDBusQueue *mock, gpointer data)
{
    GDBusMethodInvocation *asked;
    Fixture *f = data;

    while (gt_dbus_queue_pop_message(mock, &asked)) {
        const char *method = g_dbus_method_invocation_get_method_name(asked);
        const gboolean game =
            g_str_equal(g_dbus_method_invocation_get_object_path(asked), GAME);
        GVariant *answer = g_str_equal(method, "ListUnits") ? list_units(f)
                           : g_str_equal(method, "GetAll")  ? properties_of(&f->units[game])
                                                            : NULL;

        g_atomic_pointer_set(&f->systemd, g_dbus_method_invocation_get_connection(asked));
        g_dbus_method_invocation_return_value(asked, answer);
    }
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

    g_atomic_pointer_set(&f->units[i].state, state);
    g_variant_builder_add(&changed, "{sv}", "ActiveState", g_variant_new_string(state));
    g_dbus_connection_emit_signal(
        g_atomic_pointer_get(&f->systemd), NULL, f->units[i].path,
        "org.freedesktop.DBus.Properties", "PropertiesChanged",
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

static AditPublishUnits *
watch_units(Fixture *f)
{
    return adit_publish_units_new(gt_dbus_queue_get_client_connection(f->mock), on_units, f);
}

static void
test_follow(Fixture *f)
{
    write_unit(f->units[0].file, "[Unit]\nX-Adit-Publish=443/tcp\n");
    write_unit(f->units[1].file, "[Unit]\n");
    write_unit(f->units[1].drop_in, "[Unit]\nX-Adit-Publish=27015/udp\n");
    f->tested = watch_units(f);
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
    g_dbus_connection_emit_signal(g_atomic_pointer_get(&f->systemd), NULL, MANAGER,
                                  SYSTEMD ".Manager", "Reloading", g_variant_new("(b)", FALSE),
                                  NULL);
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
}

/* On the bus, and nothing more. To the end of the process: taken down, it trips over its own
 * last signals. */
static GtDBusQueue *
start_mock(void)
{
    GtDBusQueue *mock = gt_dbus_queue_new();
    g_autoptr(GError) error = NULL;

    gt_dbus_queue_connect(mock, &error);
    g_assert_no_error(error);
    return mock;
}

static void export(Fixture *f, GDBusNodeInfo *info, const char *path, guint interface)
{
    g_autoptr(GError) error = NULL;

    gt_dbus_queue_export_object(f->mock, path, info->interfaces[interface], &error);
    g_assert_no_error(error);
}

static void
test_units(gconstpointer mock)
{
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(introspection, NULL);
    static Fixture f = { .units = { { WEB, "web.service", "active" },
                                    { GAME, "game.service", "inactive" } } };

    f.mock = (GtDBusQueue *)mock;
    f.folder = g_dir_make_tmp("adit-units-XXXXXX", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(f.units); i++) {
        f.units[i].file = g_build_filename(f.folder, f.units[i].id, NULL);
        f.units[i].drop_in = g_strconcat(f.units[i].file, ".conf", NULL);
        export(&f, info, f.units[i].path, 1);
    }
    export(&f, info, MANAGER, 0);
    gt_dbus_queue_set_server_func(f.mock, serve, &f);
    gt_dbus_queue_own_name(f.mock, SYSTEMD);
    test_follow(&f);
    clean_up(&f);
}

/* Without systemd there are none, and that is told. */
static void
test_none(gconstpointer mock)
{
    Fixture f = { .mock = (GtDBusQueue *)mock };

    f.tested = watch_units(&f);
    expect(&f, "");
    adit_publish_units_free(f.tested);
    g_free(f.names);
}

int
main(int argc, char **argv)
{
    GtDBusQueue *mock;

    g_test_init(&argc, &argv, NULL);
    mock = start_mock();
    g_test_add_data_func("/publish-units/none", mock, test_none); /* before it has the name */
    g_test_add_data_func("/publish-units/follow", mock, test_units);
    return g_test_run();
}
