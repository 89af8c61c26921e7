/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli/cli-status.h"

#include "client/cli/cli-bus.h"
#include "client/cli/cli-reach.h"
#include "client/health.h"
#include "libadit/core/error.h"
#include "libadit/core/inet.h"

#include <string.h>

#define EXIT_UNREACHABLE 5
#define LOOK_USEC (G_USEC_PER_SEC / 2)
#define LOOKS_MAX (2 * ADIT_HEALTH_PATIENCE + 2) /* a tunnel is judged after its patience */

static gboolean opt_watch;

const GOptionEntry adit_status_options[] = {
    { "watch", 0, 0, G_OPTION_ARG_NONE, &opt_watch, "Show it anew every second", NULL },
    { 0 },
};

static AditPaint
paint_of(const char *state)
{
    if (g_str_equal(state, "up"))
        return ADIT_PAINT_GOOD;
    if (g_str_equal(state, "broken"))
        return ADIT_PAINT_BAD;
    return g_str_equal(state, "down") ? ADIT_PAINT_DIM : ADIT_PAINT_WARN;
}

static const char *
families_of(AditBusGateway *gateway)
{
    if (adit_bus_gateway_get_default4(gateway))
        return adit_bus_gateway_get_default6(gateway) ? "IPv4 IPv6" : "IPv4";
    return adit_bus_gateway_get_default6(gateway) ? "IPv6" : "";
}

/* "12 s ago", "3 min ago", "5 h ago" */
static char *
age_of(AditBusGateway *gateway)
{
    const gint64 last = (gint64)adit_bus_gateway_get_last_handshake(gateway);
    const gint64 age = g_get_real_time() / G_USEC_PER_SEC - last;

    if (last == 0)
        return g_strdup("never");
    if (age < 120)
        return g_strdup_printf("%" G_GINT64_FORMAT " s ago", MAX(age, 0));
    if (age < 7200)
        return g_strdup_printf("%" G_GINT64_FORMAT " min ago", age / 60);
    return g_strdup_printf("%" G_GINT64_FORMAT " h ago", age / 3600);
}

static void
add_row(AditTable *table, AditBusGateway *gateway)
{
    g_autofree char *addresses =
        g_strjoinv(" ", (char **)adit_bus_gateway_get_addresses(gateway));
    g_autofree char *age = age_of(gateway);
    const char *state = adit_bus_gateway_get_state(gateway);

    adit_table_add(table, ADIT_PAINT_BOLD, adit_bus_gateway_get_name(gateway));
    adit_table_add(table, paint_of(state), state);
    adit_table_add(table, ADIT_PAINT_PLAIN, addresses);
    adit_table_add(table, ADIT_PAINT_PLAIN, age);
    adit_table_add(table, ADIT_PAINT_PLAIN, families_of(gateway));
    adit_table_add(table, ADIT_PAINT_WARN, adit_bus_gateway_get_problem(gateway));
}

static void
add_word(JsonBuilder *json, const char *member, const char *value)
{
    json_builder_add_string_value(json_builder_set_member_name(json, member), value);
}

static void
add_words(JsonBuilder *json, const char *member, const char *const *values)
{
    json_builder_begin_array(json_builder_set_member_name(json, member));
    for (guint i = 0; values[i]; i++)
        json_builder_add_string_value(json, values[i]);
    json_builder_end_array(json);
}

static gboolean
is_of(AditPubReach *reach, AditBusGateway *gateway)
{
    return g_strcmp0(adit_pub_reach_get_gateway(reach), adit_bus_gateway_get_name(gateway)) ==
           0;
}

static void
note_outside(GPtrArray *list, char *host)
{
    if (g_ptr_array_find_with_equal_func(list, host, g_str_equal, NULL))
        g_free(host);
    else
        g_ptr_array_add(list, host);
}

