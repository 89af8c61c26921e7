/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/backend.h"
#include "client/cli/cli-bus.h"
#include "client/cli/cli-doctor.h"
#include "client/cli/cli-publish.h"
#include "client/cli/cli-status.h"
#include "client/daemon.h"
#include "client/profile-file.h"
#include "libadit/core/error.h"
#include "libadit/core/ifname.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/cli.h"

#include <string.h>

/* adit: the user's command line, a client of aditd on the bus. */

#define CHANGE_MS (60 * 1000) /* another one may be under way */
#define UPDATE_MS (90 * 1000) /* a handshake, or the way back from none */

static char *opt_name;
static char *opt_backend;
static gboolean opt_dry_run, opt_all, opt_everyone;
static gboolean opt_ipv4, opt_ipv6;

static gboolean
dry_run(AditCli *cli, AditBackendKind backend, const char *name, const AditProfile *profile,
        GError **error)
{
    g_autofree char *plan = adit_backend_dry_run(backend, name, profile, error);

    if (!plan)
        return FALSE;
    adit_cli_print(cli, "%s", plan);
    cli->status = 0;
    return TRUE;
}

static GVariant *
import_options_of(AditBackendKind backend)
{
    GVariantDict options;

    g_variant_dict_init(&options, NULL);
    g_variant_dict_insert(&options, "backend", "s", adit_backend_to_string(backend));
    if (opt_everyone)
        g_variant_dict_insert(&options, "everyone", "b", TRUE);
    return g_variant_dict_end(&options);
}

static void
say_imported(AditCli *cli, AditBusGateway *before)
{
    const char *backend = before ? adit_bus_gateway_get_backend(before) : NULL;

    if (!before)
        adit_cli_print(cli, "imported; other traffic is unchanged. See: adit list\n");
    else if (opt_backend && !g_str_equal(opt_backend, "auto") &&
             !g_str_equal(opt_backend, backend))
        adit_cli_print(cli, "moved: %s makes its link now, and not %s any more\n", opt_backend,
                       backend);
    else
        adit_cli_print(cli, "it is a gateway already: its profile is replaced\n");
}

/* The gateway of this path, if it was there before it was imported. */
static AditBusGateway *
find_among(const GPtrArray *gateways, const char *path)
{
    for (guint i = 0; gateways && i < gateways->len; i++)
        if (g_strcmp0(g_dbus_proxy_get_object_path(g_ptr_array_index(gateways, i)), path) == 0)
            return g_ptr_array_index(gateways, i);
    return NULL;
}

/* A file of a device that is a gateway already replaces its profile. */
static gboolean
send_import(AditCli *cli, const char *title, const char *text, AditBackendKind backend,
            GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    g_autoptr(GPtrArray) before = manager ? adit_cli_gateways(error) : NULL;
    g_autofree char *path = NULL;
    GError *reason = NULL;
    gboolean ok;

    if (!before)
        return FALSE;
    adit_cli_progress(cli, "importing");
    ok = adit_cli_settle(
        adit_bus_manager_call_import_sync(manager, title, text, import_options_of(backend),
                                          G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                          UPDATE_MS, &path, NULL, &reason),
        &reason, error);
    adit_cli_progress(cli, NULL);
    if (!ok)
        return FALSE;
    say_imported(cli, find_among(before, path));
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_import(AditCli *cli, char **args, GError **error)
{
    g_autofree char *title = opt_name ? g_strdup(opt_name) : adit_ifname_title(args[0]);
    g_autofree char *name = adit_ifname_derive(title, NULL);
    g_autoptr(AditProfile) profile = NULL;
    AditBackendKind backend = ADIT_BACKEND_AUTO;
    char *text;
    gboolean ok;

    if (opt_backend && !adit_backend_parse(opt_backend, &backend))
        return adit_cli_usage(error,
                              "--backend: %s: none of auto, direct, networkmanager, "
                              "networkd",
                              opt_backend);
    if (!opt_name && g_str_equal(args[0], "-"))
        return adit_cli_usage(error, "import -: standard input has no name: say --name");
    text = adit_profile_file_read(args[0], &profile, error);
    if (!text)
        return FALSE;
    for (guint i = 0; i < profile->n_hooks; i++)
        adit_cli_warn(cli, "%s:%u: %s is not run by adit", args[0], profile->hooks[i].line,
                      profile->hooks[i].key);
    ok = opt_dry_run ? dry_run(cli, backend, name, profile, error)
                     : send_import(cli, title, text, backend, error);
    adit_key_string_free(text);
    return ok;
}

static gboolean
cmd_update(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditProfile) profile = NULL;
    g_autoptr(AditBusManager) manager = NULL;
    char *text = adit_profile_file_read(args[1], &profile, error);
    GError *reason = NULL;
    gboolean ok;

    if (!text)
        return FALSE;
    adit_cli_progress(cli, "waiting for a handshake");
    manager = adit_cli_manager(error);
    ok = manager && adit_cli_settle(adit_bus_manager_call_update_sync(
                                        manager, args[0], text,
                                        G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                        UPDATE_MS, NULL, &reason),
                                    &reason, error);
    adit_cli_progress(cli, NULL);
    adit_key_string_free(text);
    if (ok)
        cli->status = 0;
    return ok;
}

