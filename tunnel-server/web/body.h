/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* The JSON object that a request carries, against a table of its members. */

#define ADIT_WEB_BODY_MAX (64 * 1024)

typedef enum {
    ADIT_WEB_STRING,
    ADIT_WEB_BOOL,
    ADIT_WEB_INT, /* 0 .. 65535: a port or a family */
    ADIT_WEB_STRINGS,
} AditWebMemberType;

typedef struct {
    const char *name; /* NULL: the end */
    AditWebMemberType type;
    gboolean is_needed;
} AditWebMember;

/* An unknown, missing or wrongly typed member, nesting or anything behind the object is an
 * error. */
JsonObject *adit_web_body_parse(const char *bytes, gsize len, const AditWebMember *members,
                                GError **error);
/* "" , FALSE, 0 and an empty list for what is not there. */
const char *adit_web_body_string(JsonObject *body, const char *name);
gboolean adit_web_body_bool(JsonObject *body, const char *name);
guint16 adit_web_body_int(JsonObject *body, const char *name);
GVariant *adit_web_body_strings(JsonObject *body, const char *name); /* "as", floating */
/* Which member the sentence "where: what: why" is about: the last that it names, or whose value
 * it says. @body may be NULL: by name alone. NULL: none. */
const char *adit_web_body_blame(JsonObject *body, const AditWebMember *members,
                                const char *sentence);
