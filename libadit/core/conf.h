/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The [Section] / Key = Value files of wg-quick and of our own settings, as tokens with their
 * line numbers. Which keys exist is the business of the caller's grammar table. */

#define ADIT_CONF_LINE_MAX (1024 * 1024) /* bytes; 20,000 prefixes fit */
#define ADIT_CONF_NAME_MAX 32            /* of a section or key: letters, digits, - _ . */

typedef struct {
    guint line;
    const char *section; /* as written, without brackets */
    guint section_no;    /* counts [Section] headers from 1: two [Peer]s differ */
    const char *key;     /* NULL: the header line itself */
    const char *value;   /* trimmed, comment cut; "" is a value */
} AditConfToken;

typedef struct {
    AditConfToken *tokens;
    guint n_tokens;
    char *arena; /* wiped when freed: it held keys */
    gsize arena_len;
} AditConf;

/* @name is only for messages ("home.conf:7: ..."), which never quote a line: it may be a key.
 * NUL bytes, bad UTF-8, control characters but tab, a line over the limit, one that is neither
 * header nor pair, and a pair before any header are errors. BOM, CRLF and a missing last
 * newline are understood; '#' starts a comment anywhere, as in wg(8). */
AditConf *adit_conf_parse(const char *name, const char *bytes, gsize len, GError **error);
void adit_conf_free(AditConf *conf);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditConf, adit_conf_free)
