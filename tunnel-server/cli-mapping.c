/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli-mapping.h"

#include "libadit/core/error.h"
#include "tunnel-server/cli-pages.h"
#include "tunnel-server/edit.h"

#include <string.h>

/* adit-server forward ..., pinhole ..., publish. */

static char *opt_label, *opt_version;
static char **opt_allow_from;
static int opt_internal;
static const char *opt_also_80 = "no";

static gboolean
parse_internal(const char *text, guint16 *ret, GError **error)
{
    return adit_port_parse(text, ret) ||
           adit_cli_usage(error, "%s: not a port (1 to 65535)", text);
}

static gboolean
check_internal(guint16 *ret, GError **error)
{
    if (opt_internal < 0 || opt_internal > 65535)
        return adit_cli_usage(error, "--internal: not a port (1 to 65535)");
    *ret = (guint16)opt_internal;
    return TRUE;
}

static gboolean
check_ports(const char *text, GError **error)
{
    g_autoptr(GError) reason = NULL;
    AditPorts ports;

    return adit_ports_parse(text, &ports, &reason) ||
           adit_cli_usage(error, "%s", reason->message);
}

static gboolean
add(AditCli *cli, guchar family, const char *address, const char *ports, const char *device,
    guint16 internal, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_auto(GStrv) allow_from = adit_cli_split_list(opt_allow_from);
    g_autofree char *key = NULL;
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_add_mapping_sync(
                             manager, family, address, ports, device, internal,
                             opt_label ? opt_label : "", (const char *const *)allow_from,
                             G_DBUS_CALL_FLAGS_NONE, -1, &key, NULL, &reason),
                         &reason, error))
        return FALSE;
    adit_cli_print(cli, "%s\n", key);
    adit_cli_warn_if_down(cli, manager);
    cli->status = 0;
    return TRUE;
}

/* forward add [ADDR:]EXT[-EXT][/PROTO] DEVICE[:PORT] */
static gboolean
cmd_forward_add(AditCli *cli, char **args, GError **error)
{
    const char *colon = strrchr(args[0], ':');
    g_autofree char *address =
        colon ? g_strndup(args[0], (gsize)(colon - args[0])) : g_strdup("");
    const char *ports = colon ? colon + 1 : args[0];
    g_auto(GStrv) target = g_strsplit(args[1], ":", 2);
    guint16 internal = 0;

    if (!check_ports(ports, error) ||
        (target[0] && target[1] && !parse_internal(target[1], &internal, error)))
        return FALSE;
    return add(cli, 4, address, ports, target[0] ? target[0] : "", internal, error);
}

static gboolean
cmd_pinhole_add(AditCli *cli, char **args, GError **error)
{
    guint16 internal = 0;

    return check_ports(args[1], error) && check_internal(&internal, error) &&
           add(cli, 6, "", args[1], args[0], internal, error);
}

static gboolean
cmd_forward_list(AditCli *cli, char **args, GError **error)
{
    return adit_cli_list_mappings(cli, 4, error);
}

static gboolean
cmd_pinhole_list(AditCli *cli, char **args, GError **error)
{
    return adit_cli_list_mappings(cli, 6, error);
}

