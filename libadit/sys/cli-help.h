/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"

/* The help is the command table. @path: "adit-server device add". */
char *adit_cli_help_group(const AditProgram *program, const char *path, const char *summary,
                          const AditCommand *commands, gboolean colour);
char *adit_cli_help_command(const AditProgram *program, const char *path,
                            const AditCommand *command, gboolean colour);
/* The word @i of an .args, without its dots: what a message calls a missing argument. */
char *adit_cli_arg_name(const AditCommand *command, guint i);
/* The command a mistyped @word may have meant, or NULL. */
const char *adit_cli_suggest(const AditCommand *commands, const char *word);
