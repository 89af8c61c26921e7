/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/core/error.h"
#include "libadit/core/json.h"
#include "libadit/core/key.h"
#include "libadit/core/setting-value.h"
#include "libadit/sys/store.h"
#include "tunnel-server/cli-pages.h"
#include "tunnel-server/cli-profile.h"

#include <string.h>

/* adit-server device ... */

#define ROTATE_MS (30 * 1000) /* the daemon gives up before */

static char *opt_subnet, *opt_ip, *opt_kind, *opt_public_key;
static char **opt_routes;
static AditCliHandOver opt_hand;
static gboolean opt_profile;
static char *opt_invite;
static gint64 invite_s; /* what it says; 0: no invitation */

static gboolean
check_kind(GError **error)
{
    if (!opt_kind || g_str_equal(opt_kind, "server"))
        return adit_cli_hand_over_check(&opt_hand, FALSE, error);
    if (g_str_equal(opt_kind, "client"))
        return adit_cli_hand_over_check(&opt_hand, TRUE, error);
    return adit_cli_usage(error, "--kind: neither server nor client");
}

/* As in settings files, and 10m as people write it. */
static gboolean
parse_invite(GError **error)
{
    static const AditSetting row = { .type = ADIT_SETTING_DURATION,
                                     .min = 5,
                                     .max = 30 * 86400 };
    const gsize len = opt_invite ? strlen(opt_invite) : 0;
    g_autofree char *text = NULL;
    g_autoptr(GError) reason = NULL;

    if (len == 0)
        return TRUE;
    if (opt_kind && g_str_equal(opt_kind, "client"))
        return adit_cli_usage(error, "--invite: for kind server: no WireGuard app makes itself "
                                     "another key");
    if (opt_public_key)
        return adit_cli_usage(error, "--invite: its key is for one use: no --public-key");
    text = g_str_has_suffix(opt_invite, "m") ? g_strconcat(opt_invite, "in", NULL)
                                             : g_strdup(opt_invite);
    if (adit_setting_value_parse(&row, text, &invite_s, &reason))
        return TRUE;
    return adit_cli_usage(error, "--invite: for how long: 10m, 24h, 7d; 30 days at most");
}

static void
remove_again(AditSrvManager *manager, const char *name)
{
    adit_srv_manager_call_remove_device_sync(manager, name, G_DBUS_CALL_FLAGS_NONE, -1, NULL,
                                             NULL, NULL);
}

