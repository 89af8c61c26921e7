/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/finding.h"
#include "libadit/core/json.h"
#include "libadit/core/ports.h"
#include "tunnel-server/cli.h"

/* adit-server probe: who comes to a port, while somebody tries it from elsewhere. */

#define NOT_REACHED 5 /* exit code (DESIGN.md section 7): nobody came */
#define SPARE_MS 5000

static int opt_wait = 15;

const GOptionEntry adit_cli_probe_options[] = {
    { "wait", 0, 0, G_OPTION_ARG_INT, &opt_wait, "For so long at most (15; up to 120)",
      "SECONDS" },
    { 0 },
};

typedef struct {
    const char *external, *proto, *target;
    guint64 came, passed, answered, refused;
    const char *verdict, *what, *why, *remedy;
} Row;

static gboolean
is(const Row *row, AditVerdict verdict)
{
    return g_str_equal(row->verdict, adit_verdict_to_string(verdict));
}

static void
add_number(AditTable *table, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

    adit_table_add(table, ADIT_PAINT_PLAIN, text);
}

static void
add_cells(AditTable *table, const Row *row)
{
    g_autofree char *external = g_strdup_printf("%s/%s", row->external, row->proto);
    const AditPaint paint = is(row, ADIT_VERDICT_OK)       ? ADIT_PAINT_GOOD
                            : is(row, ADIT_VERDICT_BROKEN) ? ADIT_PAINT_BAD
                                                           : ADIT_PAINT_DIM;

    adit_table_add(table, ADIT_PAINT_BOLD, external);
    adit_table_add(table, ADIT_PAINT_PLAIN, *row->target ? row->target : "-");
    add_number(table, row->came);
    add_number(table, row->passed);
    add_number(table, row->answered);
    add_number(table, row->refused);
    adit_table_add(table, paint, row->what);
}

static void
add_json(JsonBuilder *json, const Row *row)
{
    json_builder_begin_object(json);
    adit_json_string(json, "external", row->external);
    adit_json_string(json, "protocol", row->proto);
    adit_json_string(json, "target", *row->target ? row->target : NULL);
    adit_json_int(json, "came", (gint64)row->came);
    adit_json_int(json, "passed", (gint64)row->passed);
    adit_json_int(json, "answered", (gint64)row->answered);
    adit_json_int(json, "refused", (gint64)row->refused);
    adit_json_string(json, "verdict", row->verdict);
    adit_json_string(json, "what", row->what);
    adit_json_string(json, "why", row->why);
    adit_json_string(json, "remedy", row->remedy);
    json_builder_end_object(json);
}

/* One that is broken counts more than one that is well, and that more than silence. */
static int
status_of(gboolean ok, gboolean broken)
{
    if (broken)
        return 1;
    return ok ? 0 : NOT_REACHED;
}

static void
print(AditCli *cli, GVariant *rows)
{
    static const char *const headers[] = { "AT",       "LEADS TO", "CAME",    "PASSED ON",
                                           "ANSWERED", "REFUSED",  "VERDICT", NULL };
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(GString) mend = g_string_new(NULL);
    gboolean ok = FALSE, broken = FALSE;

    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(rows, i);
        Row row;

        g_variant_get(child, "(&s&s&stttt&s&s&s&s)", &row.external, &row.proto, &row.target,
                      &row.came, &row.passed, &row.answered, &row.refused, &row.verdict,
                      &row.what, &row.why, &row.remedy);
        ok |= row.came > 0 && !is(&row, ADIT_VERDICT_BROKEN);
        broken |= is(&row, ADIT_VERDICT_BROKEN);
        add_cells(table, &row);
        add_json(json, &row);
        if (*row.remedy)
            g_string_append_printf(mend, "%s: %s\n  mend: %s\n", row.external, row.why,
                                   row.remedy);
    }
    json_builder_end_array(json);
    cli->status = status_of(ok, broken);
    if (cli->json) {
        adit_cli_print_json(cli, json);
        return;
    }
    adit_cli_print_table(cli, table);
    adit_cli_print(cli, "%s", mend->str);
}

gboolean
adit_cli_probe(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = NULL;
    g_autoptr(GVariant) rows = NULL;
    g_autofree char *waiting = NULL;
    GError *reason = NULL;
    AditPorts ports;
    gboolean ok;

    if (!adit_ports_parse(args[0], &ports, error))
        return FALSE;
    if (ports.first != ports.last || ports.proto == ADIT_PROTO_BOTH)
        return adit_cli_usage(error, "%s: one port of one protocol: 443, or 53/udp", args[0]);
    if (opt_wait < 1)
        return adit_cli_usage(error, "--wait: a number of seconds from 1 on");
    manager = adit_cli_connect(error);
    if (!manager)
        return FALSE;
    waiting = g_strdup_printf("try port %u from somewhere else now", ports.first);
    adit_cli_progress(cli, waiting);
    g_dbus_proxy_set_default_timeout(G_DBUS_PROXY(manager), opt_wait * 1000 + SPARE_MS);
    ok = adit_srv_manager_call_probe_sync(manager, ports.first, adit_proto_name(ports.proto),
                                          args[1] ? args[1] : "", (guint)opt_wait,
                                          G_DBUS_CALL_FLAGS_NONE, -1, &rows, NULL, &reason);
    adit_cli_progress(cli, NULL);
    if (!adit_cli_settle(ok, &reason, error))
        return FALSE;
    print(cli, rows);
    return cli->status == 0;
}
