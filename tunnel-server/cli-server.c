/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/core/error.h"
#include "libadit/core/json.h"
#include "tunnel-server/daemon.h"

#include <string.h>

static char *opt_endpoint, *opt_wan, *opt_subnet, *opt_ipv6;

const GOptionEntry adit_cli_setup_options[] = {
    { "endpoint", 0, 0, G_OPTION_ARG_STRING, &opt_endpoint,
      "How devices reach this server, if not by the WAN's address", "HOST[:PORT]" },
    { "wan", 0, 0, G_OPTION_ARG_STRING, &opt_wan, "Not the interface of the default route",
      "IFACE" },
    { "subnet", 0, 0, G_OPTION_ARG_STRING, &opt_subnet, "The tunnel's private network", "NET" },
    { "ipv6", 0, 0, G_OPTION_ARG_STRING, &opt_ipv6,
      "The public prefix of the devices: auto (as shipped), none, or PREFIX", "PREFIX" },
    { 0 },
};

static void
print_notes(AditCli *cli, char **notes)
{
    for (guint i = 0; notes[i]; i++)
        adit_cli_warn(cli, "note: %s", notes[i]);
}

/* The one thing no server can do for itself. */
static void
print_firewall(AditCli *cli, guint port)
{
    adit_cli_print(cli,
                   "If a firewall stands before this machine, open UDP port %u:\n"
                   "  ufw:                ufw allow %u/udp\n"
                   "  firewalld:          firewall-cmd --permanent --add-port=%u/udp && "
                   "firewall-cmd --reload\n"
                   "  a security group:   inbound, UDP, port %u, from 0.0.0.0/0 and ::/0\n",
                   port, port, port, port);
}

/* The SHA-256 of what stands in the first block of a PEM file, as browsers show it; NULL: none.
 */
static char *
fingerprint_of(const char *pem)
{
    static const char head[] = "-----BEGIN CERTIFICATE-----";
    const char *begin = strstr(pem, head);
    const char *end = begin ? strstr(begin, "-----END CERTIFICATE-----") : NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *block = NULL;
    g_autofree guchar *der = NULL;
    guint8 sum[32];
    gsize len, size = sizeof(sum);

    if (!end)
        return NULL;
    block = g_strndup(begin + strlen(head), (gsize)(end - begin) - strlen(head));
    der = g_base64_decode(block, &len);
    g_checksum_update(checksum, der, (gssize)len);
    g_checksum_get_digest(checksum, sum, &size);
    for (gsize i = 0; i < size; i++)
        g_string_append_printf(text, "%s%02X", i ? ":" : "", sum[i]);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Of the admin page, if there is one: the browser asks whether to trust it. */
static void
print_certificate(AditCli *cli)
{
    g_autofree char *path = NULL, *pem = NULL, *fingerprint = NULL;

    adit_places_settle(&adit_cli_places);
    path = g_build_filename(adit_cli_places.config, "web.crt", NULL);
    if (g_file_get_contents(path, &pem, NULL, NULL))
        fingerprint = fingerprint_of(pem);
    if (fingerprint)
        adit_cli_print(cli, "%s: SHA-256 fingerprint: %s\n", path, fingerprint);
}

static const char *
or_empty(const char *text)
{
    return text ? text : "";
}

gboolean
adit_cli_setup(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(AditSrvManager) after = NULL;
    g_auto(GStrv) notes = NULL;
    gboolean changed;
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_setup_sync(
                             manager, or_empty(opt_endpoint), or_empty(opt_wan),
                             or_empty(opt_subnet), or_empty(opt_ipv6), G_DBUS_CALL_FLAGS_NONE,
                             -1, &changed, &notes, NULL, &reason),
                         &reason, error))
        return FALSE;
    print_notes(cli, notes);
    after = adit_cli_connect(error);
    if (!after)
        return FALSE;
    if (!changed)
        adit_cli_print(cli, "set up already; nothing changed\n");
    adit_cli_print(cli, "%s: WireGuard at %s, WAN %s\n", adit_srv_manager_get_state(after),
                   adit_srv_manager_get_endpoint(after), adit_srv_manager_get_wan(after));
    print_certificate(cli);
    if (changed)
        print_firewall(cli, adit_srv_manager_get_listen_port(after));
    if (g_str_equal(adit_srv_manager_get_state(after), "down"))
        adit_cli_print(cli, "Next: systemctl restart adit-server\n");
    else if (changed)
        adit_cli_print(cli, "Next: adit-server device add NAME\n");
    cli->status = 0;
    return TRUE;
}

