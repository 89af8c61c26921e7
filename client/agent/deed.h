/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What a button of a notification does, as the text that travels with it: "unpublish 443/tcp".
 * It comes back from another program, so that it is parsed like anything foreign. */

typedef enum {
    ADIT_DEED_COPY,      /* TEXT: to the clipboard */
    ADIT_DEED_PUBLISH,   /* PORTS [PROGRAM] */
    ADIT_DEED_NEVER,     /* PORTS [PROGRAM], or offer:CONNECTION: do not ask for it again */
    ADIT_DEED_QUIET,     /* do not ask at all */
    ADIT_DEED_ASK,       /* ask again */
    ADIT_DEED_UNPUBLISH, /* PORTS */
    ADIT_DEED_OPEN,      /* the guard: nothing is sent through a gateway any more */
    ADIT_DEED_UP,        /* GATEWAY */
    ADIT_DEED_DOWN,      /* GATEWAY */
    ADIT_DEED_DEFAULT,   /* GATEWAY: everything goes through it */
    ADIT_DEED_DROP,      /* GATEWAY: whether it shall be removed */
    ADIT_DEED_REMOVE,    /* GATEWAY */
    ADIT_DEED_ADOPT,     /* CONNECTION: becomes a gateway */
    ADIT_DEED_PAGE,      /* NUMBER: of what there is */
    ADIT_DEED_IMPORT,    /* NUMBER: of a file that was opened */
    ADIT_DEED_CANCEL,    /* NUMBER: likewise */
} AditDeedKind;

#define ADIT_N_DEEDS (ADIT_DEED_CANCEL + 1)

/* @subject: NULL for those that take none. */
char *adit_deed_print(AditDeedKind kind, const char *subject);
/* *@ret_subject: borrowed from @text; NULL for those that take none. */
gboolean adit_deed_parse(const char *text, AditDeedKind *ret, const char **ret_subject);
