/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Where two lists differ: of @had [first, end_had), of @want [first, end_want). What both begin
 * and end with alike is left out, which is nearly all of a large server at each change. */
typedef struct {
    guint first, end_had, end_want;
} AditSpan;

typedef gboolean (*AditSpanSame)(guint had, guint want, gconstpointer data);

AditSpan adit_span_find(guint n_had, guint n_want, AditSpanSame same, gconstpointer data);