/* Without a daemon the command does it itself. */
static gboolean
down_alone(GError **error)
{
    g_autoptr(AditServer) server = NULL;

    adit_places_settle_for(&adit_cli_places, "adit-server");
    server = adit_server_open(adit_cli_places.state, error);
    return server && adit_server_down(server, error);
}

gboolean
adit_cli_down(AditCli *cli, char **args, GError **error)
{
    GError *reason = NULL;
    g_autoptr(AditSrvManager) manager = adit_cli_connect(&reason);
    gboolean ok =
        manager && adit_cli_settle(adit_srv_manager_call_down_sync(
                                       manager, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                                   &reason, &reason);

    if (!ok && g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_TIMEOUT)) {
        g_clear_error(&reason);
        ok = down_alone(error);
    } else if (!ok) {
        g_propagate_error(error, reason);
    }
    cli->status = ok ? 0 : cli->status;
    return ok;
}

static void
json_text(JsonBuilder *json, const char *name, const char *text)
{
    adit_json_string(json, name, text && *text ? text : NULL);
}

static void
status_json(JsonBuilder *json, AditSrvManager *manager)
{
    const char *const *problems = adit_srv_manager_get_problems(manager);

    json_builder_begin_object(json);
    json_text(json, "state", adit_srv_manager_get_state(manager));
    json_text(json, "endpoint", adit_srv_manager_get_endpoint(manager));
    json_text(json, "public-key", adit_srv_manager_get_public_key(manager));
    adit_json_int(json, "listen-port", adit_srv_manager_get_listen_port(manager));
    json_text(json, "wan", adit_srv_manager_get_wan(manager));
    json_text(json, "wan-address", adit_srv_manager_get_wan_address(manager));
    adit_json_int(json, "subnets", adit_srv_manager_get_subnets(manager));
    adit_json_int(json, "devices", adit_srv_manager_get_devices(manager));
    adit_json_int(json, "mappings", adit_srv_manager_get_mappings(manager));
    json_builder_begin_array(json_builder_set_member_name(json, "problems"));
    for (guint i = 0; problems && problems[i]; i++)
        json_builder_add_string_value(json, problems[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);
}

static void
print_status(AditCli *cli, AditSrvManager *manager)
{
    const char *const *problems = adit_srv_manager_get_problems(manager);
    const char *state = adit_srv_manager_get_state(manager);
    gboolean up = g_str_equal(state, "up");
    g_autofree char *painted =
        adit_text_paint(state, up ? ADIT_PAINT_GOOD : ADIT_PAINT_WARN, cli->colour);

    adit_cli_print(cli, "%s: endpoint %s, WAN %s %s; subnets: %u, devices: %u, mappings: %u\n",
                   painted, adit_srv_manager_get_endpoint(manager),
                   adit_srv_manager_get_wan(manager), adit_srv_manager_get_wan_address(manager),
                   adit_srv_manager_get_subnets(manager), adit_srv_manager_get_devices(manager),
                   adit_srv_manager_get_mappings(manager));
    for (guint i = 0; problems && problems[i]; i++) {
        g_autofree char *mark = adit_text_paint("problem:", ADIT_PAINT_BAD, cli->colour);

        adit_cli_print(cli, "%s %s\n", mark, problems[i]);
    }
}

gboolean
adit_cli_status(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) before = adit_cli_connect(error);
    g_autoptr(AditSrvManager) manager = NULL;
    GError *reason = NULL;

    if (!before || !adit_cli_settle(adit_srv_manager_call_refresh_sync(
                                        before, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                                    &reason, error))
        return FALSE;
    manager = adit_cli_connect(error); /* its properties are those after the refresh */
    if (!manager)
        return FALSE;
    cli->status = 0;
    if (cli->json) {
        g_autoptr(JsonBuilder) json = json_builder_new();

        status_json(json, manager);
        adit_cli_print_json(cli, json);
        return TRUE;
    }
    print_status(cli, manager);
    return adit_srv_manager_get_devices(manager) == 0 || adit_cli_device_list(cli, args, error);
}
