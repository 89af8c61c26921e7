/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/cli.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/core/json.h"
#include "libadit/sys/cli-help.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define CLEAR_LINE "\r\033[K"

/* One invocation on its way down the table. */
typedef struct {
    AditCli cli;
    GString *path; /* "adit-server device add" */
    char **argv;   /* the program's name, then what is not consumed yet */
    gboolean help, version;
} Walk;

void
adit_cli_progress(AditCli *cli, const char *text)
{
    g_autofree char *line = text ? adit_text_printable(text) : NULL;

    if (!cli->progress || (!text && !cli->is_progress_shown))
        return;
    fprintf(cli->err, CLEAR_LINE "%s", line ? line : "");
    fflush(cli->err);
    cli->is_progress_shown = text != NULL;
}

void
adit_cli_print(AditCli *cli, const char *format, ...)
{
    va_list args;

    adit_cli_progress(cli, NULL);
    va_start(args, format);
    vfprintf(cli->out, format, args);
    va_end(args);
}

void
adit_cli_print_table(AditCli *cli, const AditTable *table)
{
    g_autofree char *text = adit_table_to_string(table, 0, cli->colour);

    adit_cli_print(cli, "%s", text);
}

void
adit_cli_print_json(AditCli *cli, JsonBuilder *builder)
{
    g_autofree char *text = adit_json_to_text(builder);

    adit_cli_print(cli, "%s", text);
}

void
adit_cli_warn(AditCli *cli, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    adit_cli_progress(cli, NULL);
    fprintf(cli->err, "%s: %s\n", cli->program->name, text);
}

gboolean
adit_cli_usage(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, args);
    va_end(args);
    return FALSE;
}

gboolean
adit_cli_parse_switch(const char *text, gboolean *ret, GError **error)
{
    g_autofree char *quoted = NULL;

    if (g_str_equal(text, "on") || g_str_equal(text, "off")) {
        *ret = g_str_equal(text, "on");
        return TRUE;
    }
    quoted = adit_error_quote(text);
    return adit_cli_usage(error, "%s: neither on nor off", quoted);
}

/* Takes the options off walk->argv: all of them, or with @strict those before the first word.
 */
static gboolean
parse_options(Walk *walk, const GOptionEntry *options, gboolean strict, GError **error)
{
    const GOptionEntry common[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &walk->cli.json, "" },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &walk->help, "" },
        { strict ? "version" : NULL, 0, 0, G_OPTION_ARG_NONE, &walk->version, "" },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_strict_posix(context, strict);
    g_option_context_add_main_entries(context, common, NULL);
    if (walk->cli.program->options)
        g_option_context_add_main_entries(context, walk->cli.program->options, NULL);
    if (options)
        g_option_context_add_main_entries(context, options, NULL);
    return g_option_context_parse_strv(context, &walk->argv, error);
}

static void
drop_word(Walk *walk)
{
    char **words = walk->argv + 1;

    g_free(words[0]);
    memmove(words, words + 1, (g_strv_length(words + 1) + 1) * sizeof(char *));
}

static void
print_help(Walk *walk, const AditCommand *command, const AditCommand *verbs, FILE *to)
{
    const AditProgram *program = walk->cli.program;
    const char *summary = command ? command->summary : program->summary;
    gboolean colour = walk->cli.colour && to == walk->cli.out;
    g_autofree char *text =
        verbs ? adit_cli_help_group(program, walk->path->str, summary, verbs, colour)
              : adit_cli_help_command(program, walk->path->str, command, colour);

    fputs(text, to);
}

static gboolean
check_count(Walk *walk, const AditCommand *command, GError **error)
{
    guint n;

    if (g_strcmp0(walk->argv[1], "--") == 0)
        drop_word(walk); /* GLib leaves it where a dash follows */
    n = walk->cli.n_args = g_strv_length(walk->argv + 1);
    if (n < command->min) {
        g_autofree char *name = adit_cli_arg_name(command, n);

        return adit_cli_usage(error, "%s is missing", name);
    }
    if (n > command->max) {
        g_autofree char *quoted = adit_error_quote(walk->argv[1 + command->max]);

        return adit_cli_usage(error, "%s: unexpected", quoted);
    }
    return TRUE;
}

