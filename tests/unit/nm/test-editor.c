/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <NetworkManager.h>
#include <dlfcn.h>
#include <glib/gstdio.h>
#include <string.h>

#define PRIVATE "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

/* The module as nmcli and GNOME load it. ADIT_EDITOR names the built file. */

static NMVpnEditorPlugin *
load(void)
{
    g_autoptr(GError) error = NULL;
    NMVpnEditorPlugin *plugin = nm_vpn_editor_plugin_load_from_file(
        g_getenv("ADIT_EDITOR"), "org.freedesktop.NetworkManager.adit", -1, NULL, NULL, &error);

    g_assert_no_error(error);
    return plugin;
}

static NMConnection *
import(NMVpnEditorPlugin *plugin, const char *file, const char *text, GError **error)
{
    g_autofree char *dir = g_dir_make_tmp("adit-editor-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, file, NULL);
    NMConnection *connection;

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    connection = nm_vpn_editor_plugin_import(plugin, path, error);
    g_unlink(path);
    g_rmdir(dir);
    return connection;
}

/* The stock importer refuses this name: it is no interface name. */
static void
test_any_name(void)
{
    g_autoptr(NMVpnEditorPlugin) plugin = load();
    g_autoptr(GError) error = NULL;
    g_autoptr(NMConnection) connection =
        import(plugin, "My home (1).conf",
               "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.0.0.2/24\n"
               "[Peer]\nPublicKey = " PUBLIC "\nAllowedIPs = 10.0.0.0/24\n",
               &error);

    g_assert_no_error(error);
    g_assert_cmpstr(nm_connection_get_id(connection), ==, "My home (1)");
    g_assert_cmpstr(nm_connection_get_interface_name(connection), ==, "my-home-1");
    g_assert_cmpstr(nm_connection_get_connection_type(connection), ==, "wireguard");
}

static void
test_names_the_line(void)
{
    g_autoptr(NMVpnEditorPlugin) plugin = load();
    g_autoptr(GError) error = NULL;

    g_assert_null(import(plugin, "wg0.conf",
                         "[Interface]\nPrivateKey = " PRIVATE "\nJc = 4\n[Peer]\n", &error));
    g_assert_true(g_str_has_prefix(error->message, "wg0.conf:3: Jc: "));
}

static void
test_says_what_it_can(void)
{
    g_autoptr(NMVpnEditorPlugin) plugin = load();
    g_autoptr(NMConnection) connection = nm_simple_connection_new();

    g_assert_cmpint(nm_vpn_editor_plugin_get_capabilities(plugin), ==,
                    NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT |
                        NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
                        NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6);
    g_assert_null(nm_vpn_editor_plugin_get_editor(plugin, connection, NULL));
}

/* There and back: what comes out is what went in, for nobody else to read. */
static void
test_export(void)
{
    static const char text[] = "[Interface]\nPrivateKey = " PRIVATE "\nAddress = 10.0.0.2/24\n"
                               "\n[Peer]\nPublicKey = " PUBLIC "\nPresharedKey = " PRIVATE
                               "\nAllowedIPs = 10.0.0.0/24\n";
    g_autoptr(NMVpnEditorPlugin) plugin = load();
    g_autoptr(GError) error = NULL;
    g_autoptr(NMConnection) connection = import(plugin, "home.conf", text, &error);
    g_autofree char *dir = g_dir_make_tmp("adit-editor-XXXXXX", NULL);
    g_autofree char *name = nm_vpn_editor_plugin_get_suggested_filename(plugin, connection);
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *out = NULL;
    GStatBuf info;

    g_assert_no_error(error);
    g_assert_cmpstr(name, ==, "home.conf");
    g_assert_true(nm_vpn_editor_plugin_export(plugin, path, connection, &error));
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(path, &out, NULL, NULL));
    g_assert_nonnull(strstr(out, "PresharedKey = " PRIVATE));
    g_assert_nonnull(strstr(out, "AllowedIPs = 10.0.0.0/24"));
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);
    g_assert_false(
        nm_vpn_editor_plugin_export(plugin, "/no/such/folder/x.conf", connection, &error));
    g_assert_nonnull(error);
    g_unlink(path);
    g_rmdir(dir);
}

/* Let go of and loaded again: its types are still those of the process. */
static void
test_again(void)
{
    for (guint i = 0; i < 3; i++) {
        void *module = dlopen(g_getenv("ADIT_EDITOR"), RTLD_LAZY | RTLD_LOCAL);
        NMVpnEditorPluginFactory factory;
        g_autoptr(NMVpnEditorPlugin) plugin = NULL;

        g_assert_nonnull(module);
        factory = (NMVpnEditorPluginFactory)dlsym(module, "nm_vpn_editor_plugin_factory");
        plugin = factory(NULL);
        g_assert_true(NM_IS_VPN_EDITOR_PLUGIN(plugin));
        g_assert_null(dlsym(module, "adit_profile_parse"));
        g_clear_object(&plugin);
        dlclose(module);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/editor/any-name", test_any_name);
    g_test_add_func("/editor/names-the-line", test_names_the_line);
    g_test_add_func("/editor/export", test_export);
    g_test_add_func("/editor/again", test_again);
    g_test_add_func("/editor/says-what-it-can", test_says_what_it_can);
    return g_test_run();
}
