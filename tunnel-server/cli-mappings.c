/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli-mapping.h"

#include "libadit/core/json.h"
#include "tunnel-server/cli-pages.h"

/* adit-server mappings, forward list, pinhole list. */

#define WATCH_MS 2000 /* counters move without a signal */
#define CLEAR "\033[H\033[2J"

static gboolean opt_watch;

typedef struct {
    guchar family;
    const char *key, *external, *proto, *device, *origin, *label, *redirect;
    guint16 first, last, internal;
    gboolean enabled, fixed;
    GVariant *allow_from;
    guint64 expires, packets_in, bytes_in, packets_out, bytes_out;
} Row;

/* Release .allow_from. */
static void
read_row(GVariant *child, Row *ret)
{
    g_variant_get(child, "(y&s&sqq&s&sqb&s&s@as&stttttb)", &ret->family, &ret->key,
                  &ret->external, &ret->first, &ret->last, &ret->proto, &ret->device,
                  &ret->internal, &ret->enabled, &ret->origin, &ret->label, &ret->allow_from,
                  &ret->redirect, &ret->expires, &ret->packets_in, &ret->bytes_in,
                  &ret->packets_out, &ret->bytes_out, &ret->fixed);
}

static char *
target_text(const Row *row)
{
    if (row->first == row->last)
        return g_strdup_printf("%s:%u", row->device, row->internal);
    return g_strdup_printf("%s:%u-%u", row->device, row->internal,
                           row->internal + (row->last - row->first));
}

static char *
external_text(const Row *row)
{
    g_autofree char *ports = row->first == row->last
                                 ? g_strdup_printf("%u", row->first)
                                 : g_strdup_printf("%u-%u", row->first, row->last);

    return g_strdup_printf(row->family == 6 ? "[%s]:%s" : "%s:%s",
                           *row->external ? row->external : "(no address)", ports);
}

/* "57 min" */
static char *
left_text(guint64 expires)
{
    gint64 left = (gint64)expires - g_get_real_time() / G_USEC_PER_SEC;

    if (expires == 0)
        return g_strdup("-");
    left = MAX(left, 0);
    if (left < 120)
        return g_strdup_printf("%d s", (int)left);
    return left < 7200 ? g_strdup_printf("%d min", (int)(left / 60))
                       : g_strdup_printf("%d h", (int)MIN(left / 3600, G_MAXINT));
}

static void
add_cells(AditTable *table, const Row *row)
{
    g_autofree char *external = external_text(row);
    g_autofree char *target = target_text(row);
    g_autofree char *left = left_text(row->expires);
    g_autofree char *allow = adit_cli_join(row->allow_from, " ");
    g_autofree char *in = g_format_size(row->bytes_in);
    g_autofree char *out = g_format_size(row->bytes_out);

    adit_table_add(table, ADIT_PAINT_BOLD, row->key);
    adit_table_add(table, ADIT_PAINT_PLAIN, external);
    adit_table_add(table, ADIT_PAINT_PLAIN, target);
    adit_table_add(table, row->enabled ? ADIT_PAINT_GOOD : ADIT_PAINT_DIM,
                   row->enabled ? "open" : "off");
    adit_table_add(table, ADIT_PAINT_PLAIN, row->origin);
    adit_table_add(table, ADIT_PAINT_PLAIN, left);
    adit_table_add(table, ADIT_PAINT_PLAIN,
                   g_str_equal(row->redirect, "no") ? "-" : row->redirect);
    adit_table_add(table, ADIT_PAINT_PLAIN, allow);
    adit_table_add(table, ADIT_PAINT_PLAIN, in);
    adit_table_add(table, ADIT_PAINT_PLAIN, out);
    adit_table_add(table, ADIT_PAINT_DIM, row->label);
}

