/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/table.h"

#define GAP 2

typedef struct {
    char *text;
    AditPaint paint;
} Cell;

struct _AditTable {
    GArray *cells;
    guint n_columns;
    gboolean has_header;
};

guint
adit_text_width(const char *text)
{
    guint width = 0;

    for (; *text != '\0'; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

char *
adit_text_printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);

    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        GUnicodeType type = g_unichar_type(c);
        /* FORMAT has the overrides of direction, which can make one name look like another. */
        gboolean hidden = type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
                          type == G_UNICODE_LINE_SEPARATOR ||
                          type == G_UNICODE_PARAGRAPH_SEPARATOR;

        g_string_append_unichar(out, hidden ? '?' : c);
    }
    return g_string_free(out, FALSE);
}

static const char *
paint_code(AditPaint paint)
{
    switch (paint) {
    case ADIT_PAINT_PLAIN: return NULL;
    case ADIT_PAINT_GOOD: return "32";
    case ADIT_PAINT_WARN: return "33";
    case ADIT_PAINT_BAD: return "31";
    case ADIT_PAINT_DIM: return "2";
    case ADIT_PAINT_BOLD: return "1";
    }
    g_assert_not_reached();
}

char *
adit_text_paint(const char *text, AditPaint paint, gboolean colour)
{
    const char *code = paint_code(paint);

    if (!colour || !code || text[0] == '\0')
        return g_strdup(text);
    return g_strdup_printf("\033[%sm%s\033[0m", code, text);
}

static void
clear_cell(gpointer data)
{
    g_free(((Cell *)data)->text);
}

AditTable *
adit_table_new(const char *const *headers, guint n_columns)
{
    AditTable *table = g_new0(AditTable, 1);

    table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
    g_array_set_clear_func(table->cells, clear_cell);
    table->has_header = headers != NULL;
    table->n_columns = headers ? g_strv_length((char **)headers) : n_columns;
    for (guint i = 0; headers && headers[i]; i++)
        adit_table_add(table, ADIT_PAINT_BOLD, headers[i]);
    return table;
}

void
adit_table_add(AditTable *table, AditPaint paint, const char *text)
{
    const Cell cell = { adit_text_printable(text ? text : ""), paint };

    g_array_append_val(table->cells, cell);
}

void
adit_table_addf(AditTable *table, AditPaint paint, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    adit_table_add(table, paint, text);
}

guint
adit_table_rows(const AditTable *table)
{
    return table->cells->len / table->n_columns - table->has_header;
}

static gboolean
ends_row(const AditTable *table, guint i)
{
    for (i++; i % table->n_columns != 0; i++)
        if (g_array_index(table->cells, Cell, i).text[0] != '\0')
            return FALSE;
    return TRUE;
}

/* A cell with nothing to its right pushes nothing away, so it widens no column. */
static guint *
measure(const AditTable *table)
{
    guint *widths = g_new0(guint, table->n_columns);

    for (guint i = 0; i < table->cells->len; i++) {
        guint width = adit_text_width(g_array_index(table->cells, Cell, i).text);
        guint *widest = &widths[i % table->n_columns];

        if (!ends_row(table, i))
            *widest = MAX(*widest, width);
    }
    return widths;
}

char *
adit_table_to_string(const AditTable *table, guint indent, gboolean colour)
{
    g_autofree guint *widths = measure(table);
    GString *out = g_string_new(NULL);
    guint blanks = 0;

    g_assert(table->cells->len % table->n_columns == 0);

    for (guint i = 0; i < table->cells->len; i++) {
        const Cell *cell = &g_array_index(table->cells, Cell, i);
        g_autofree char *painted = adit_text_paint(cell->text, cell->paint, colour);
        guint column = i % table->n_columns;

        blanks = column == 0 ? indent : blanks + GAP;
        if (cell->text[0] != '\0') { /* blanks are written once something follows them */
            g_string_append_printf(out, "%*s%s", (int)blanks, "", painted);
            blanks = 0;
        }
        if (!ends_row(table, i))
            blanks += widths[column] - adit_text_width(cell->text);
        if (column == table->n_columns - 1)
            g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

void
adit_table_free(AditTable *table)
{
    if (!table)
        return;

    g_array_unref(table->cells);
    g_free(table);
}
