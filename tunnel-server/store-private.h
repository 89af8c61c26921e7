/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sqlite3.h>

#include "tunnel-server/store.h"

/* Between store.c (the file, its schema, its transactions), store-load.c, store-save.c and
 * lease-store.c. */

struct _AditServerStore {
    sqlite3 *db;
    char *path;
    gboolean read_only; /* the disk is, or became so: what it says can be read, and nothing
                         * written */
};

/* Step n brings user_version from n to n + 1. A released step never changes. */
typedef struct {
    const char *const *steps;
    guint n_steps;
} AditStoreSchema;

/* Makes it, empty, if it is not there; 0600 in any case. */
gboolean adit_store_make_private(const char *path, GError **error);
/* As adit_server_store_open(), for any schema. */
AditServerStore *adit_store_open_file(const char *path, const AditStoreSchema *schema,
                                      GError **error);
/* Always FALSE: what SQLite has to say, with the code that tells what to do about it. */
gboolean adit_store_fail(AditServerStore *store, const char *what, GError **error);
/* NULL on failure. Finalize it. */
sqlite3_stmt *adit_store_prepare(AditServerStore *store, const char *sql, GError **error);
/* Runs a statement that gives no rows and makes it ready for the next. */
gboolean adit_store_step(AditServerStore *store, sqlite3_stmt *stmt, GError **error);
gboolean adit_store_exec(AditServerStore *store, const char *sql, GError **error);

/* Columns (store-value.c): addresses are blobs in network order, lists of networks words with
 * blanks between, what is unset NULL. What does not fit its column comes out unset. */
void adit_store_bind_addr(sqlite3_stmt *stmt, int column, const AditAddr *addr);
void adit_store_bind_text(sqlite3_stmt *stmt, int column, const char *text);
void adit_store_bind_prefixes(sqlite3_stmt *stmt, int column, const AditPrefix *nets, guint n);
AditAddr adit_store_get_addr(sqlite3_stmt *row, int column);
char *adit_store_get_text(sqlite3_stmt *row, int column);
AditPrefix *adit_store_get_prefixes(sqlite3_stmt *row, int column, guint *ret_n);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)
