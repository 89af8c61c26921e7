/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli-suggest.h"

#include "libadit/core/json.h"
#include "libadit/sys/listening.h"
#include "pcp-client/listener.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PORT_RANDOM 32768 /* UDP sockets above are questions of programs, not services */

/* "socket:[4711]" -> the name of the process that has it, for those whose processes we may see.
 */
static void
add_sockets(GHashTable *names, const char *pid)
{
    g_autofree char *folder = g_build_filename("/proc", pid, "fd", NULL);
    g_autofree char *comm_path = g_build_filename("/proc", pid, "comm", NULL);
    g_autofree char *comm = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *fd;

    if (!dir || !g_file_get_contents(comm_path, &comm, NULL, NULL))
        return;
    g_strchomp(comm);
    while ((fd = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, fd, NULL);
        g_autofree char *target = g_file_read_link(path, NULL);
        guint inode;

        if (target && sscanf(target, "socket:[%u]", &inode) == 1)
            g_hash_table_insert(names, GUINT_TO_POINTER(inode), g_strdup(comm));
    }
}

static GHashTable *
socket_owners(void)
{
    GHashTable *names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *pid;

    while (proc && (pid = g_dir_read_name(proc)))
        if (g_ascii_isdigit(*pid))
            add_sockets(names, pid);
    return names;
}

static const char *
note_of(const AditPorts *ports, AditListener where)
{
    if (where == ADIT_LISTENER_LOOPBACK)
        return "listens on the loopback address only: not reachable";
    if (ports->first == 22)
        return "administers this machine: publish it only with keys instead of passwords";
    if (ports->first == 53 || ports->first == 111 || ports->first == 445 || ports->first == 139)
        return "meant for the LAN: abused by strangers when published";
    return "";
}

static gboolean
is_interesting(const AditListening *l)
{
    return l->protocol == IPPROTO_TCP || l->port < PORT_RANDOM;
}

typedef struct {
    AditPorts ports;
    const char *program;
    AditListener where;
} Suggestion;

static gint
by_port(gconstpointer a, gconstpointer b)
{
    const Suggestion *x = a, *y = b;

    return x->ports.first != y->ports.first ? x->ports.first - y->ports.first
                                            : (int)x->ports.proto - (int)y->ports.proto;
}

static GArray *
suggestions(const GArray *listening, GHashTable *owners)
{
    GArray *all = g_array_new(FALSE, TRUE, sizeof(Suggestion));
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < listening->len; i++) {
        const AditListening *l = &g_array_index(listening, AditListening, i);
        const AditProto proto = l->protocol == IPPROTO_UDP ? ADIT_PROTO_UDP : ADIT_PROTO_TCP;
        Suggestion s = { .ports = { l->port, l->port, proto } };

        if (!is_interesting(l) ||
            !g_hash_table_add(seen, GUINT_TO_POINTER((guint)l->port << 2 | proto)))
            continue;
        s.program = g_hash_table_lookup(owners, GUINT_TO_POINTER(l->inode));
        s.where = adit_listener_anywhere(listening, &s.ports);
        g_array_append_val(all, s);
    }
    g_array_sort(all, by_port);
    return all;
}

static void
print_one(AditTable *table, JsonBuilder *json, const Suggestion *s)
{
    g_autofree char *ports = adit_ports_to_string(&s->ports);
    g_autofree char *command = s->where == ADIT_LISTENER_LOOPBACK
                                   ? g_strdup("")
                                   : g_strdup_printf("adit publish %s", ports);
    const char *note = note_of(&s->ports, s->where);

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
    owners = socket_owners();
    all = suggestions(listening, owners);
    json_builder_begin_array(json);
    for (guint i = 0; i < all->len; i++)
        print_one(table, json, &g_array_index(all, Suggestion, i));
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
