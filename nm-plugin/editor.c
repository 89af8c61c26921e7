/* SPDX-License-Identifier: GPL-2.0-or-later */

/* libnm-vpn-plugin-adit.so: import for the files that stock importers refuse, and export.
 *
 * GNOME Settings asks VPN plugins only for what its own WireGuard importer cannot read (a file
 * name that is no interface name, say), and `nmcli connection import type adit` asks nobody
 * else. There is no VPN service behind it: what it returns is a native "wireguard" connection.
 * The process is not ours, so nothing here prints, and the one symbol exported is the factory.
 */

#include "libadit/core/error.h"
#include "libadit/core/ifname.h"
#include "nm-plugin/connection.h"
#include "nm-plugin/reading.h"

#define MAX_FILE (4 * 1024 * 1024)

typedef struct {
    GObject parent;
} AditEditorPlugin;

typedef struct {
    GObjectClass parent;
} AditEditorPluginClass;

enum {
    PROP_0,
    PROP_NAME,
    PROP_DESC,
    PROP_SERVICE,
};

GType adit_editor_plugin_get_type(void);
static void interface_init(NMVpnEditorPluginInterface *interface);

G_DEFINE_TYPE_WITH_CODE(AditEditorPlugin, adit_editor_plugin, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(NM_TYPE_VPN_EDITOR_PLUGIN, interface_init))

static NMVpnEditorPluginCapability
get_capabilities(NMVpnEditorPlugin *plugin)
{
    return NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT | NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
           NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6;
}

static NMVpnEditor *
get_editor(NMVpnEditorPlugin *plugin, NMConnection *connection, GError **error)
{
    g_set_error_literal(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_FAILED,
                        "adit imports WireGuard profiles; edit them as WireGuard connections");
    return NULL;
}

static NMConnection *
import_from_file(NMVpnEditorPlugin *plugin, const char *path, GError **error)
{
    g_autofree char *bytes = NULL;
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *id = adit_ifname_title(path);
    g_autofree char *ifname = adit_ifname_derive(id, NULL);
    g_autoptr(AditProfile) profile = NULL;
    NMConnection *connection = NULL;
    gsize len;

    if (!g_file_get_contents(path, &bytes, &len, error))
        return NULL;
    if (len <= MAX_FILE)
        profile = adit_profile_parse(name, bytes, len, error);
    else
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: larger than 4 MiB", name);
    if (profile)
        connection = adit_nm_connection_new(profile, id, ifname, 0, error);
    explicit_bzero(bytes, len);
    return connection;
}

/* Whoever calls has fetched the secrets, as for every export. */
static gboolean
export_to_file(NMVpnEditorPlugin *plugin, const char *path, NMConnection *connection,
               GError **error)
{
    g_autoptr(AditProfile) profile = adit_nm_read(connection, error);
    char *text;
    gboolean ok;

    if (!profile)
        return FALSE;
    text = adit_profile_to_string(profile);
    ok = g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
    adit_key_string_free(text);
    return ok;
}

static char *
get_suggested_filename(NMVpnEditorPlugin *plugin, NMConnection *connection)
{
    g_autofree char *name = g_strconcat(nm_connection_get_id(connection), ".conf", NULL);

    return g_strdelimit(g_steal_pointer(&name), "/", '-');
}

static void
interface_init(NMVpnEditorPluginInterface *interface)
{
    interface->get_capabilities = get_capabilities;
    interface->get_editor = get_editor;
    interface->import_from_file = import_from_file;
    interface->export_to_file = export_to_file;
    interface->get_suggested_filename = get_suggested_filename;
}

static void
get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    switch (id) {
    case PROP_NAME: g_value_set_string(value, "adit"); break;
    case PROP_DESC: g_value_set_string(value, "WireGuard profile of a tunnel server"); break;
    case PROP_SERVICE: g_value_set_string(value, "org.freedesktop.NetworkManager.adit"); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
adit_editor_plugin_init(AditEditorPlugin *plugin)
{
}

static void
adit_editor_plugin_class_init(AditEditorPluginClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = get_property;
    g_object_class_override_property(object_class, PROP_NAME, NM_VPN_EDITOR_PLUGIN_NAME);
    g_object_class_override_property(object_class, PROP_DESC, NM_VPN_EDITOR_PLUGIN_DESCRIPTION);
    g_object_class_override_property(object_class, PROP_SERVICE, NM_VPN_EDITOR_PLUGIN_SERVICE);
}

G_MODULE_EXPORT NMVpnEditorPlugin *
nm_vpn_editor_plugin_factory(GError **error)
{
    return g_object_new(adit_editor_plugin_get_type(), NULL);
}
