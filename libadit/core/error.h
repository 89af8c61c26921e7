/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* One domain; codes by what the caller can do about it. Message: "where: what: why". */
#define ADIT_ERROR (adit_error_quark())

typedef enum {
    ADIT_ERROR_CONFIG,    /* the input is wrong: mend it at the place named */
    ADIT_ERROR_NOT_FOUND, /* what was named does not exist */
    ADIT_ERROR_DENIED,    /* refused by the server, the operator or the kernel's permissions */
    ADIT_ERROR_BUSY,      /* somebody else holds it */
    ADIT_ERROR_TIMEOUT,   /* not reachable: retry may help */
    ADIT_ERROR_PROTOCOL,  /* the other side spoke nonsense */
    ADIT_ERROR_KERNEL,    /* the kernel refused; its own words are in the message */
} AditError;

GQuark adit_error_quark(void);

/* Exit code of a command that failed with @error (DESIGN.md section 7). */
int adit_error_exit_code(const GError *error);

/* Foreign text as a message may show it: valid UTF-8, what does not print escaped, cut when
 * long. Never for a secret. */
char *adit_error_quote(const char *text);