static gboolean
call_add(AditSrvManager *manager, const char *name, const char *public_key, GError **error)
{
    g_auto(GStrv) list = adit_cli_split_list(opt_routes);
    const char *const *routes = (const char *const *)list;
    const char *subnet = opt_subnet ? opt_subnet : "", *ip = opt_ip ? opt_ip : "";

    if (invite_s > 0)
        return adit_srv_manager_call_invite_device_sync(
            manager, name, subnet, ip, public_key, routes, (guint)invite_s,
            G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
    return adit_srv_manager_call_add_device_sync(
        manager, name, subnet, ip, opt_kind ? opt_kind : "server", public_key, routes,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
}

static gboolean
add_device(AditCli *cli, AditSrvManager *manager, const char *name, const AditKeyPair *pair,
           GError **error)
{
    g_autofree char *public_key = adit_key_to_string(&pair->public_key);
    GError *reason = NULL;

    if (!adit_cli_settle(call_add(manager, name, public_key, &reason), &reason, error))
        return FALSE;
    if (adit_cli_hand_over(cli, manager, name, pair, &opt_hand, error)) {
        if (invite_s > 0)
            adit_cli_warn(cli,
                          "%s: to be taken up within %s, once, by aditd, which then makes "
                          "its own key; else the device is removed",
                          name, opt_invite);
        return TRUE;
    }
    remove_again(manager, name); /* a device whose profile nobody has is none */
    return FALSE;
}

static gboolean
cmd_add(AditCli *cli, char **args, GError **error)
{
    g_auto(AditKeyPair) pair = { 0 };
    g_autoptr(AditSrvManager) manager = NULL;

    if (!check_kind(error) || !parse_invite(error) ||
        !adit_cli_take_key_pair(&pair, opt_public_key, error))
        return FALSE;
    manager = adit_cli_connect(error);
    if (!manager || !add_device(cli, manager, args[0], &pair, error))
        return FALSE;
    adit_cli_warn_if_down(cli, manager);
    cli->status = 0;
    return TRUE;
}

/* Whoever wants a profile, or has a key, has his reason. */
static gboolean
wants_profile(void)
{
    return opt_public_key || opt_hand.out || opt_hand.qr || opt_hand.full || opt_hand.split ||
           opt_hand.networks || opt_profile;
}

/* FALSE without an error: the device is not there to do it. */
static gboolean
rotate(AditCli *cli, AditSrvManager *manager, const char *name, GError **error)
{
    gboolean rotated = FALSE;
    GError *reason = NULL;

    if (!adit_cli_settle(
            adit_srv_manager_call_rotate_device_sync(manager, name, G_DBUS_CALL_FLAGS_NONE,
                                                     ROTATE_MS, &rotated, NULL, &reason),
            &reason, error) ||
        !rotated)
        return FALSE;
    if (cli->json)
        adit_cli_print_handed(cli, name, NULL, NULL);
    else
        adit_cli_print(cli, "%s: it has made itself another key, which is in force\n", name);
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_rekey(AditCli *cli, char **args, GError **error)
{
    g_auto(AditKeyPair) pair = { 0 };
    g_autoptr(AditSrvManager) manager = NULL;
    g_autofree char *public_key = NULL;
    GError *reason = NULL;

    if (!adit_cli_take_key_pair(&pair, opt_public_key, error))
        return FALSE;
    manager = adit_cli_connect(error);
    if (manager && !wants_profile() && rotate(cli, manager, args[0], &reason))
        return TRUE;
    if (reason) {
        g_propagate_error(error, reason);
        return FALSE;
    }
    public_key = adit_key_to_string(&pair.public_key);
    if (!manager || !adit_cli_settle(adit_srv_manager_call_rekey_device_sync(
                                         manager, args[0], public_key, G_DBUS_CALL_FLAGS_NONE,
                                         -1, NULL, &reason),
                                     &reason, error))
        return FALSE;
    if (!adit_cli_hand_over(cli, manager, args[0], &pair, &opt_hand, error)) {
        g_prefix_error(error, "the new key is in force but could not be handed over; rekey "
                              "again: ");
        return FALSE;
    }
    cli->status = 0;
    return TRUE;
}

/* -- lists -- */

typedef struct {
    const char *name, *subnet, *addr4, *addr6, *kind, *key, *endpoint;
    gboolean may_publish;
    GVariant *routes;
    guint64 handshake, rx, tx;
    gint64 invited; /* until then; 0: it is not */
} Row;

static void
read_row(GVariant *child, GVariant *invitations, Row *ret)
{
    GVariantIter iter;
    const char *name;
    gint64 until;

    g_variant_get(child, "(&s&s&s&s&s&sb@as&sttt)", &ret->name, &ret->subnet, &ret->addr4,
                  &ret->addr6, &ret->kind, &ret->key, &ret->may_publish, &ret->routes,
                  &ret->endpoint, &ret->handshake, &ret->rx, &ret->tx);
    ret->invited = 0;
    if (!invitations)
        return;
    g_variant_iter_init(&iter, invitations);
    while (g_variant_iter_next(&iter, "(&sx)", &name, &until))
        if (g_str_equal(name, ret->name))
            ret->invited = until;
}

static void
add_handshake(AditTable *table, guint64 handshake)
{
    gint64 age = g_get_real_time() / G_USEC_PER_SEC - (gint64)handshake;

    if (handshake == 0)
        adit_table_add(table, ADIT_PAINT_WARN, "never");
    else
        adit_table_addf(table, age > 180 ? ADIT_PAINT_WARN : ADIT_PAINT_GOOD,
                        "%" G_GINT64_FORMAT " s ago", MAX(age, 0));
}

static void
add_cells(AditTable *table, const Row *row)
{
    g_autofree char *rx = g_format_size(row->rx);
    g_autofree char *tx = g_format_size(row->tx);

    adit_table_add(table, ADIT_PAINT_BOLD, row->name);
    adit_table_add(table, ADIT_PAINT_PLAIN, row->subnet);
    adit_table_add(table, ADIT_PAINT_PLAIN, row->invited ? "invited" : row->kind);
    adit_table_add(table, ADIT_PAINT_PLAIN, row->addr4);
    adit_table_add(table, ADIT_PAINT_PLAIN, *row->addr6 ? row->addr6 : "-");
    add_handshake(table, row->handshake);
    adit_table_add(table, ADIT_PAINT_PLAIN, *row->endpoint ? row->endpoint : "-");
    adit_table_addf(table, ADIT_PAINT_DIM, "%s in, %s out", rx, tx);
}

static void
add_json(JsonBuilder *json, const Row *row)
{
    json_builder_begin_object(json);
    adit_json_string(json, "name", row->name);
    adit_json_string(json, "subnet", row->subnet);
    adit_json_string(json, "kind", row->kind);
    adit_json_string(json, "ipv4", row->addr4);
    adit_json_string(json, "ipv6", *row->addr6 ? row->addr6 : NULL);
    adit_json_string(json, "public-key", row->key);
    adit_json_bool(json, "may-publish", row->may_publish);
    adit_cli_json_strings(json, "routes", row->routes);
    adit_json_string(json, "endpoint", *row->endpoint ? row->endpoint : NULL);
    adit_json_int(json, "last-handshake", (gint64)row->handshake);
    adit_json_int(json, "rx-bytes", (gint64)row->rx);
    adit_json_int(json, "tx-bytes", (gint64)row->tx);
    if (row->invited)
        adit_json_int(json, "invited-until", row->invited);
    json_builder_end_object(json);
}

/* @ret_invitations: NULL where the server has no such property. */
static GVariant *
get_rows(GVariant **ret_invitations, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    GVariant *rows = manager ? adit_cli_devices(manager, error) : NULL;

    if (!rows)
        return NULL;
    *ret_invitations = adit_srv_manager_dup_invitations(manager);
    return rows;
}

gboolean
adit_cli_device_list(AditCli *cli, char **args, GError **error)
{
    static const char *const headers[] = { "DEVICE",    "SUBNET",   "KIND",    "IPV4", "IPV6",
                                           "HANDSHAKE", "ENDPOINT", "TRAFFIC", NULL };
    g_autoptr(GVariant) invitations = NULL;
    g_autoptr(GVariant) rows = get_rows(&invitations, error);
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autoptr(JsonBuilder) json = json_builder_new();

    if (!rows)
        return FALSE;
    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(rows, i);
        Row row;

        read_row(child, invitations, &row);
        add_cells(table, &row);
        add_json(json, &row);
        g_variant_unref(row.routes);
    }
    json_builder_end_array(json);
    if (cli->json)
        adit_cli_print_json(cli, json);
    else if (adit_table_rows(table) == 0)
        adit_cli_print(cli, "no device yet: adit-server device add NAME\n");
    else
        adit_cli_print_table(cli, table);
    cli->status = 0;
    return TRUE;
}

static void
print_device(AditCli *cli, const Row *row)
{
    g_autoptr(AditTable) table = adit_table_new(NULL, 2);
    g_autofree char *routes = adit_cli_join(row->routes, " ");
    g_autofree char *rx = g_format_size(row->rx);
    g_autofree char *tx = g_format_size(row->tx);
    const char *const cells[][2] = {
        { "name", row->name },
        { "subnet", row->subnet },
        { "kind", row->kind },
        { "IPv4", row->addr4 },
        { "IPv6", *row->addr6 ? row->addr6 : "-" },
        { "public key", row->key },
        { "may publish", row->may_publish ? "yes" : "no" },
        { "routes", routes },
        { "endpoint", *row->endpoint ? row->endpoint : "-" },
        { "received", rx },
        { "sent", tx },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cells); i++) {
        adit_table_add(table, ADIT_PAINT_DIM, cells[i][0]);
        adit_table_add(table, ADIT_PAINT_PLAIN, cells[i][1]);
    }
    if (row->invited) {
        adit_table_add(table, ADIT_PAINT_DIM, "invited, seconds left");
        adit_table_addf(table, ADIT_PAINT_WARN, "%" G_GINT64_FORMAT,
                        MAX(row->invited - g_get_real_time() / G_USEC_PER_SEC, 0));
    }
    adit_table_add(table, ADIT_PAINT_DIM, "handshake");
    add_handshake(table, row->handshake);
    adit_cli_print_table(cli, table);
}

static gboolean
cmd_show(AditCli *cli, char **args, GError **error)
{
    g_autoptr(GVariant) invitations = NULL;
    g_autoptr(GVariant) rows = get_rows(&invitations, error);

    for (gsize i = 0; rows && i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(rows, i);
        g_autoptr(JsonBuilder) json = json_builder_new();
        Row row;

        read_row(child, invitations, &row);
        if (g_str_equal(row.name, args[0])) {
            add_json(json, &row);
            if (cli->json)
                adit_cli_print_json(cli, json);
            else
                print_device(cli, &row);
            cli->status = 0;
        }
        g_variant_unref(row.routes);
    }
    if (rows && cli->status != 0)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "%s: no such device: see adit-server device list", args[0]);
    return rows && cli->status == 0;
}

