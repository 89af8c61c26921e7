/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli/cli-publish.h"

#include "client/cli/cli-reach.h"
#include "client/cli/cli-suggest.h"
#include "client/names.h"
#include "libadit/core/error.h"
#include "libadit/core/json.h"
#include "libadit/sys/bus.h"
#include "pcp-client/publication.h"

#include <string.h>

#define PATIENCE_MS 10000 /* of one who waits for a server's answer */
#define EARLY_MS 2000
#define REFUSED 4
#define UNREACHABLE 5

static char *opt_external, *opt_gateway, *opt_redirect, *opt_when, *opt_label;
static char **opt_to;
static gboolean opt_keep_source, opt_ipv4, opt_ipv6, opt_no_redirect, opt_suggest;

const GOptionEntry adit_publish_options[] = {
    { "external", 0, 0, G_OPTION_ARG_STRING, &opt_external,
      "The port outside, or any; the same one unless said otherwise", "PORT|any" },
    { "gateway", 0, 0, G_OPTION_ARG_STRING, &opt_gateway, "At this gateway only", "NAME" },
    { "to", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_to,
      "Another machine or a container instead of this one; once for each family",
      "ADDR[:PORT]" },
    { "keep-source", 0, 0, G_OPTION_ARG_NONE, &opt_keep_source,
      "It sees the visitor's address: this machine is its router", NULL },
    { "ipv4", 0, 0, G_OPTION_ARG_NONE, &opt_ipv4, "Only IPv4", NULL },
    { "ipv6", 0, 0, G_OPTION_ARG_NONE, &opt_ipv6, "Only IPv6", NULL },
    { "no-redirect", 0, 0, G_OPTION_ARG_NONE, &opt_no_redirect,
      "With 443: port 80 is left alone", NULL },
    { "redirect", 0, 0, G_OPTION_ARG_STRING, &opt_redirect,
      "With 443: port 80 answers 308 (https) or leads to the service as it is (port)",
      "https|port" },
    { "when", 0, 0, G_OPTION_ARG_STRING, &opt_when,
      "Always, or only while something listens on it", "always|listening" },
    { "label", 0, 0, G_OPTION_ARG_STRING, &opt_label, "What it is, for people", "TEXT" },
    { "suggest", 0, 0, G_OPTION_ARG_NONE, &opt_suggest,
      "List what listens here and could be published", NULL },
    { 0 },
};

const GOptionEntry adit_share_options[] = {
    { "keep-source", 0, 0, G_OPTION_ARG_NONE, &opt_keep_source,
      "Its hosts see who comes: this machine is their router", NULL },
    { 0 },
};

static AditPubWanted *
connect_wanted(GError **error)
{
    GError *reason = NULL;
    AditPubWanted *wanted = adit_pub_wanted_proxy_new_for_bus_sync(
        G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE, ADIT_CLIENT_BUS,
        ADIT_CLIENT_PATH "/manager", NULL, &reason);

    if (!wanted)
        g_propagate_error(error, adit_bus_take_error(reason, "aditd"));
    return wanted;
}

/* FALSE with the daemon's own sentence in @error. */
static gboolean
settle(gboolean ok, GError **reason, GError **error)
{
    if (!ok)
        g_propagate_error(error, adit_bus_take_error(g_steal_pointer(reason), "aditd"));
    return ok;
}

/* The options in the words of publish.conf, whose parser says what is wrong with them. */
static char *
section_text(const char *ports)
{
    GString *text = g_string_new("[Publish]\n");
    g_autofree char *to = opt_to ? g_strjoinv(", ", opt_to) : NULL;
    const struct {
        const char *key, *value;
    } pairs[] = {
        { "Port", ports },
        { "External", opt_external },
        { "Gateway", opt_gateway },
        { "To", to },
        { "KeepSource", opt_keep_source ? "yes" : NULL },
        { "Family", opt_ipv4 == opt_ipv6 ? NULL
                    : opt_ipv4           ? "ipv4"
                                         : "ipv6" },
        { "Redirect", opt_no_redirect ? "no" : opt_redirect },
        { "When", opt_when },
        { "Label", opt_label },
    };

    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (pairs[i].value)
            g_string_append_printf(text, "%s = %s\n", pairs[i].key, pairs[i].value);
    return g_string_free(text, FALSE);
}