static gboolean
cmd_export(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    char *text = NULL;
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_export_sync(
                                         manager, args[0],
                                         G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, -1,
                                         &text, NULL, &reason),
                                     &reason, error))
        return FALSE;
    adit_cli_print(cli, "%s", text);
    adit_key_string_free(text);
    cli->status = 0;
    return TRUE;
}

static gboolean
remove_one(AditBusManager *manager, const char *name, GError **error)
{
    GError *reason = NULL;

    return adit_cli_settle(adit_bus_manager_call_remove_sync(
                               manager, name, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                               CHANGE_MS, NULL, &reason),
                           &reason, error);
}

static gboolean
remove_all(AditBusManager *manager, GError **error)
{
    g_autoptr(GPtrArray) gateways = adit_cli_gateways(error);

    for (guint i = 0; gateways && i < gateways->len; i++)
        if (!remove_one(manager, adit_bus_gateway_get_name(g_ptr_array_index(gateways, i)),
                        error))
            return FALSE;
    return gateways != NULL;
}

static gboolean
cmd_remove(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditBusManager) manager = NULL;

    if (opt_all == (args[0] != NULL))
        return adit_cli_usage(error, "remove: a name, or --all");
    manager = adit_cli_manager(error);
    if (!manager ||
        !(opt_all ? remove_all(manager, error) : remove_one(manager, args[0], error)))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_adopt(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    g_autofree char *path = NULL;
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_adopt_sync(
                                         manager, args[0], import_options_of(ADIT_BACKEND_AUTO),
                                         G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                         CHANGE_MS, &path, NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_unadopt(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_unadopt_sync(
                                         manager, args[0],
                                         G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                         CHANGE_MS, NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
set_up(AditCli *cli, const char *name, gboolean up, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_set_up_sync(
                                         manager, name, up,
                                         G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                         CHANGE_MS, NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

/* Its server holds the new key when this returns. */
static gboolean
cmd_rotate(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_rotate_sync(
                                         manager, args[0],
                                         G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                                         UPDATE_MS, NULL, &reason),
                                     &reason, error))
        return FALSE;
    if (!cli->json)
        adit_cli_print(cli, "%s: another key is in force\n", args[0]);
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_up(AditCli *cli, char **args, GError **error)
{
    return set_up(cli, args[0], TRUE, error);
}

static gboolean
cmd_down(AditCli *cli, char **args, GError **error)
{
    return set_up(cli, args[0], FALSE, error);
}

static gboolean
cmd_default(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    const char *name = g_str_equal(args[0], "none") ? "" : args[0];
    gboolean both = opt_ipv4 == opt_ipv6;
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_bus_manager_call_set_default_sync(
                                         manager, name, both || opt_ipv4, both || opt_ipv6,
                                         G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, -1,
                                         NULL, &reason),
                                     &reason, error))
        return FALSE;
    if (*name)
        adit_cli_print(
            cli,
            "everything now leaves through %s, and nothing while it is down.\n"
            "The ways out: adit default none; at boot, adit.guard=off on the kernel's "
            "command line\n",
            name);
    cli->status = 0;
    return TRUE;
}

static const GOptionEntry import_options[] = {
    { "name", 0, 0, G_OPTION_ARG_STRING, &opt_name, "Call it NAME, not as the file", "NAME" },
    { "backend", 0, 0, G_OPTION_ARG_STRING, &opt_backend,
      "Who makes the link: auto, direct, networkmanager or networkd", "WHO" },
    { "dry-run", 0, 0, G_OPTION_ARG_NONE, &opt_dry_run, "Print what would be done; do nothing",
      NULL },
    { 0 },
};

static const GOptionEntry adopt_options[] = {
    { "everyone", 0, 0, G_OPTION_ARG_NONE, &opt_everyone, "For all users, and at boot", NULL },
    { 0 },
};

static const GOptionEntry remove_options[] = {
    { "all", 0, 0, G_OPTION_ARG_NONE, &opt_all, "All of them", NULL },
    { 0 },
};

static const GOptionEntry default_options[] = {
    { "ipv4", 0, 0, G_OPTION_ARG_NONE, &opt_ipv4, "Only IPv4", NULL },
    { "ipv6", 0, 0, G_OPTION_ARG_NONE, &opt_ipv6, "Only IPv6", NULL },
    { 0 },
};

static const AditCommand commands[] = {
    { "import", "FILE", 1, 1, cmd_import, "Enrol the tunnel server of a WireGuard profile",
      import_options, NULL },
    { "adopt", "NAME", 1, 1, cmd_adopt, "Make a gateway of a connection that is there",
      adopt_options, NULL },
    { "unadopt", "NAME", 1, 1, cmd_unadopt, "Give it back as it was before", NULL, NULL },
    { "list", "", 0, 0, adit_cmd_list, "List the gateways", NULL, NULL },
    { "status", "[NAME]", 0, 1, adit_cmd_status, "How they are, and what to do about it",
      adit_status_options, NULL },
    { "up", "NAME", 1, 1, cmd_up, "Bring a gateway's tunnel up", NULL, NULL },
    { "down", "NAME", 1, 1, cmd_down, "Bring it down; its leak guard stays", NULL, NULL },
    { "default", "NAME|none", 1, 1, cmd_default,
      "Send all other traffic through a gateway, or through none", default_options, NULL },
    { "update", "NAME FILE", 2, 2, cmd_update, "Give a gateway another profile, in place", NULL,
      NULL },
    { "rotate", "NAME", 1, 1, cmd_rotate,
      "Agree with its server on another key, over the tunnel", NULL, NULL },
    { "export", "NAME", 1, 1, cmd_export, "Print its profile, keys and all", NULL, NULL },
    { "remove", "[NAME]", 0, 1, cmd_remove, "Remove a gateway and everything of it",
      remove_options, NULL },
    { "publish", "PORT[-PORT][/tcp|udp|both]", 0, 1, adit_cmd_publish,
      "Make a port of this machine reachable from outside", adit_publish_options, NULL },
    { "unpublish", "PORT[-PORT][/tcp|udp|both]", 1, 1, adit_cmd_unpublish, "Take it back", NULL,
      NULL },
    { "published", "", 0, 0, adit_cmd_published, "List what is published, and how it fares",
      NULL, NULL },
    { "share", "NET...", 1, ADIT_CLI_ANY, adit_cmd_share,
      "Open a network behind this machine to the other devices", adit_share_options, NULL },
    { "unshare", "NET...", 1, ADIT_CLI_ANY, adit_cmd_unshare, "Take it back", NULL, NULL },
    { "doctor", "[NAME|PORT]", 0, 1, adit_cmd_doctor,
      "Find out, hop by hop, why a service is not reachable", NULL, NULL },
    { 0 },
};

int
main(int argc, char **argv)
{
    static const AditProgram program = {
        .name = "adit",
        .summary = "A public address for this machine, by a tunnel server.",
        .commands = commands,
    };

    adit_bus_register_errors();
    return adit_cli_main(&program, argc, argv);
}
