/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/bus.h"
#include "tunnel-server/cli.h"
#include "tunnel-server/run.h"

/* adit-server: the daemon (`run`) and its command line. */

static const GOptionEntry program_options[] = {
    { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &adit_cli_places.config,
      "Read DIR, not /etc/adit", "DIR" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &adit_cli_places.state,
      "Keep state in DIR, not /var/lib/adit-server", "DIR" },
    { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &adit_cli_places.runtime,
      "Keep sockets in DIR, not /run/adit-server", "DIR" },
    { 0 },
};

static const AditCommand commands[] = {
    { "setup", "", 0, 0, adit_cli_setup, "Make a tunnel server of this machine",
      adit_cli_setup_options, NULL },
    { "run", "", 0, 0, adit_server_run, "Be the server", NULL, NULL },
    { "down", "", 0, 0, adit_cli_down, "Remove everything of it from the kernel", NULL, NULL },
    { "status", "", 0, 0, adit_cli_status, "Show the server and its devices", NULL, NULL },
    { "check", "[FILE]", 0, 1, adit_cli_check,
      "Find out what this machine lacks as a server; or check a declarative file",
      adit_cli_check_options, NULL },
    { "probe", "PORT[/PROTO] [DEVICE]", 1, 2, adit_cli_probe,
      "Count who comes to a port now, and what becomes of them", adit_cli_probe_options, NULL },
    { "subnet", NULL, 0, 0, NULL, "Private networks of devices", NULL, adit_cli_subnet_verbs },
    { "device", NULL, 0, 0, NULL, "Machines at the other end of a tunnel", NULL,
      adit_cli_device_verbs },
    { "forward", NULL, 0, 0, NULL, "IPv4 ports that lead to a device", NULL,
      adit_cli_forward_verbs },
    { "pinhole", NULL, 0, 0, NULL, "Open ports of a device's own IPv6 address", NULL,
      adit_cli_pinhole_verbs },
    { "publish", "DEVICE PORT", 2, 2, adit_cli_publish,
      "Open a port in both families, or in neither", adit_cli_publish_options, NULL },
    { "mappings", "", 0, 0, adit_cli_mappings, "List everything that is published",
      adit_cli_mappings_options, NULL },
    { "profile", "DEVICE", 1, 1, adit_cli_profile,
      "Print a device's profile for a private key kept elsewhere", adit_cli_profile_options,
      NULL },
    { "web", NULL, 0, 0, NULL, "Who may use the admin page", NULL, adit_cli_web_verbs },
    { "export", "FILE", 1, 1, adit_cli_export, "Write the whole server into one file",
      adit_cli_export_options, NULL },
    { "import", "FILE", 1, 1, adit_cli_import, "Be, on a new machine, the server of that file",
      adit_cli_import_options, NULL },
    { "apply", "FILE", 1, 1, adit_cli_apply, "Become what a declarative file says",
      adit_cli_apply_options, NULL },
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
    int status;

    adit_bus_register_errors();
    status = adit_cli_main(&program, argc, argv);
    adit_places_clear(&adit_cli_places);
    return status;
}
