/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli-secret.h"

#include "libadit/core/error.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static gboolean
read_line(const char *what, char ret[ADIT_SECRET_ROOM], GError **error)
{
    if (!fgets(ret, ADIT_SECRET_ROOM, stdin)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: nothing was typed", what);
        return FALSE;
    }
    ret[strcspn(ret, "\r\n")] = '\0';
    return TRUE;
}

static gboolean
ask(const char *prompt, const char *what, char ret[ADIT_SECRET_ROOM], GError **error)
{
    struct termios before, silent;
    gboolean ok;

    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return read_line(what, ret, error);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    ok = read_line(what, ret, error);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return ok;
}

gboolean
adit_cli_ask_secret(const char *what, char ret[ADIT_SECRET_ROOM], GError **error)
{
    return ask(what, what, ret, error);
}

gboolean
adit_cli_ask_new_secret(const char *what, char ret[ADIT_SECRET_ROOM], GError **error)
{
    g_autofree char *prompt = g_strdup_printf("New %s", what);
    char again[ADIT_SECRET_ROOM] = "";
    gboolean ok = ask(prompt, what, ret, error) &&
                  (!isatty(STDIN_FILENO) || ask("Once more", what, again, error));

    if (ok && isatty(STDIN_FILENO) && strcmp(ret, again) != 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: typed differently the second time; nothing is changed", what);
        ok = FALSE;
    }
    sodium_memzero(again, sizeof(again));
    return ok;
}
