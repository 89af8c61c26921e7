/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* What the bus says as JSON: the same names as `adit-server --json`. A text that is empty is
 * null. */

void adit_web_row_value(JsonBuilder *json, GVariant *value);
/* One tuple as an object; what a later server appends and @names does not know is left out. */
void adit_web_row_add(JsonBuilder *json, GVariant *tuple, const char *const *names);
/* An array of tuples. */
void adit_web_rows_add(JsonBuilder *json, GVariant *rows, const char *const *names);

extern const char *const adit_web_subnet_names[];
extern const char *const adit_web_device_names[];
extern const char *const adit_web_mapping_names[];
/* Where in a tuple @name stands. */
gsize adit_web_row_index(const char *const *names, const char *name);
