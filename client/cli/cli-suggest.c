/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli/cli-suggest.h"

#include "client/suggestion.h"
#include "libadit/core/json.h"
#include "libadit/sys/listening.h"

static void
print_one(AditTable *table, JsonBuilder *json, const AditSuggestion *s)
{
    g_autofree char *ports = adit_ports_to_string(&s->ports);
    g_autofree char *command = s->where == ADIT_LISTENER_LOOPBACK
                                   ? g_strdup("")
                                   : g_strdup_printf("adit publish %s", ports);
    const char *note = adit_suggestion_note(s);

    adit_table_add(table, ADIT_PAINT_BOLD, ports);
    adit_table_add(table, ADIT_PAINT_PLAIN, s->program ? s->program : "");
    adit_table_add(table, ADIT_PAINT_PLAIN, command);
    adit_table_add(table, ADIT_PAINT_WARN, note);
    json_builder_begin_object(json);
    adit_json_string(json, "ports", ports);
    adit_json_string(json, "program", s->program);
    adit_json_bool(json, "reachable", s->where == ADIT_LISTENER_HERE);
    adit_json_string(json, "note", note);
    json_builder_end_object(json);
}

gboolean
adit_suggest(AditCli *cli, GError **error)
{
    static const char *const headers[] = { "PORT", "PROGRAM", "COMMAND", "NOTE", NULL };
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(GArray) listening = adit_listening_dump(error);
    g_autoptr(GHashTable) owners = NULL;
    g_autoptr(GArray) all = NULL;

    if (!listening)
        return FALSE;
    owners = adit_socket_owners();
    all = adit_suggestions(listening, owners);
    json_builder_begin_array(json);
    for (guint i = 0; i < all->len; i++)
        print_one(table, json, &g_array_index(all, AditSuggestion, i));
    json_builder_end_array(json);
    if (cli->json)
        adit_cli_print_json(cli, json);
    else if (all->len == 0)
        adit_cli_print(cli, "nothing listens on this machine\n");
    else
        adit_cli_print_table(cli, table);
    cli->status = 0;
    return TRUE;
}