static gboolean
run_command(Walk *walk, const AditCommand *command, GError **error)
{
    if (!parse_options(walk, command->options, FALSE, error))
        return FALSE;
    if (walk->help) {
        print_help(walk, command, NULL, walk->cli.out);
        walk->cli.status = 0;
        return FALSE;
    }
    return check_count(walk, command, error) && command->run(&walk->cli, walk->argv + 1, error);
}

static const AditCommand *
find_command(const AditCommand *commands, const char *word, GError **error)
{
    g_autofree char *quoted = adit_error_quote(word);
    const char *suggestion;

    for (const AditCommand *command = commands; command->name; command++)
        if (g_str_equal(command->name, word))
            return command;

    suggestion = adit_cli_suggest(commands, word);
    if (suggestion)
        adit_cli_usage(error, "%s: no such command; did you mean '%s'?", quoted, suggestion);
    else
        adit_cli_usage(error, "%s: no such command", quoted);
    return NULL;
}

/* What a level of the table does when no word is left: help if it was asked for, else the same
 * text as a reproach. */
static gboolean
end_in_group(Walk *walk, const AditCommand *group, const AditCommand *verbs)
{
    gboolean asked = walk->help;

    if (walk->version)
        adit_cli_print(&walk->cli, "%s %s\n", walk->cli.program->name, ADIT_VERSION);
    else
        print_help(walk, group, verbs, asked ? walk->cli.out : walk->cli.err);
    walk->cli.status = asked || walk->version ? 0 : STATUS_USAGE;
    return FALSE;
}

static gboolean
walk_table(Walk *walk, GError **error)
{
    const AditCommand *verbs = walk->cli.program->commands, *command = NULL;

    while (verbs) {
        if (!parse_options(walk, NULL, TRUE, error))
            return FALSE;
        if (g_strcmp0(walk->argv[1], "help") == 0) {
            walk->help = TRUE;
            drop_word(walk);
        }
        if (!walk->argv[1] || walk->version)
            return end_in_group(walk, command, verbs);

        command = find_command(verbs, walk->argv[1], error);
        if (!command)
            return FALSE;
        drop_word(walk);
        g_string_append_printf(walk->path, " %s", command->name);
        verbs = command->verbs;
    }
    g_assert(command); /* a program has commands */
    return run_command(walk, command, error);
}

static int
report(Walk *walk, const GError *error)
{
    g_autofree char *message = adit_text_printable(error->message);

    adit_cli_progress(&walk->cli, NULL);
    if (error->domain != G_OPTION_ERROR) {
        adit_cli_warn(&walk->cli, "%s", message);
        return adit_error_exit_code(error);
    }
    fprintf(walk->cli.err, "%s: %s\n", walk->path->str, message);
    fprintf(walk->cli.err, "Try '%s --help'.\n", walk->path->str);
    return STATUS_USAGE;
}

static gboolean
wants_colour(FILE *stream)
{
    const char *term = g_getenv("TERM"), *no_colour = g_getenv("NO_COLOR");

    return isatty(fileno(stream)) && term && !g_str_equal(term, "dumb") &&
           (!no_colour || no_colour[0] == '\0');
}

static gboolean
can_progress(FILE *stream)
{
    return isatty(fileno(stream)) && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

int
adit_cli_run(const AditProgram *program, char **argv, FILE *out, FILE *err)
{
    Walk walk = {
        .cli = { .program = program, .out = out, .err = err, .status = STATUS_FAILED },
        .path = g_string_new(program->name),
        .argv = g_strdupv(argv),
    };
    g_autoptr(GError) error = NULL;
    int status;

    walk.cli.colour = wants_colour(out);
    walk.cli.progress = can_progress(err);
    if (walk_table(&walk, &error))
        status = 0;
    else
        status = error ? report(&walk, error) : walk.cli.status;
    adit_cli_progress(&walk.cli, NULL);

    /* A list cut short by a full disk must not look whole. */
    if ((fflush(out) != 0 || ferror(out)) && status == 0) {
        adit_cli_warn(&walk.cli, "standard output: %s", g_strerror(errno));
        status = STATUS_FAILED;
    }
    g_string_free(walk.path, TRUE);
    g_strfreev(walk.argv);
    return status;
}

int
adit_cli_main(const AditProgram *program, int argc, char **argv)
{
    g_assert(argc > 0);

    /* Names and labels are UTF-8 whatever the locale of an ssh session; messages are English.
     */
    setlocale(LC_CTYPE, "C.UTF-8");
    return adit_cli_run(program, argv, stdout, stderr);
}
