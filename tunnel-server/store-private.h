/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sqlite3.h>

#include "tunnel-server/store.h"

/* Between store.c (the file, its schema, its transactions), store-load.c and store-save.c. */

struct _AditServerStore {
    sqlite3 *db;
    char *path;
};

/* Always FALSE: what SQLite has to say, with the code that tells what to do about it. */
gboolean adit_store_fail(AditServerStore *store, const char *what, GError **error);
/* NULL on failure. Finalize it. */
sqlite3_stmt *adit_store_prepare(AditServerStore *store, const char *sql, GError **error);
/* Runs a statement that gives no rows and makes it ready for the next. */
gboolean adit_store_step(AditServerStore *store, sqlite3_stmt *stmt, GError **error);
gboolean adit_store_exec(AditServerStore *store, const char *sql, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)
