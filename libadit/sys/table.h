/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Rows in aligned columns. Cells come from files and from the network: what does not print is
 * shown as "?", so that no name moves the cursor. */

typedef enum {
    ADIT_PAINT_PLAIN,
    ADIT_PAINT_GOOD, /* green */
    ADIT_PAINT_WARN, /* yellow */
    ADIT_PAINT_BAD,  /* red */
    ADIT_PAINT_DIM,
    ADIT_PAINT_BOLD,
} AditPaint;

typedef struct _AditTable AditTable;

/* @headers ends with NULL; none: no header line and @n_columns counts. */
AditTable *adit_table_new(const char *const *headers, guint n_columns);
/* Cells fill a row after the other. NULL is an empty cell. */
void adit_table_add(AditTable *table, AditPaint paint, const char *text);
void adit_table_addf(AditTable *table, AditPaint paint, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
guint adit_table_rows(const AditTable *table);
/* Each line begins with @indent blanks; no line ends with one. */
char *adit_table_to_string(const AditTable *table, guint indent, gboolean colour);
void adit_table_free(AditTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditTable, adit_table_free)

/* Columns of a terminal that @text takes. */
guint adit_text_width(const char *text);
char *adit_text_printable(const char *text);
/* @text in the colour of @paint, or a copy. */
char *adit_text_paint(const char *text, AditPaint paint, gboolean colour);
