/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/suggestion.h"

#include "libadit/core/number.h"
#include "libadit/wire/diag.h"

#include <netinet/in.h>
#include <string.h>

#define PORT_RANDOM 32768 /* the kernel gives those above to who does not care */

/* "socket:[4711]" -> 4711; @target is cut on the way. */
static gboolean
inode_of(char *target, guint64 *ret)
{
    char *end = strchr(target, ']');

    if (!g_str_has_prefix(target, "socket:[") || !end)
        return FALSE;
    *end = '\0';
    return adit_number_parse(target + strlen("socket:["), 10, 1, G_MAXUINT32, ret);
}

/* Its files that are "socket:[4711]". */
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
        guint64 inode;

        if (target && inode_of(target, &inode))
            g_hash_table_insert(names, GUINT_TO_POINTER((guint)inode), g_strdup(comm));
    }
}

GHashTable *
adit_socket_owners(void)
{
    GHashTable *names = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *pid;

    while (proc && (pid = g_dir_read_name(proc)))
        if (g_ascii_isdigit(*pid))
            add_sockets(names, pid);
    return names;
}

const char *
adit_suggestion_note(const AditSuggestion *s)
{
    const guint port = s->ports.first;

    if (s->where == ADIT_LISTENER_LOOPBACK)
        return "listens on the loopback address only: not reachable";
    if (port == 22)
        return "administers this machine: publish it only with keys instead of passwords";
    if (port == 53 || port == 111 || port == 445 || port == 139)
        return "meant for the LAN: abused by strangers when published";
    return "";
}

static gboolean
is_interesting(const AditListening *l)
{
    return l->protocol == IPPROTO_TCP || l->port < PORT_RANDOM;
}

/* At every address, that of a tunnel too. */
static gboolean
is_wildcard(const GArray *listening, const AditListening *like)
{
    for (guint i = 0; i < listening->len; i++) {
        const AditListening *l = &g_array_index(listening, AditListening, i);

        if (l->port == like->port && l->protocol == like->protocol && l->ifindex == 0 &&
            adit_addr_is_unspecified(&l->addr))
            return TRUE;
    }
    return FALSE;
}

static gint
by_port(gconstpointer a, gconstpointer b)
{
    const AditSuggestion *x = a, *y = b;

    return x->ports.first != y->ports.first ? x->ports.first - y->ports.first
                                            : (int)x->ports.proto - (int)y->ports.proto;
}

GArray *
adit_suggestions(const GArray *listening, GHashTable *owners)
{
    GArray *all = g_array_new(FALSE, TRUE, sizeof(AditSuggestion));
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < listening->len; i++) {
        const AditListening *l = &g_array_index(listening, AditListening, i);
        const AditProto proto = l->protocol == IPPROTO_UDP ? ADIT_PROTO_UDP : ADIT_PROTO_TCP;
        AditSuggestion s = { .ports = { l->port, l->port, proto } };

        if (!is_interesting(l) ||
            !g_hash_table_add(seen, GUINT_TO_POINTER((guint)l->port << 2 | proto)))
            continue;
        s.program = g_hash_table_lookup(owners, GUINT_TO_POINTER(l->inode));
        s.where = adit_listener_anywhere(listening, &s.ports);
        s.wildcard = is_wildcard(listening, l);
        g_array_append_val(all, s);
    }
    g_array_sort(all, by_port);
    return all;
}

gboolean
adit_suggestion_is_service(const AditSuggestion *s)
{
    /* printing, phones, remote desktops, name lookup, file synchronisation */
    static const guint16 lan[] = { 631, 1716, 3389, 5355, 5900, 8384 };

    if (s->ports.proto != ADIT_PROTO_TCP || !s->wildcard || s->ports.first >= PORT_RANDOM ||
        *adit_suggestion_note(s))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(lan); i++)
        if (s->ports.first == lan[i])
            return FALSE;
    return TRUE;
}