static gboolean
has_line_break(const char *const *words)
{
    for (guint i = 0; words && words[i]; i++)
        if (strpbrk(words[i], "\r\n"))
            return TRUE;
    return FALSE;
}

/* As the user would read it: without the line of a file that there is not. */
static gboolean
complain(const GError *reason, GError **error)
{
    const char *text = reason->message;
    const char *colon = g_str_has_prefix(text, "option:") ? strstr(text, ": ") : NULL;

    return adit_cli_usage(error, "%s", colon ? colon + 2 : text);
}

static AditWanted *
read_options(const char *ports, GError **error)
{
    const char *const words[] = { ports,
                                  opt_external ? opt_external : "",
                                  opt_gateway ? opt_gateway : "",
                                  opt_redirect ? opt_redirect : "",
                                  opt_when ? opt_when : "",
                                  opt_label ? opt_label : "",
                                  NULL };
    g_autofree char *text = section_text(ports);
    g_autoptr(GError) reason = NULL;
    AditWanted *wanted;

    if (has_line_break(words) || has_line_break((const char *const *)opt_to)) {
        adit_cli_usage(error, "a value has more than one line");
        return NULL;
    }
    wanted = adit_wanted_parse("option", text, strlen(text), FALSE, &reason);
    if (!wanted)
        complain(reason, error);
    return wanted;
}

static gboolean
is_settled(AditPubReach *reach)
{
    const char *state = adit_pub_reach_get_state(reach);

    return !state || !(g_str_equal(state, "asking") || g_str_equal(state, "lost"));
}

static gboolean
is_of(AditPubReach *reach, const AditWanted *wanted)
{
    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);
        g_autofree char *ports = adit_ports_to_string(&p->ports);

        if (g_str_equal(ports, adit_pub_reach_get_ports(reach)) &&
            (!p->gateway || g_str_equal(p->gateway, adit_pub_reach_get_gateway(reach))))
            return TRUE;
    }
    return FALSE;
}

static int
exit_code(GPtrArray *reaches)
{
    int code = 0;

    for (guint i = 0; i < reaches->len; i++) {
        AditPubReach *reach = g_ptr_array_index(reaches, i);

        if (g_str_equal(adit_pub_reach_get_state(reach), "refused"))
            return REFUSED;
        if (!is_settled(reach))
            code = UNREACHABLE;
    }
    return code;
}

static void
print_reaches(AditCli *cli, GPtrArray *reaches)
{
    g_autoptr(AditTable) table = adit_reaches_table_new();
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_array(json);
    for (guint i = 0; i < reaches->len; i++) {
        adit_reaches_add_row(table, g_ptr_array_index(reaches, i));
        adit_reaches_add_json(json, g_ptr_array_index(reaches, i));
    }
    json_builder_end_array(json);
    if (cli->json)
        adit_cli_print_json(cli, json);
    else if (adit_table_rows(table) > 0)
        adit_cli_print_table(cli, table);
}

/* Those of @wanted. */
static GPtrArray *
read_reaches(const AditWanted *wanted, gboolean fresh, GError **error)
{
    GPtrArray *reaches = adit_reaches_read(fresh, error);

    for (guint i = reaches ? reaches->len : 0; i-- > 0;)
        if (!is_of(g_ptr_array_index(reaches, i), wanted))
            g_ptr_array_remove_index(reaches, i);
    return reaches;
}

/* @early: one who has just started may not know the gateways yet. */
static gboolean
all_settled(GPtrArray *reaches, gboolean early)
{
    if (reaches->len == 0)
        return !early;
    for (guint i = 0; i < reaches->len; i++)
        if (!is_settled(g_ptr_array_index(reaches, i)))
            return FALSE;
    return TRUE;
}

