/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/core/json.h"
#include "tunnel-server/cli-dns.h"

/* adit-server subnet ... */

static char *opt_name, *opt_prefix;
static gboolean opt_unchecked;

static gboolean
cmd_add(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autofree char *given = NULL;
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_srv_manager_call_add_subnet_sync(
                                         manager, args[0], opt_name ? opt_name : "",
                                         G_DBUS_CALL_FLAGS_NONE, -1, &given, NULL, &reason),
                                     &reason, error))
        return FALSE;
    adit_cli_print(cli, "subnet %s\n", given);
    cli->status = 0;
    return TRUE;
}

static const char *
or_dash(const char *text)
{
    return *text ? text : "-";
}

static void
add_row(AditTable *table, JsonBuilder *json, GVariant *row)
{
    const char *name, *net4, *net6, *server4, *server6, *wan;
    g_autoptr(GVariant) dns = NULL;
    g_autofree char *dns_text = NULL;
    guint devices;

    g_variant_get(row, "(&s&s&s&s&s&s@asu)", &name, &net4, &net6, &server4, &server6, &wan,
                  &dns, &devices);
    dns_text = adit_cli_join(dns, " ");
    adit_table_add(table, ADIT_PAINT_BOLD, name);
    adit_table_add(table, ADIT_PAINT_PLAIN, net4);
    adit_table_add(table, ADIT_PAINT_PLAIN, or_dash(net6));
    adit_table_add(table, ADIT_PAINT_PLAIN, or_dash(wan));
    adit_table_add(table, ADIT_PAINT_PLAIN, dns_text);
    adit_table_addf(table, ADIT_PAINT_PLAIN, "%u", devices);
    json_builder_begin_object(json);
    adit_json_string(json, "name", name);
    adit_json_string(json, "network", net4);
    adit_json_string(json, "ipv6", *net6 ? net6 : NULL);
    adit_json_string(json, "server4", server4);
    adit_json_string(json, "server6", *server6 ? server6 : NULL);
    adit_json_string(json, "wan-address", *wan ? wan : NULL);
    adit_cli_json_strings(json, "dns", dns);
    adit_json_int(json, "devices", devices);
    json_builder_end_object(json);
}

static gboolean
cmd_list(AditCli *cli, char **args, GError **error)
{
    static const char *const headers[] = { "SUBNET", "NETWORK", "IPV6", "WAN",
                                           "DNS",    "DEVICES", NULL };
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(GVariant) rows = NULL;
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_list_subnets_sync(
                             manager, G_DBUS_CALL_FLAGS_NONE, -1, &rows, NULL, &reason),
                         &reason, error))
        return FALSE;
    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

        add_row(table, json, row);
    }
    json_builder_end_array(json);
    if (cli->json)
        adit_cli_print_json(cli, json);
    else if (adit_table_rows(table) == 0)
        adit_cli_print(cli, "no subnet yet: adit-server setup\n");
    else
        adit_cli_print_table(cli, table);
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_remove(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_remove_subnet_sync(
                             manager, args[0], G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                         &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_set_ipv6(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autofree char *normalised = NULL;
    g_auto(GStrv) notes = NULL;
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_set_subnet_ipv6_sync(
                             manager, args[0], opt_prefix ? opt_prefix : "",
                             G_DBUS_CALL_FLAGS_NONE, -1, &normalised, &notes, NULL, &reason),
                         &reason, error))
        return FALSE;
    for (guint i = 0; notes[i]; i++)
        adit_cli_warn(cli, "note: %s", notes[i]);
    if (*normalised)
        adit_cli_print(cli, "%s: devices have addresses of %s\n", args[0], normalised);
    else
        adit_cli_print(cli, "%s: no IPv6\n", args[0]);
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_set_wan(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    const char *addr = g_str_equal(args[1], "none") ? "" : args[1];
    GError *reason = NULL;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_set_subnet_wan_sync(
                             manager, args[0], addr, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                         &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_set_dns(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = NULL;
    g_auto(GStrv) list = adit_cli_split_list(args + 1);
    char *none[] = { NULL };
    char **servers = g_strcmp0(list[0], "none") == 0 && !list[1] ? none : list;
    GError *reason = NULL;

    for (guint i = 0; servers[i] && !opt_unchecked; i++)
        if (!adit_cli_dns_answers(servers[i], error))
            return FALSE;
    manager = adit_cli_connect(error);
    if (!manager || !adit_cli_settle(adit_srv_manager_call_set_subnet_dns_sync(
                                         manager, args[0], (const char *const *)servers,
                                         G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static const GOptionEntry add_options[] = {
    { "name", 0, 0, G_OPTION_ARG_STRING, &opt_name, "Call it NAME", "NAME" },
    { 0 },
};

static const GOptionEntry ipv6_options[] = {
    { "prefix", 0, 0, G_OPTION_ARG_STRING, &opt_prefix,
      "Give devices public addresses of PREFIX, or of the WAN's (auto); without it, none",
      "PREFIX" },
    { 0 },
};

static const GOptionEntry dns_options[] = {
    { "unchecked", 0, 0, G_OPTION_ARG_NONE, &opt_unchecked,
      "Name them even if they do not answer now", NULL },
    { 0 },
};

const AditCommand adit_cli_subnet_verbs[] = {
    { "add", "NET", 1, 1, cmd_add, "Add a private network for devices", add_options, NULL },
    { "list", "", 0, 0, cmd_list, "List the subnets", NULL, NULL },
    { "remove", "NET", 1, 1, cmd_remove, "Remove one that has no devices", NULL, NULL },
    { "set-ipv6", "NET", 1, 1, cmd_set_ipv6, "Give its devices public IPv6 addresses",
      ipv6_options, NULL },
    { "set-wan", "NET ADDR|none", 2, 2, cmd_set_wan,
      "Choose where its forwards stand and its traffic leaves", NULL, NULL },
    { "set-dns", "NET ADDR...|none", 2, ADIT_CLI_ANY, cmd_set_dns,
      "Choose the resolvers its profiles name", dns_options, NULL },
    { 0 },
};