/* -- changes -- */

static gboolean
cmd_remove(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    GError *reason = NULL;
    guint closed;

    if (!manager || !adit_cli_settle(adit_srv_manager_call_remove_device_sync(
                                         manager, args[0], G_DBUS_CALL_FLAGS_NONE, -1, &closed,
                                         NULL, &reason),
                                     &reason, error))
        return FALSE;
    if (closed)
        adit_cli_print(cli, "and what it published: %u %s closed\n", closed,
                       closed == 1 ? "mapping" : "mappings");
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_rename(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_srv_manager_call_rename_device_sync(
                                         manager, args[0], args[1], G_DBUS_CALL_FLAGS_NONE, -1,
                                         NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_set_publish(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = NULL;
    GError *reason = NULL;
    gboolean on;

    if (!adit_cli_parse_switch(args[1], &on, error))
        return FALSE;
    manager = adit_cli_connect(error);
    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_set_device_publish_sync(
                             manager, args[0], on, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                         &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_set_wan(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    const char *address = g_str_equal(args[1], "none") ? "" : args[1];
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_srv_manager_call_set_device_wan_sync(
                                         manager, args[0], address, G_DBUS_CALL_FLAGS_NONE, -1,
                                         NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_set_routes(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_auto(GStrv) list = adit_cli_split_list(args + 1);
    char *none[] = { NULL };
    char **routes = g_strcmp0(list[0], "none") == 0 && !list[1] ? none : list;
    GError *reason = NULL;

    if (!manager || !adit_cli_settle(adit_srv_manager_call_set_device_routes_sync(
                                         manager, args[0], (const char *const *)routes,
                                         G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason),
                                     &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

#define KEY_OPTION                                                                             \
    {                                                                                          \
        "public-key", 0, 0, G_OPTION_ARG_STRING, &opt_public_key,                              \
            "The device's own key: its private half never leaves it", "KEY"                    \
    }
#define HAND_OPTIONS                                                                                \
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &opt_hand.out, "Write the profile to FILE (0600)",        \
      "FILE" },                                                                                     \
        { "qr", 0, 0, G_OPTION_ARG_NONE, &opt_hand.qr, "Show it as a QR code, for a phone", NULL }, \
        { "full",                                                                                   \
          0,                                                                                        \
          0,                                                                                        \
          G_OPTION_ARG_NONE,                                                                        \
          &opt_hand.full,                                                                           \
          "kind client: everything goes through the tunnel",                                        \
          NULL },                                                                                   \
        { "split",                                                                                  \
          0,                                                                                        \
          0,                                                                                        \
          G_OPTION_ARG_NONE,                                                                        \
          &opt_hand.split,                                                                          \
          "kind client: only the subnet does, and each --network (as shipped)",                     \
          NULL },                                                                                   \
    {                                                                                               \
        "network", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_hand.networks,                             \
            "kind client: NET goes through the tunnel, too; may be repeated", "NET"                 \
    }

static const GOptionEntry add_options[] = {
    { "subnet", 0, 0, G_OPTION_ARG_STRING, &opt_subnet, "In which subnet, if there are several",
      "NET" },
    { "ip", 0, 0, G_OPTION_ARG_STRING, &opt_ip, "Its address; the next free one otherwise",
      "ADDR" },
    { "kind", 0, 0, G_OPTION_ARG_STRING, &opt_kind,
      "server: it publishes, by adit (as shipped); client: a phone or laptop",
      "server|client" },
    { "route", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_routes,
      "A network behind it; may be repeated", "NET" },
    { "invite", 0, 0, G_OPTION_ARG_STRING, &opt_invite,
      "Its key is for one use within TIME (10m, 24h, 7d); then it has made its own", "TIME" },
    KEY_OPTION,
    HAND_OPTIONS,
    { 0 },
};

static const GOptionEntry rekey_options[] = {
    { "profile", 0, 0, G_OPTION_ARG_NONE, &opt_profile,
      "Make a new profile even if the device is online and could rotate by itself", NULL },
    KEY_OPTION,
    HAND_OPTIONS,
    { 0 },
};

const AditCommand adit_cli_device_verbs[] = {
    { "add", "NAME", 1, 1, cmd_add, "Add a device and hand over its profile", add_options,
      NULL },
    { "list", "", 0, 0, adit_cli_device_list, "List the devices", NULL, NULL },
    { "show", "NAME", 1, 1, cmd_show, "Show one device", NULL, NULL },
    { "remove", "NAME", 1, 1, cmd_remove, "Remove a device and what it published", NULL, NULL },
    { "rename", "NAME NEW-NAME", 2, 2, cmd_rename, "Give a device another name", NULL, NULL },
    { "rekey", "NAME", 1, 1, cmd_rekey, "Give a device new keys and hand over its profile",
      rekey_options, NULL },
    { "set-publish", "NAME on|off", 2, 2, cmd_set_publish,
      "Allow or forbid a device to open ports itself", NULL, NULL },
    { "set-wan", "NAME ADDR|none", 2, 2, cmd_set_wan,
      "Choose where a device's forwards stand and its traffic leaves", NULL, NULL },
    { "set-routes", "NAME NET...|none", 2, ADIT_CLI_ANY, cmd_set_routes,
      "Say which networks lie behind a device", NULL, NULL },
    { 0 },
};
