/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/store-private.h"

#include <sys/socket.h>

/* Columns. What does not fit its column (a file changed by another hand) comes out unset. */

void
adit_store_bind_addr(sqlite3_stmt *stmt, int column, const AditAddr *addr)
{
    if (adit_addr_is_set(addr))
        sqlite3_bind_blob(stmt, column, addr->bytes, (int)adit_addr_size(addr),
                          SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(stmt, column);
}

void
adit_store_bind_text(sqlite3_stmt *stmt, int column, const char *text)
{
    sqlite3_bind_text(stmt, column, text, -1, SQLITE_TRANSIENT); /* NULL binds NULL */
}

void
adit_store_bind_prefixes(sqlite3_stmt *stmt, int column, const AditPrefix *nets, guint n)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        g_autofree char *text = adit_prefix_to_string(&nets[i]);

        g_string_append_printf(out, "%s%s", i ? " " : "", text);
    }
    adit_store_bind_text(stmt, column, out->str);
}

AditAddr
adit_store_get_addr(sqlite3_stmt *row, int column)
{
    const AditAddr none = { 0 };
    const void *bytes = sqlite3_column_blob(row, column);

    switch (sqlite3_column_bytes(row, column)) {
    case 4: return adit_addr_from_bytes(AF_INET, bytes);
    case 16: return adit_addr_from_bytes(AF_INET6, bytes);
    default: return none;
    }
}

char *
adit_store_get_text(sqlite3_stmt *row, int column)
{
    return g_strdup((const char *)sqlite3_column_text(row, column));
}

/* Lists are words with blanks between. */
AditPrefix *
adit_store_get_prefixes(sqlite3_stmt *row, int column, guint *ret_n)
{
    g_autofree char *text = adit_store_get_text(row, column);
    g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));
    AditPrefix net;

    for (guint i = 0; words[i]; i++)
        if (adit_prefix_parse(words[i], &net, NULL))
            g_array_append_val(list, net);
    *ret_n = list->len;
    return g_memdup2(list->data, list->len * sizeof(AditPrefix));
}