static void
add_json(JsonBuilder *json, const Row *row)
{
    json_builder_begin_object(json);
    adit_json_string(json, "kind", row->family == 6 ? "pinhole" : "forward");
    adit_json_string(json, "key", row->key);
    adit_json_string(json, "external", *row->external ? row->external : NULL);
    adit_json_int(json, "first", row->first);
    adit_json_int(json, "last", row->last);
    adit_json_string(json, "protocol", row->proto);
    adit_json_string(json, "device", row->device);
    adit_json_int(json, "internal", row->internal);
    adit_json_bool(json, "enabled", row->enabled);
    adit_json_string(json, "origin", row->origin);
    adit_json_string(json, "label", *row->label ? row->label : NULL);
    adit_cli_json_strings(json, "allow-from", row->allow_from);
    adit_json_string(json, "redirect", row->redirect);
    adit_json_int(json, "expires", (gint64)row->expires);
    adit_json_int(json, "packets-in", (gint64)row->packets_in);
    adit_json_int(json, "bytes-in", (gint64)row->bytes_in);
    adit_json_int(json, "packets-out", (gint64)row->packets_out);
    adit_json_int(json, "bytes-out", (gint64)row->bytes_out);
    adit_json_bool(json, "fixed", row->fixed);
    json_builder_end_object(json);
}

static void
print_rows(AditCli *cli, GVariant *rows)
{
    static const char *const headers[] = { "KEY",    "EXTERNAL", "TO",      "STATE",
                                           "ORIGIN", "ENDS IN",  "PORT 80", "ALLOW FROM",
                                           "IN",     "OUT",      "LABEL",   NULL };
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_array(json);
    for (gsize i = 0; i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(rows, i);
        Row row;

        read_row(child, &row);
        add_cells(table, &row);
        add_json(json, &row);
        g_variant_unref(row.allow_from);
    }
    json_builder_end_array(json);
    if (cli->json)
        adit_cli_print_json(cli, json);
    else if (adit_table_rows(table) == 0)
        adit_cli_print(cli, "nothing is published: adit-server publish DEVICE PORT\n");
    else
        adit_cli_print_table(cli, table);
}

gboolean
adit_cli_list_mappings(AditCli *cli, guchar family, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(GVariant) rows = manager ? adit_cli_published(manager, family, error) : NULL;

    if (!rows)
        return FALSE;
    print_rows(cli, rows);
    cli->status = 0;
    return TRUE;
}

typedef struct {
    AditCli *cli;
    AditSrvManager *manager;
    GMainLoop *loop;
    GVariant *shown;
    GError *failure;
} Watch;

/* A terminal shows the present; a pipe gets a list each time it is another. */
static void
show(Watch *watch)
{
    g_autoptr(GVariant) rows = adit_cli_published(watch->manager, 0, &watch->failure);

    if (!rows) {
        g_main_loop_quit(watch->loop);
        return;
    }
    if (watch->shown && g_variant_equal(watch->shown, rows) && !watch->cli->colour)
        return;
    g_clear_pointer(&watch->shown, g_variant_unref);
    watch->shown = g_steal_pointer(&rows);
    if (watch->cli->colour)
        adit_cli_print(watch->cli, CLEAR);
    print_rows(watch->cli, watch->shown);
    fflush(watch->cli->out);
}

static gboolean
on_time(gpointer data)
{
    show(data);
    return G_SOURCE_CONTINUE;
}

static void
on_changed(AditSrvManager *manager, Watch *watch)
{
    show(watch);
}

/* Until interrupted, or the server has gone. */
static gboolean
watch_mappings(AditCli *cli, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Watch watch = { cli, manager, loop, NULL, NULL };
    guint timer;

    if (!manager)
        return FALSE;
    g_signal_connect(manager, "mappings-changed", G_CALLBACK(on_changed), &watch);
    timer = g_timeout_add(WATCH_MS, on_time, &watch);
    show(&watch);
    if (!watch.failure)
        g_main_loop_run(loop);
    g_source_remove(timer);
    g_signal_handlers_disconnect_by_data(manager, &watch);
    g_clear_pointer(&watch.shown, g_variant_unref);
    g_propagate_error(error, watch.failure);
    return FALSE;
}

const GOptionEntry adit_cli_mappings_options[] = {
    { "watch", 'w', 0, G_OPTION_ARG_NONE, &opt_watch, "Show them until interrupted", NULL },
    { 0 },
};

gboolean
adit_cli_mappings(AditCli *cli, char **args, GError **error)
{
    return opt_watch ? watch_mappings(cli, error) : adit_cli_list_mappings(cli, 0, error);
}
