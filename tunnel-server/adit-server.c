/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/cli.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/places.h"
#include "libadit/sys/store.h"
#include "tunnel-server/config.h"
#include "tunnel-server/daemon.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/profile.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

/* adit-server: the daemon (`run`) and what looks at its configuration. */

#define MAX_CONFIG (64 * 1024 * 1024)
#define MAX_KEY 256

static AditPlaces places;
static char *opt_private_key;
static gboolean opt_diff;

static AditModel *
load(const char *path, GError **error)
{
    gsize len;
    char *text = adit_store_read(path, MAX_CONFIG, &len, error);
    AditModel *model;

    if (!text)
        return NULL;
    model = adit_config_parse(path, text, len, error);
    adit_key_string_free(text);
    return model;
}

static char *
config_path(void)
{
    adit_places_settle(&places);
    return g_build_filename(places.config, "server.conf", NULL);
}

typedef struct {
    GMainLoop *loop;
    AditServer *server;
    char *path;
} Run;

static gboolean
reload(Run *run, GError **error)
{
    g_autoptr(AditModel) model = load(run->path, error);

    return model && adit_server_apply(run->server, model, error);
}

static gboolean
on_stop(gpointer data)
{
    g_main_loop_quit(((Run *)data)->loop);
    return G_SOURCE_CONTINUE;
}

/* A file that cannot be used changes nothing. */
static gboolean
on_reload(gpointer data)
{
    g_autoptr(GError) error = NULL;

    adit_notify_reloading();
    if (reload(data, &error))
        g_message("reloaded");
    else
        g_warning("%s", error->message);
    adit_notify_ready("the kernel is as configured");
    return G_SOURCE_CONTINUE;
}