static gboolean
remove_key(AditCli *cli, guchar family, const char *key, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_remove_mapping_sync(
                             manager, family, key, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                         &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_forward_remove(AditCli *cli, char **args, GError **error)
{
    return remove_key(cli, 4, args[0], error);
}

static gboolean
cmd_pinhole_remove(AditCli *cli, char **args, GError **error)
{
    return remove_key(cli, 6, args[0], error);
}

static gboolean
set_enabled(AditCli *cli, guchar family, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = NULL;
    GError *reason = NULL;
    gboolean on;

    if (!adit_cli_parse_switch(args[1], &on, error))
        return FALSE;
    manager = adit_cli_connect(error);
    if (!manager || !adit_cli_settle(adit_srv_manager_call_set_mapping_enabled_sync(
                                         manager, family, args[0], on, G_DBUS_CALL_FLAGS_NONE,
                                         -1, NULL, &reason),
                                     &reason, error))
        return FALSE;
    if (on)
        adit_cli_warn_if_down(cli, manager);
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_forward_enabled(AditCli *cli, char **args, GError **error)
{
    return set_enabled(cli, 4, args, error);
}

static gboolean
cmd_pinhole_enabled(AditCli *cli, char **args, GError **error)
{
    return set_enabled(cli, 6, args, error);
}

static gboolean
set_label(AditCli *cli, guchar family, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_srv_manager_call_set_mapping_label_sync(
                                         manager, family, args[0], args[1],
                                         G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_forward_label(AditCli *cli, char **args, GError **error)
{
    return set_label(cli, 4, args, error);
}

static gboolean
cmd_pinhole_label(AditCli *cli, char **args, GError **error)
{
    return set_label(cli, 6, args, error);
}

static gboolean
parse_version(const char *text, guchar *ret, GError **error)
{
    if (!text || g_str_equal(text, "both"))
        *ret = 0;
    else if (g_str_equal(text, "4") || g_str_equal(text, "6"))
        *ret = (guchar)(*text - '0');
    else
        return adit_cli_usage(error, "--ip-version: neither 4, 6 nor both");
    return TRUE;
}

/* Without --ip-version a device gets what it has: IPv6 too, if it has an address. */
static gboolean
device_has_ipv6(AditSrvManager *manager, const char *name, gboolean *ret, GError **error)
{
    g_autoptr(GVariant) rows = adit_cli_devices(manager, error);

    if (!rows)
        return FALSE;
    *ret = FALSE;
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        const char *own, *addr6;

        g_variant_get_child(row, 0, "&s", &own);
        g_variant_get_child(row, 3, "&s", &addr6);
        if (g_str_equal(own, name))
            *ret = *addr6 != '\0';
    }
    return TRUE;
}

gboolean
adit_cli_publish(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = NULL;
    g_auto(GStrv) keys = NULL;
    GError *reason = NULL;
    gboolean has_ipv6 = TRUE;
    guint16 internal = 0;
    guchar family = 0;

    if (!check_ports(args[1], error) || !check_internal(&internal, error) ||
        !parse_version(opt_version, &family, error))
        return FALSE;
    manager = adit_cli_connect(error);
    if (!manager || (!opt_version && !device_has_ipv6(manager, args[0], &has_ipv6, error)) ||
        !adit_cli_settle(adit_srv_manager_call_publish_sync(
                             manager, has_ipv6 ? family : 4, args[1], args[0], internal,
                             opt_label ? opt_label : "", opt_also_80, G_DBUS_CALL_FLAGS_NONE,
                             -1, &keys, NULL, &reason),
                         &reason, error))
        return FALSE;
    for (guint i = 0; keys[i]; i++)
        adit_cli_print(cli, "%s\n", keys[i]);
    adit_cli_warn_if_down(cli, manager);
    cli->status = 0;
    return TRUE;
}

/* --also-80 or --also-80=port */
static gboolean
parse_also_80(const char *name, const char *value, gpointer data, GError **error)
{
    if (value && !g_str_equal(value, "https") && !g_str_equal(value, "port")) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--also-80: neither https nor port");
        return FALSE;
    }
    opt_also_80 = value && g_str_equal(value, "port") ? "port" : "https";
    return TRUE;
}

#define LABEL_OPTION                                                                           \
    {                                                                                          \
        "label", 0, 0, G_OPTION_ARG_STRING, &opt_label, "What it is for", "TEXT"               \
    }
#define ALLOW_OPTION                                                                           \
    {                                                                                          \
        "allow-from", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_allow_from,                        \
            "Only visitors from NET; may be repeated", "NET"                                   \
    }
#define INTERNAL_OPTION                                                                        \
    {                                                                                          \
        "internal", 0, 0, G_OPTION_ARG_INT, &opt_internal,                                     \
            "The port on the device, if another (of the first, in a range)", "PORT"            \
    }

static const GOptionEntry forward_options[] = { LABEL_OPTION, ALLOW_OPTION, { 0 } };
static const GOptionEntry pinhole_options[] = {
    INTERNAL_OPTION, LABEL_OPTION, ALLOW_OPTION, { 0 }
};

const GOptionEntry adit_cli_publish_options[] = {
    INTERNAL_OPTION,
    { "ip-version", 0, 0, G_OPTION_ARG_STRING, &opt_version,
      "Which Internet: 4, 6 or both; without it, what the device has", "4|6|both" },
    { "also-80", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, (gpointer)parse_also_80,
      "Port 80 redirects to it, or leads to the same service (port)", "https|port" },
    LABEL_OPTION,
    { 0 },
};

const AditCommand adit_cli_forward_verbs[] = {
    { "add", "EXT[-EXT][/tcp|udp|both] DEVICE[:PORT]", 2, 2, cmd_forward_add,
      "Open a port of the WAN address and lead it to a device", forward_options, NULL },
    { "list", "", 0, 0, cmd_forward_list, "List them", NULL, NULL },
    { "remove", "KEY", 1, 1, cmd_forward_remove, "Close one for good", NULL, NULL },
    { "set-enabled", "KEY on|off", 2, 2, cmd_forward_enabled, "Close one for a while", NULL,
      NULL },
    { "set-label", "KEY TEXT", 2, 2, cmd_forward_label, "Say what one is for", NULL, NULL },
    { 0 },
};

const AditCommand adit_cli_pinhole_verbs[] = {
    { "add", "DEVICE PORT[-PORT][/tcp|udp|both]", 2, 2, cmd_pinhole_add,
      "Open a port of a device's own IPv6 address", pinhole_options, NULL },
    { "list", "", 0, 0, cmd_pinhole_list, "List them", NULL, NULL },
    { "remove", "KEY", 1, 1, cmd_pinhole_remove, "Close one for good", NULL, NULL },
    { "set-enabled", "KEY on|off", 2, 2, cmd_pinhole_enabled, "Close one for a while", NULL,
      NULL },
    { "set-label", "KEY TEXT", 2, 2, cmd_pinhole_label, "Say what one is for", NULL, NULL },
    { 0 },
};