/* "203.0.113.7:443" without its port, "[2001:db8::2]:443" without brackets, too. */
static char *
host_of(const char *outside)
{
    const char *colon = strrchr(outside, ':');
    g_autofree char *host = colon ? g_strndup(outside, (gsize)(colon - outside)) : NULL;

    if (!host)
        return g_strdup(outside);
    return *host == '[' ? g_strndup(host + 1, strlen(host) - 2) : g_steal_pointer(&host);
}

/* Where visitors find it: what servers have granted, and its own addresses that are public. */
static GStrv
outside_of(AditBusGateway *gateway, const GPtrArray *reaches)
{
    const char *const *own = adit_bus_gateway_get_addresses(gateway);
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; reaches && i < reaches->len; i++) {
        AditPubReach *reach = g_ptr_array_index(reaches, i);

        if (is_of(reach, gateway) && *adit_pub_reach_get_outside(reach))
            note_outside(list, host_of(adit_pub_reach_get_outside(reach)));
    }
    for (guint i = 0; own[i]; i++) {
        AditAddr addr;

        if (adit_addr_parse(own[i], &addr, NULL) && !adit_addr_is_private(&addr))
            note_outside(list, g_strdup(own[i]));
    }
    g_ptr_array_add(list, NULL);
    return (GStrv)g_ptr_array_free(list, FALSE);
}

static void
add_reaches(JsonBuilder *json, AditBusGateway *gateway, const GPtrArray *reaches)
{
    g_auto(GStrv) outside = outside_of(gateway, reaches);

    add_words(json, "outside", (const char *const *)outside);
    json_builder_begin_array(json_builder_set_member_name(json, "published"));
    for (guint i = 0; i < reaches->len; i++)
        if (is_of(g_ptr_array_index(reaches, i), gateway))
            adit_reaches_add_json(json, g_ptr_array_index(reaches, i));
    json_builder_end_array(json);
}

static void
add_json(JsonBuilder *json, AditBusGateway *gateway, const GPtrArray *reaches)
{
    json_builder_begin_object(json);
    add_word(json, "name", adit_bus_gateway_get_name(gateway));
    add_word(json, "backend", adit_bus_gateway_get_backend(gateway));
    json_builder_add_int_value(json_builder_set_member_name(json, "slot"),
                               adit_bus_gateway_get_slot(gateway));
    json_builder_add_boolean_value(json_builder_set_member_name(json, "up"),
                                   adit_bus_gateway_get_up(gateway));
    add_word(json, "state", adit_bus_gateway_get_state(gateway));
    add_words(json, "addresses", adit_bus_gateway_get_addresses(gateway));
    add_words(json, "servers", adit_bus_gateway_get_servers(gateway));
    json_builder_add_int_value(json_builder_set_member_name(json, "last_handshake"),
                               (gint64)adit_bus_gateway_get_last_handshake(gateway));
    json_builder_add_boolean_value(json_builder_set_member_name(json, "default4"),
                                   adit_bus_gateway_get_default4(gateway));
    json_builder_add_boolean_value(json_builder_set_member_name(json, "default6"),
                                   adit_bus_gateway_get_default6(gateway));
    add_word(json, "problem", adit_bus_gateway_get_problem(gateway));
    if (reaches)
        add_reaches(json, gateway, reaches);
    json_builder_end_object(json);
}

/* @reaches NULL: without them. */
static void
print_json(AditCli *cli, const GPtrArray *gateways, const GPtrArray *reaches)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_array(json);
    for (guint i = 0; i < gateways->len; i++)
        add_json(json, g_ptr_array_index(gateways, i), reaches);
    json_builder_end_array(json);
    adit_cli_print_json(cli, json);
}

static void
print_none(AditCli *cli)
{
    adit_cli_print(cli, "no gateway yet: adit import FILE\n");
}