static gboolean
cmd_run(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = config_path();
    g_autoptr(AditServer) server = adit_server_open(places.state, error);
    Run run = { .server = server, .path = path };

    if (!server || !reload(&run, error))
        return FALSE;
    run.loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_stop, &run);
    g_unix_signal_add(SIGINT, on_stop, &run);
    g_unix_signal_add(SIGHUP, on_reload, &run);
    g_message("ready");
    adit_notify_ready("the kernel is as configured");
    g_main_loop_run(run.loop);
    adit_notify_stopping("tunnels and ports stay");
    g_main_loop_unref(run.loop);
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_down(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditServer) server = NULL;

    adit_places_settle(&places);
    server = adit_server_open(places.state, error);
    if (!server || !adit_server_down(server, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_check(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = args[0] ? g_strdup(args[0]) : config_path();
    g_autoptr(AditModel) model = load(path, error);

    if (!model)
        return FALSE;
    adit_cli_print(cli, "%s: %u subnets, %u devices, %u forwards and pinholes\n", path,
                   model->subnets->len, model->devices->len, model->publishes->len);
    cli->status = 0;
    return TRUE;
}

static void
print_difference(AditCli *cli, const AditState *want)
{
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autoptr(AditOps) ops = adit_diff(nothing, want);
    g_autofree char *text = adit_ops_to_string(ops);

    adit_cli_print(cli, "%s", text);
}

/* The plan of a file on this machine, without a daemon. */
static gboolean
cmd_apply(AditCli *cli, char **args, GError **error)
{
    g_auto(AditServerFacts) facts = { 0 };
    g_autoptr(AditModel) model = load(args[0], error);
    g_autoptr(AditState) ports = NULL;
    g_autoptr(AditState) rest = NULL;

    if (!opt_diff)
        return adit_cli_usage(error,
                              "apply: only --diff: the daemon reads %s, and SIGHUP reloads",
                              "server.conf");
    if (!model || !adit_server_facts_read(model->wan, &facts, error))
        return FALSE;
    rest = adit_server_plan_rest(model, &facts);
    ports = adit_server_plan_ports(model, &facts);
    print_difference(cli, rest);
    print_difference(cli, ports);
    cli->status = 0;
    return TRUE;
}

static void
add_device(AditTable *table, const AditDeviceEntry *device, const AditWgDump *dump)
{
    const AditWgPeer *peer = dump ? adit_wg_dump_find(dump, &device->public_key) : NULL;
    g_autofree char *addr4 = adit_addr_to_string(&device->addr4);
    g_autofree char *addr6 =
        adit_addr_is_set(&device->addr6) ? adit_addr_to_string(&device->addr6) : g_strdup("-");

    adit_table_add(table, ADIT_PAINT_BOLD, device->name);
    adit_table_add(table, ADIT_PAINT_PLAIN, addr4);
    adit_table_add(table, ADIT_PAINT_PLAIN, addr6);
    if (peer && peer->status.handshake_sec) {
        g_autofree char *endpoint = adit_sockaddr_to_string(&peer->status.endpoint);

        adit_table_addf(table, ADIT_PAINT_GOOD, "%" G_GINT64_FORMAT " s ago",
                        g_get_real_time() / G_USEC_PER_SEC - peer->status.handshake_sec);
        adit_table_add(table, ADIT_PAINT_PLAIN, endpoint);
    } else {
        adit_table_add(table, ADIT_PAINT_WARN, "never");
        adit_table_add(table, ADIT_PAINT_DIM, "-");
    }
}

static gboolean
cmd_status(AditCli *cli, char **args, GError **error)
{
    static const char *const headers[] = { "DEVICE",    "IPV4",     "IPV6",
                                           "HANDSHAKE", "ENDPOINT", NULL };
    g_autofree char *path = config_path();
    g_autoptr(AditModel) model = load(path, error);
    g_autoptr(AditServer) server = model ? adit_server_open(places.state, error) : NULL;
    g_autoptr(AditWgDump) dump = server ? adit_server_peers(server, error) : NULL;
    g_autoptr(AditTable) table = adit_table_new(headers, 0);

    if (!dump)
        return FALSE;
    for (guint i = 0; i < model->devices->len; i++)
        add_device(table, adit_model_device(model, i), dump);
    adit_cli_print_table(cli, table);
    cli->status = 0;
    return TRUE;
}

static gboolean
read_key(const char *path, AditKey *ret, GError **error)
{
    char *text = adit_store_read(path, MAX_KEY, NULL, error);
    gboolean ok = text != NULL;

    if (!ok)
        return FALSE;
    ok = adit_key_parse(g_strstrip(text), ret, error);
    adit_key_string_free(text);
    if (!ok)
        g_prefix_error(error, "%s: ", path);
    return ok;
}

static char *
endpoint_of(const AditModel *model, GError **error)
{
    g_auto(AditServerFacts) facts = { 0 };
    AditSockAddr endpoint = { .port = model->listen_port };

    if (model->endpoint)
        return g_strdup(model->endpoint);
    if (!adit_server_facts_read(model->wan, &facts, error))
        return NULL;
    endpoint.addr = adit_server_facts_wan4(&facts);
    if (!adit_addr_is_set(&endpoint.addr)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: no IPv4 address: name the server with Endpoint=", facts.wan);
        return NULL;
    }
    return adit_sockaddr_to_string(&endpoint);
}

static gboolean
cmd_profile(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = config_path();
    g_autoptr(AditModel) model = load(path, error);
    g_autofree char *endpoint = model ? endpoint_of(model, error) : NULL;
    g_auto(AditKey) key = { 0 };
    g_autoptr(AditProfile) profile = NULL;
    char *text;
    guint device;

    if (!endpoint)
        return FALSE;
    if (!opt_private_key)
        return adit_cli_usage(error,
                              "profile: --private-key FILE is needed: the server keeps none");
    if (!adit_model_find_device(model, args[0], &device)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such device", args[0]);
        return FALSE;
    }
    if (!read_key(opt_private_key, &key, error))
        return FALSE;
    profile = adit_server_profile(model, device, &key, endpoint);
    text = adit_profile_to_string(profile);
    adit_cli_print(cli, "%s", text);
    adit_key_string_free(text);
    cli->status = 0;
    return TRUE;
}

static const GOptionEntry program_options[] = {
    { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &places.config, "Read DIR, not /etc/adit",
      "DIR" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &places.state,
      "Keep state in DIR, not /var/lib/adit", "DIR" },
    { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &places.runtime,
      "Keep sockets in DIR, not /run/adit", "DIR" },
    { 0 },
};

static const GOptionEntry apply_options[] = {
    { "diff", 0, 0, G_OPTION_ARG_NONE, &opt_diff, "Print what it would make; do nothing",
      NULL },
    { 0 },
};

static const GOptionEntry profile_options[] = {
    { "private-key", 0, 0, G_OPTION_ARG_FILENAME, &opt_private_key,
      "The device's private key, made with wg genkey", "FILE" },
    { 0 },
};

static const AditCommand commands[] = {
    { "run", "", 0, 0, cmd_run, "Be the server, from server.conf", NULL, NULL },
    { "down", "", 0, 0, cmd_down, "Remove everything of it from the kernel", NULL, NULL },
    { "status", "", 0, 0, cmd_status, "Show the devices", NULL, NULL },
    { "check", "[FILE]", 0, 1, cmd_check, "Check a configuration file", NULL, NULL },
    { "apply", "FILE", 1, 1, cmd_apply, "Show what a configuration file would make",
      apply_options, NULL },
    { "profile", "DEVICE", 1, 1, cmd_profile, "Print the WireGuard profile of a device",
      profile_options, NULL },
    { 0 },
};

int
main(int argc, char **argv)
{
    static const AditProgram program = {
        .name = "adit-server",
        .summary = "The tunnel server: gives machines behind NAT a public address.",
        .commands = commands,
        .options = program_options,
    };
    int status = adit_cli_main(&program, argc, argv);

    adit_places_clear(&places);
    return status;
}