/* The answer of a server takes a round trip, as a rule: asked again after 10 ms, 20, ... */
static GPtrArray *
wait_settled(const AditWanted *wanted, GError **error)
{
    const gint64 begin = g_get_monotonic_time();
    const gint64 end = begin + PATIENCE_MS * G_GINT64_CONSTANT(1000);
    const gint64 early = begin + EARLY_MS * G_GINT64_CONSTANT(1000);
    g_autoptr(GPtrArray) reaches = read_reaches(wanted, TRUE, error);

    for (gulong pause = 10000; reaches && !all_settled(reaches, g_get_monotonic_time() < early);
         pause = MIN(pause * 2, 200000)) {
        if (g_get_monotonic_time() > end)
            break;
        g_usleep(pause);
        g_clear_pointer(&reaches, g_ptr_array_unref);
        reaches = read_reaches(wanted, FALSE, error);
    }
    return g_steal_pointer(&reaches);
}

/* What is wanted is kept; what has become of it says adit-publisher. */
static gboolean
report(AditCli *cli, const AditWanted *wanted, GError **error)
{
    g_autoptr(GPtrArray) reaches = NULL;

    adit_cli_progress(cli, "waiting for the server");
    reaches = wait_settled(wanted, error);
    adit_cli_progress(cli, NULL);
    if (!reaches) {
        g_prefix_error(error, "kept, but not asked for yet: ");
        return FALSE;
    }
    if (reaches->len == 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                    "kept, but there is no gateway to publish it at: adit import FILE");
        return FALSE;
    }
    print_reaches(cli, reaches);
    cli->status = exit_code(reaches);
    return cli->status == 0;
}

gboolean
adit_cmd_publish(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditWanted) wanted = NULL;
    g_autoptr(AditPubWanted) bus = NULL;
    g_autofree char *text = NULL;
    GError *reason = NULL;

    if (opt_suggest && !args[0])
        return adit_suggest(cli, error);
    if (opt_suggest || !args[0])
        return adit_cli_usage(error,
                              opt_suggest ? "--suggest takes no port" : "PORT is missing");
    wanted = read_options(args[0], error);
    bus = wanted ? connect_wanted(error) : NULL;
    if (!bus)
        return FALSE;
    text = adit_wanted_print(wanted);
    return settle(adit_pub_wanted_call_publish_sync(
                      bus, text, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, -1, NULL,
                      &reason),
                  &reason, error) &&
           report(cli, wanted, error);
}