/* Connections that are no gateways but could be, and what is wrong with all of them. */
static void
print_manager(AditCli *cli)
{
    g_autoptr(AditBusManager) manager = cli->json ? NULL : adit_cli_manager(NULL);
    const char *const *offered = manager ? adit_bus_manager_get_offered(manager) : NULL;

    if (manager && *adit_bus_manager_get_problem(manager))
        adit_cli_warn(cli, "%s", adit_bus_manager_get_problem(manager));

    for (guint i = 0; offered && offered[i]; i++)
        adit_cli_print(cli, "'%s' could be a gateway: adit adopt '%s'\n", offered[i],
                       offered[i]);
}

gboolean
adit_cmd_list(AditCli *cli, char **args, GError **error)
{
    static const char *const headers[] = { "NAME",    "STATE",   "ADDRESSES", "HANDSHAKE",
                                           "DEFAULT", "PROBLEM", NULL };
    g_autoptr(GPtrArray) gateways = adit_cli_gateways(error);
    g_autoptr(AditTable) table = adit_table_new(headers, 0);

    if (!gateways)
        return FALSE;
    for (guint i = 0; i < gateways->len; i++)
        add_row(table, g_ptr_array_index(gateways, i));
    if (cli->json)
        print_json(cli, gateways, NULL);
    else if (gateways->len == 0)
        print_none(cli);
    else
        adit_cli_print_table(cli, table);
    print_manager(cli);
    cli->status = 0;
    return TRUE;
}

static void
add_line(AditTable *table, const char *label, AditPaint paint, const char *text)
{
    adit_table_add(table, ADIT_PAINT_DIM, label);
    adit_table_add(table, paint, text);
}

static void
add_published(AditTable *table, AditBusGateway *gateway, const GPtrArray *reaches)
{
    for (guint i = 0; i < reaches->len; i++) {
        AditPubReach *reach = g_ptr_array_index(reaches, i);
        const char *problem = adit_pub_reach_get_problem(reach);
        const char *note = *problem ? problem : adit_pub_reach_get_reason(reach);
        const char *outside = adit_pub_reach_get_outside(reach);
        g_autofree char *text = NULL;

        if (!is_of(reach, gateway))
            continue;
        text =
            g_strdup_printf("%s IPv%u %s%s%s%s%s", adit_pub_reach_get_ports(reach),
                            adit_pub_reach_get_family(reach), adit_pub_reach_get_state(reach),
                            *outside ? " at " : "", outside, *note ? ": " : "", note);
        add_line(table, "publication", adit_reaches_paint(reach), text);
    }
}

/* aditd has compared the kernel with its plan a moment ago, and put right what differed. */
static void
add_guard(AditTable *table, AditBusGateway *gateway)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(NULL);
    const char *problem = manager ? adit_bus_manager_get_problem(manager) : NULL;

    if (problem && *problem)
        add_line(table, "guard", ADIT_PAINT_BAD, problem);
    else
        add_line(table, "guard", ADIT_PAINT_PLAIN,
                 *families_of(gateway)
                     ? "closed: what should leave by it leaves by no other link"
                     : "stands: its own traffic leaves by no other link, up or down");
}

