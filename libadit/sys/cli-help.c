/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/cli-help.h"

#include <string.h>

#define WORD_MAX 32 /* longer words are no typing mistake */
#define LEFT_MAX 30 /* what is longer has its explanation on the next line */

static void
add_pair(AditTable *table, const char *left, const char *right)
{
    adit_table_add(table, ADIT_PAINT_BOLD, left);
    if (adit_text_width(left) > LEFT_MAX) {
        adit_table_add(table, ADIT_PAINT_PLAIN, NULL);
        adit_table_add(table, ADIT_PAINT_PLAIN, NULL);
    }
    adit_table_add(table, ADIT_PAINT_PLAIN, right);
}

static void
add_option(AditTable *table, const GOptionEntry *entry)
{
    const char *arg = entry->arg_description;
    const char letter[] = { '-', entry->short_name, ',', '\0' };
    g_autofree char *left = g_strdup_printf("%s --%s%s%s", entry->short_name ? letter : "   ",
                                            entry->long_name, arg ? "=" : "", arg ? arg : "");

    if (!(entry->flags & G_OPTION_FLAG_HIDDEN))
        add_pair(table, left, entry->description);
}

static void
add_options(AditTable *table, const GOptionEntry *entries)
{
    for (; entries && entries->long_name; entries++)
        add_option(table, entries);
}

static void
append_options(GString *out, const AditProgram *program, const AditCommand *command,
               gboolean colour)
{
    static const GOptionEntry common[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, NULL, "Print JSON" },
        { "help", 'h', 0, G_OPTION_ARG_NONE, NULL, "Show this help and exit" },
        { 0 },
    };
    static const GOptionEntry version[] = {
        { "version", 0, 0, G_OPTION_ARG_NONE, NULL, "Show the version and exit" },
        { 0 },
    };
    g_autoptr(AditTable) table = adit_table_new(NULL, 2);
    g_autofree char *lines = NULL;

    add_options(table, command ? command->options : NULL);
    add_options(table, program->options);
    add_options(table, common);
    if (!command)
        add_options(table, version);
    lines = adit_table_to_string(table, 2, colour);
    g_string_append_printf(out, "\nOptions:\n%s", lines);
}

static gboolean
has_args(const AditCommand *command)
{
    return command->args && command->args[0] != '\0';
}

static void
add_command(AditTable *table, const AditCommand *command)
{
    const char *rest = command->verbs ? "..." : has_args(command) ? command->args : "";
    g_autofree char *left =
        g_strdup_printf("%s%s%s", command->name, rest[0] != '\0' ? " " : "", rest);

    add_pair(table, left, command->summary);
}

char *
adit_cli_help_group(const AditProgram *program, const char *path, const char *summary,
                    const AditCommand *commands, gboolean colour)
{
    g_autoptr(AditTable) table = adit_table_new(NULL, 2);
    GString *out = g_string_new(NULL);
    g_autofree char *lines = NULL;

    for (const AditCommand *command = commands; command->name; command++)
        add_command(table, command);
    lines = adit_table_to_string(table, 2, colour);
    g_string_append_printf(out, "Usage: %s [OPTION...] COMMAND\n\n%s\n\nCommands:\n%s", path,
                           summary, lines);
    append_options(out, program, NULL, colour);
    g_string_append_printf(out, "\n'%s COMMAND --help' tells more of one.\n", path);
    return g_string_free(out, FALSE);
}

char *
adit_cli_help_command(const AditProgram *program, const char *path, const AditCommand *command,
                      gboolean colour)
{
    const char *args = has_args(command) ? command->args : "";
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "Usage: %s [OPTION...]%s%s\n\n%s\n", path,
                           args[0] != '\0' ? " " : "", args, command->summary);
    append_options(out, program, command, colour);
    return g_string_free(out, FALSE);
}

char *
adit_cli_arg_name(const AditCommand *command, guint i)
{
    g_auto(GStrv) words = g_strsplit(command->args, " ", -1);
    const char *word = words[MIN(i, g_strv_length(words) - 1)];
    gsize len = strlen(word);

    while (len > 0 && word[len - 1] == '.')
        len--;
    return g_strndup(word, len);
}

/* How many letters to insert, remove, replace or swap with a neighbour (Damerau, Levenshtein;
 * of optimal alignment). */
static guint
distance(const char *a, const char *b)
{
    guint d[WORD_MAX + 1][WORD_MAX + 1];
    guint n = strlen(a), m = strlen(b);

    for (guint i = 0; i <= n; i++)
        for (guint j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = MIN(d[i][j], MIN(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

const char *
adit_cli_suggest(const AditCommand *commands, const char *word)
{
    const char *best = NULL;
    guint least = MIN(2, strlen(word) / 2) + 1;

    if (word[0] == '\0' || strlen(word) > WORD_MAX)
        return NULL;

    for (; commands->name; commands++) {
        guint d;

        g_assert(strlen(commands->name) <= WORD_MAX);
        if (g_str_has_prefix(commands->name, word))
            return commands->name;
        d = distance(word, commands->name);
        if (d < least) {
            least = d;
            best = commands->name;
        }
    }
    return best;
}