/* Without a protocol: of both. */
gboolean
adit_cmd_unpublish(AditCli *cli, char **args, GError **error)
{
    g_autofree char *ports =
        strchr(args[0], '/') ? g_strdup(args[0]) : g_strconcat(args[0], "/both", NULL);
    g_autoptr(AditPubWanted) bus = NULL;
    g_autoptr(GError) usage = NULL;
    GError *reason = NULL;
    AditPorts parsed;

    if (!adit_ports_parse(ports, &parsed, &usage))
        return adit_cli_usage(error, "%s", usage->message);
    bus = connect_wanted(error);
    if (!bus || !settle(adit_pub_wanted_call_unpublish_sync(
                            bus, ports, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, -1,
                            NULL, &reason),
                        &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

/* What is wanted and has nobody to be asked of. */
static void
add_homeless(AditTable *table, JsonBuilder *json, AditPubWanted *bus, GPtrArray *reaches)
{
    GVariant *list = adit_pub_wanted_get_wanted(bus);
    GVariantIter iter;
    const char *text, *source;

    g_variant_iter_init(&iter, list);
    while (g_variant_iter_next(&iter, "(&s&s)", &text, &source)) {
        g_autoptr(AditWanted) one = adit_wanted_parse("aditd", text, strlen(text), FALSE, NULL);
        g_autofree char *ports = NULL;
        gboolean has = !one || one->publications->len == 0;

        for (guint i = 0; i < reaches->len && !has; i++)
            has = is_of(g_ptr_array_index(reaches, i), one);
        if (has)
            continue;
        ports = adit_ports_to_string(
            &((AditPublication *)g_ptr_array_index(one->publications, 0))->ports);
        adit_table_add(table, ADIT_PAINT_BOLD, ports);
        for (guint i = 0; i < 3; i++)
            adit_table_add(table, ADIT_PAINT_PLAIN, "");
        adit_table_add(table, ADIT_PAINT_WARN, "waiting");
        for (guint i = 0; i < 4; i++)
            adit_table_add(table, ADIT_PAINT_PLAIN, "");
        adit_table_add(table, ADIT_PAINT_WARN, "no gateway for it");
        json_builder_begin_object(json);
        adit_json_string(json, "ports", ports);
        adit_json_string(json, "source", source);
        adit_json_string(json, "state", "waiting");
        adit_json_string(json, "reason", "no gateway for it");
        json_builder_end_object(json);
    }
}

static void
add_shared(AditCli *cli, JsonBuilder *json, AditPubWanted *bus)
{
    GVariant *list = adit_pub_wanted_get_shared(bus);
    GVariantIter iter;
    const char *network;
    gboolean keep;

    g_variant_iter_init(&iter, list);
    while (g_variant_iter_next(&iter, "(&sb)", &network, &keep)) {
        if (!cli->json)
            adit_cli_print(cli, "shared: %s%s\n", network, keep ? ", who comes is seen" : "");
        json_builder_begin_object(json);
        adit_json_string(json, "network", network);
        adit_json_bool(json, "keep_source", keep);
        json_builder_end_object(json);
    }
}

gboolean
adit_cmd_published(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditPubWanted) bus = connect_wanted(error);
    g_autoptr(AditTable) table = adit_reaches_table_new();
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(GPtrArray) reaches = NULL;
    const char *const *problems;

    if (!bus)
        return FALSE;
    if (!adit_pub_wanted_get_wanted(bus)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT, "aditd: not running");
        return FALSE;
    }
    reaches = adit_reaches_read(TRUE, error);
    if (!reaches)
        return FALSE;
    json_builder_begin_object(json);
    json_builder_begin_array(json_builder_set_member_name(json, "publications"));
    for (guint i = 0; i < reaches->len; i++) {
        adit_reaches_add_row(table, g_ptr_array_index(reaches, i));
        adit_reaches_add_json(json, g_ptr_array_index(reaches, i));
    }
    add_homeless(table, json, bus, reaches);
    json_builder_end_array(json);
    if (!cli->json && adit_table_rows(table) == 0)
        adit_cli_print(cli, "nothing is published: adit publish PORT\n");
    else if (!cli->json)
        adit_cli_print_table(cli, table);
    json_builder_begin_array(json_builder_set_member_name(json, "shared"));
    add_shared(cli, json, bus);
    json_builder_end_array(json);
    json_builder_begin_array(json_builder_set_member_name(json, "problems"));
    problems = adit_pub_wanted_get_problems(bus);
    for (guint i = 0; problems && problems[i]; i++) {
        adit_cli_warn(cli, "%s", problems[i]);
        json_builder_add_string_value(json, problems[i]);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
    if (cli->json)
        adit_cli_print_json(cli, json);
    cli->status = 0;
    return TRUE;
}

gboolean
adit_cmd_share(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditPubWanted) bus = connect_wanted(error);
    GError *reason = NULL;

    if (!bus ||
        !settle(adit_pub_wanted_call_share_sync(
                    bus, (const char *const *)args, opt_keep_source,
                    G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, -1, NULL, &reason),
                &reason, error))
        return FALSE;
    adit_cli_print(cli, "shared. The server must lead there, too: "
                        "adit-server device set-routes NAME NET\n");
    cli->status = 0;
    return TRUE;
}

gboolean
adit_cmd_unshare(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditPubWanted) bus = connect_wanted(error);
    GError *reason = NULL;

    if (!bus ||
        !settle(adit_pub_wanted_call_unshare_sync(
                    bus, (const char *const *)args,
                    G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, -1, NULL, &reason),
                &reason, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}
