/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <stdio.h>

#include "libadit/sys/table.h"

/* A program of verbs, described by one table that is its help, too. Exit codes (DESIGN.md
 * section 7): 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 not reachable. */

#define ADIT_CLI_ANY G_MAXUINT /* for .max */

typedef struct _AditCli AditCli;
typedef struct _AditCommand AditCommand;

/* @args: what is left after the options, NULL-terminated, as many as the table allows. FALSE
 * without an error: what was to be said is printed; the exit code is .status. */
typedef gboolean (*AditCommandFunc)(AditCli *cli, char **args, GError **error);

struct _AditCommand {
    const char *name;
    const char *args; /* "NAME [FILE]"; a word for each of .min is needed */
    guint min, max;
    AditCommandFunc run; /* NULL: .verbs are the commands */
    const char *summary;
    const GOptionEntry *options; /* may be NULL */
    const AditCommand *verbs;    /* a group; its .args and .options are unused */
};

typedef struct {
    const char *name;
    const char *summary;
    const AditCommand *commands; /* ends with { 0 } */
    const GOptionEntry *options; /* of every command; may be NULL */
    gpointer data;
} AditProgram;

struct _AditCli {
    const AditProgram *program;
    FILE *out, *err;
    gboolean json;     /* --json was given */
    gboolean colour;   /* @out is a terminal that wants it */
    gboolean progress; /* @err is a terminal */
    guint n_args;
    int status; /* 1 until a command says otherwise */
    gboolean is_progress_shown;
};

/* Runs what @argv names and returns the exit code. */
int adit_cli_main(const AditProgram *program, int argc, char **argv);
/* The same between other streams. */
int adit_cli_run(const AditProgram *program, char **argv, FILE *out, FILE *err);

void adit_cli_print(AditCli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
void adit_cli_print_table(AditCli *cli, const AditTable *table);
void adit_cli_print_json(AditCli *cli, JsonBuilder *builder);
/* A word to the user that is no result: to stderr, after the program's name. */
void adit_cli_warn(AditCli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* One line on a terminal, in place of the last one; nothing elsewhere. NULL takes it away. */
void adit_cli_progress(AditCli *cli, const char *text);
/* Wrong use: exit code 2 and the way to the help. Always FALSE. */
gboolean adit_cli_usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "on" and "off". */
gboolean adit_cli_parse_switch(const char *text, gboolean *ret, GError **error);
