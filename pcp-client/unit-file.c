/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/unit-file.h"

#include <string.h>

#define KEY "X-Adit-Publish"

static void
add_word(GPtrArray *publications, const char *unit, const char *where, const char *word)
{
    g_autoptr(GError) error = NULL;
    AditPorts ports;

    if (!adit_ports_parse(word, &ports, &error)) {
        g_warning("%s: " KEY ": %s", where, error->message);
        return;
    }
    for (guint proto = ADIT_PROTO_TCP; proto <= ADIT_PROTO_UDP; proto <<= 1) {
        const AditPorts one = { ports.first, ports.last, (AditProto)proto };
        g_autoptr(AditPublication) p = NULL;

        if (!(ports.proto & proto))
            continue;
        p = adit_publication_new(&one);
        p->source = g_strdup(unit);
        if (adit_publication_settle(p, &error))
            g_ptr_array_add(publications, g_steal_pointer(&p));
        else
            g_warning("%s: " KEY ": %s", where, error->message);
        g_clear_error(&error);
    }
}

static void
add_value(GPtrArray *publications, const char *unit, const char *where, const char *value)
{
    g_auto(GStrv) words = g_strsplit_set(value, " \t", -1);

    if (*value == '\0')
        g_ptr_array_set_size(publications, 0);
    for (guint i = 0; words[i]; i++)
        if (*words[i])
            add_word(publications, unit, where, words[i]);
}

/* systemd joins lines that end with a backslash; our key has short values, so that a line of
 * its own is all that is understood. */
void
adit_unit_file_read(GPtrArray *publications, const char *unit, const char *name,
                    const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean in_unit = FALSE;

    for (guint i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        g_autofree char *where = NULL;
        char *equals;

        if (*line == '[') {
            in_unit = g_str_equal(line, "[Unit]");
            continue;
        }
        equals = in_unit ? strchr(line, '=') : NULL;
        if (!equals)
            continue;
        *equals = '\0';
        if (!g_str_equal(g_strchomp(line), KEY))
            continue;
        where = g_strdup_printf("%s:%u", name, i + 1);
        add_value(publications, unit, where, g_strchug(equals + 1));
    }
}