static void
print_page(AditCli *cli, AditBusGateway *gateway, const GPtrArray *reaches)
{
    g_auto(GStrv) list = outside_of(gateway, reaches);
    g_autofree char *outside = g_strjoinv(", ", list);
    g_autoptr(AditTable) table = adit_table_new(NULL, 2);
    g_autofree char *inside =
        g_strjoinv(", ", (char **)adit_bus_gateway_get_addresses(gateway));
    g_autofree char *server = g_strjoinv(", ", (char **)adit_bus_gateway_get_servers(gateway));
    g_autofree char *age = age_of(gateway);
    g_autofree char *name =
        adit_text_paint(adit_bus_gateway_get_name(gateway), ADIT_PAINT_BOLD, cli->colour);
    g_autofree char *state =
        adit_text_paint(adit_bus_gateway_get_state(gateway),
                        paint_of(adit_bus_gateway_get_state(gateway)), cli->colour);
    g_autofree char *link = g_strdup_printf(
        "%s, made by %s, slot %u", adit_bus_gateway_get_link(gateway),
        adit_bus_gateway_get_backend(gateway), adit_bus_gateway_get_slot(gateway));
    g_autofree char *all = g_strdup_printf("%s leaves by it, and not at all while it is down",
                                           families_of(gateway));
    g_autofree char *text = NULL;

    add_line(table, "link", ADIT_PAINT_PLAIN, link);
    add_line(table, "handshake", ADIT_PAINT_PLAIN, age);
    add_line(table, "inside", ADIT_PAINT_PLAIN, inside);
    add_line(table, "outside", ADIT_PAINT_PLAIN,
             *outside ? outside : "not known before something is published");
    add_line(table, "server", ADIT_PAINT_PLAIN, server);
    add_line(table, "default", ADIT_PAINT_PLAIN,
             *families_of(gateway) ? all : "no, other traffic goes its usual way");
    add_guard(table, gateway);
    add_published(table, gateway, reaches);
    if (*adit_bus_gateway_get_problem(gateway))
        add_line(table, "problem", ADIT_PAINT_BAD, adit_bus_gateway_get_problem(gateway));
    text = adit_table_to_string(table, 2, cli->colour);
    adit_cli_print(cli, "%s: %s\n%s", name, state, text);
}

/* Those to be shown: all, or the one of @name. */
static GPtrArray *
choose(const char *name, GError **error)
{
    g_autoptr(GPtrArray) gateways = adit_cli_gateways(error);

    for (guint i = gateways && name ? gateways->len : 0; i-- > 0;)
        if (!g_str_equal(adit_bus_gateway_get_name(g_ptr_array_index(gateways, i)), name))
            g_ptr_array_remove_index(gateways, i);
    if (gateways && name && gateways->len == 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such gateway", name);
        return NULL;
    }
    return g_steal_pointer(&gateways);
}

static gboolean
any_is(const GPtrArray *gateways, const char *state)
{
    for (guint i = 0; i < gateways->len; i++)
        if (g_str_equal(adit_bus_gateway_get_state(g_ptr_array_index(gateways, i)), state))
            return TRUE;
    return FALSE;
}

/* One that has just been brought up gets its time for a handshake. */
static GPtrArray *
wait_until_judged(AditCli *cli, const char *name, GError **error)
{
    g_autoptr(GPtrArray) gateways = choose(name, error);

    for (guint i = 0; gateways && i < LOOKS_MAX && any_is(gateways, "connecting"); i++) {
        adit_cli_progress(cli, "waiting for a handshake");
        g_usleep(LOOK_USEC);
        g_ptr_array_unref(gateways);
        gateways = choose(name, error);
    }
    adit_cli_progress(cli, NULL);
    return g_steal_pointer(&gateways);
}

static void
print_status(AditCli *cli, const GPtrArray *gateways)
{
    g_autoptr(GPtrArray) reaches = adit_reaches_read(FALSE, NULL); /* NULL: nobody publishes */

    if (!reaches)
        reaches = g_ptr_array_new();
    if (cli->json)
        print_json(cli, gateways, reaches);
    else if (gateways->len == 0)
        print_none(cli);
    for (guint i = 0; !cli->json && i < gateways->len; i++)
        print_page(cli, g_ptr_array_index(gateways, i), reaches);
    cli->status = any_is(gateways, "broken") ? EXIT_UNREACHABLE : 0;
}

gboolean
adit_cmd_status(AditCli *cli, char **args, GError **error)
{
    g_autoptr(GPtrArray) gateways =
        opt_watch ? choose(args[0], error) : wait_until_judged(cli, args[0], error);

    while (gateways && opt_watch) { /* until it is interrupted */
        if (cli->colour)
            adit_cli_print(cli, "\033[H\033[2J");
        print_status(cli, gateways);
        fflush(cli->out);
        g_usleep(G_USEC_PER_SEC);
        g_ptr_array_unref(gateways);
        gateways = choose(args[0], error);
    }
    if (gateways)
        print_status(cli, gateways);
    return gateways && cli->status == 0; /* all was said: a failure is in the status alone */
}
