/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/diff.h"
#include "libadit/core/profile.h"

#include <json-glib/json-glib.h>

/* The model as JSON, for --json and D-Bus alike. Field names are an interface: they stay. A
 * private or preshared key reads "(hidden)", and null where there is none; a value that is
 * unset is null. Every _add function adds one value to @builder. */

void adit_json_add_state(JsonBuilder *builder, const AditState *state);
void adit_json_add_ops(JsonBuilder *builder, const AditOps *ops);
void adit_json_add_profile(JsonBuilder *builder, const AditProfile *profile);
/* Members of the object that is open. */
void adit_json_string(JsonBuilder *builder, const char *name, const char *value); /* or NULL */
void adit_json_int(JsonBuilder *builder, const char *name, gint64 value);
void adit_json_bool(JsonBuilder *builder, const char *name, gboolean value);
void adit_json_addr(JsonBuilder *builder, const char *name, const AditAddr *addr);
void adit_json_prefix(JsonBuilder *builder, const char *name, const AditPrefix *prefix);
void adit_json_prefixes(JsonBuilder *builder, const char *name, const AditPrefix *prefixes,
                        guint n);
void adit_json_public_key(JsonBuilder *builder, const char *name, const AditKey *key);
void adit_json_secret(JsonBuilder *builder, const char *name, const AditKey *key);
/* "public-key" of @private_key, and "private-key" hidden. */
void adit_json_own_key(JsonBuilder *builder, const AditKey *private_key);
/* What was built, indented, with a newline at the end. */
char *adit_json_to_text(JsonBuilder *builder);

/* The whole document at once. */
char *adit_json_state(const AditState *state);
char *adit_json_ops(const AditOps *ops);
char *adit_json_profile(const AditProfile *profile);
