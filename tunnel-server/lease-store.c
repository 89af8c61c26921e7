/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-store.h"

#include "libadit/core/error.h"
#include "tunnel-server/store-private.h"

#include <glib/gstdio.h>
#include <string.h>

static const char *const steps[] = {
    "CREATE TABLE lease (external BLOB NOT NULL, external_port INTEGER NOT NULL,"
    "   proto INTEGER NOT NULL, internal BLOB NOT NULL, internal_port INTEGER NOT NULL,"
    "   flags INTEGER NOT NULL, device INTEGER NOT NULL, nonce BLOB NOT NULL,"
    "   since INTEGER NOT NULL, expires INTEGER NOT NULL, redirect_mode INTEGER NOT NULL,"
    "   redirect_status INTEGER NOT NULL, redirect_port INTEGER NOT NULL, filters TEXT,"
    "   description TEXT, PRIMARY KEY (external, external_port, proto)) WITHOUT ROWID;"
    "CREATE TABLE epoch (id INTEGER PRIMARY KEY CHECK (id = 1), clean INTEGER NOT NULL,"
    "   boot_id TEXT NOT NULL, zero_boot INTEGER NOT NULL, zero_wall INTEGER NOT NULL);",
};

struct _AditLeaseStore {
    AditServerStore *file;
    sqlite3_stmt *put, *delete;
    gboolean open; /* a transaction */
};

static AditServerStore *
open_file(const char *path, GError **error)
{
    static const AditStoreSchema schema = { steps, G_N_ELEMENTS(steps) };
    static const char *const parts[] = { "", "-wal", "-shm" };
    g_autoptr(GError) local = NULL;
    AditServerStore *file = adit_store_open_file(path, &schema, &local);

    if (file || !g_error_matches(local, ADIT_ERROR, ADIT_ERROR_CONFIG)) {
        if (!file)
            g_propagate_error(error, g_steal_pointer(&local));
        return file;
    }
    g_warning("%s: begun anew: devices will ask again", local->message);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *part = g_strconcat(path, parts[i], NULL);

        g_unlink(part);
    }
    return adit_store_open_file(path, &schema, error);
}

AditLeaseStore *
adit_lease_store_open(const char *path, GError **error)
{
    g_autoptr(AditLeaseStore) store = g_new0(AditLeaseStore, 1);

    store->file = open_file(path, error);
    if (!store->file)
        return NULL;
    store->put = adit_store_prepare(
        store->file,
        "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        error);
    if (!store->put)
        return NULL;
    store->delete = adit_store_prepare(
        store->file, "DELETE FROM lease WHERE external = ? AND external_port = ? AND proto = ?",
        error);
    return store->delete ? g_steal_pointer(&store) : NULL;
}

/* -- reading -- */

static AditLease
read_lease(sqlite3_stmt *row, gint64 wall_to_boot)
{
    AditLease lease = { 0 };
    guint n;

    lease.ends.external = adit_store_get_addr(row, 0);
    lease.ends.external_port = (guint16)sqlite3_column_int(row, 1);
    lease.ends.proto = (guint8)sqlite3_column_int(row, 2);
    lease.ends.internal = adit_store_get_addr(row, 3);
    lease.ends.internal_port = (guint16)sqlite3_column_int(row, 4);
    lease.ends.flags = (guint8)sqlite3_column_int(row, 5);
    lease.device = sqlite3_column_int64(row, 6);
    if (sqlite3_column_bytes(row, 7) == ADIT_PCP_NONCE)
        memcpy(lease.nonce, sqlite3_column_blob(row, 7), ADIT_PCP_NONCE);
    lease.since_ms = sqlite3_column_int64(row, 8) + wall_to_boot;
    lease.expires_ms = sqlite3_column_int64(row, 9) + wall_to_boot;
    lease.redirect.mode = (guint8)sqlite3_column_int(row, 10);
    lease.redirect.status = (guint8)sqlite3_column_int(row, 11);
    lease.redirect.external_port = (guint16)sqlite3_column_int(row, 12);
    lease.filters = adit_store_get_prefixes(row, 13, &n);
    lease.n_filters = (guint8)n;
    lease.description = adit_store_get_text(row, 14);
    return lease;
}

static void
clear_lease(gpointer data)
{
    AditLease *lease = data;

    g_free(lease->filters);
    g_free(lease->description);
}

static gboolean
load_epoch(AditLeaseStore *store, AditLeaseEpoch *ret, GError **error)
{
    g_autoptr(sqlite3_stmt) row = adit_store_prepare(
        store->file, "SELECT clean, boot_id, zero_boot, zero_wall FROM epoch", error);

    if (!row)
        return FALSE;
    memset(ret, 0, sizeof(*ret));
    if (sqlite3_step(row) != SQLITE_ROW)
        return TRUE;
    ret->known = TRUE;
    ret->clean = sqlite3_column_int(row, 0);
    g_strlcpy(ret->boot_id, (const char *)sqlite3_column_text(row, 1), sizeof(ret->boot_id));
    ret->zero_boot_ms = sqlite3_column_int64(row, 2);
    ret->zero_wall_ms = sqlite3_column_int64(row, 3);
    return TRUE;
}

GArray *
adit_lease_store_load(AditLeaseStore *store, const AditLeaseNow *now, AditLeaseEpoch *ret_epoch,
                      GError **error)
{
    g_autoptr(GArray) leases = g_array_new(FALSE, TRUE, sizeof(AditLease));
    g_autoptr(sqlite3_stmt) row = adit_store_prepare(store->file, "SELECT * FROM lease", error);
    int result;

    g_array_set_clear_func(leases, clear_lease);
    if (!row || !load_epoch(store, ret_epoch, error))
        return NULL;
    while ((result = sqlite3_step(row)) == SQLITE_ROW) {
        const AditLease lease = read_lease(row, now->boot_ms - now->wall_ms);

        g_array_append_val(leases, lease);
    }
    if (result != SQLITE_DONE) {
        adit_store_fail(store->file, "read", error);
        return NULL;
    }
    return g_steal_pointer(&leases);
}

/* -- writing -- */

static gboolean
put(AditLeaseStore *store, const AditLease *lease, gint64 boot_to_wall, GError **error)
{
    const AditLeaseEnds *ends = &lease->ends;
    sqlite3_stmt *row = store->put;

    adit_store_bind_addr(row, 1, &ends->external);
    sqlite3_bind_int(row, 2, ends->external_port);
    sqlite3_bind_int(row, 3, ends->proto);
    adit_store_bind_addr(row, 4, &ends->internal);
    sqlite3_bind_int(row, 5, ends->internal_port);
    sqlite3_bind_int(row, 6, ends->flags);
    sqlite3_bind_int64(row, 7, lease->device);
    sqlite3_bind_blob(row, 8, lease->nonce, ADIT_PCP_NONCE, SQLITE_TRANSIENT);
    sqlite3_bind_int64(row, 9, lease->since_ms + boot_to_wall);
    sqlite3_bind_int64(row, 10, lease->expires_ms + boot_to_wall);
    sqlite3_bind_int(row, 11, lease->redirect.mode);
    sqlite3_bind_int(row, 12, lease->redirect.status);
    sqlite3_bind_int(row, 13, lease->redirect.external_port);
    sqlite3_bind_null(row, 14);
    if (lease->n_filters > 0)
        adit_store_bind_prefixes(row, 14, lease->filters, lease->n_filters);
    adit_store_bind_text(row, 15, lease->description);
    return adit_store_step(store->file, row, error);
}

static gboolean delete (AditLeaseStore *store, const AditLeaseEnds *ends, GError **error)
{
    adit_store_bind_addr(store->delete, 1, &ends->external);
    sqlite3_bind_int(store->delete, 2, ends->external_port);
    sqlite3_bind_int(store->delete, 3, ends->proto);
    return adit_store_step(store->file, store->delete, error);
}

static gboolean
begin(AditLeaseStore *store, GError **error)
{
    if (!store->open && !adit_store_exec(store->file, "BEGIN IMMEDIATE", error))
        return FALSE;
    store->open = TRUE;
    return TRUE;
}

static gboolean
forget(AditLeaseStore *store)
{
    adit_server_store_rollback(store->file);
    store->open = FALSE;
    return FALSE;
}

gboolean
adit_lease_store_write(AditLeaseStore *store, const AditLeaseTable *table,
                       const AditLeaseNow *now, GError **error)
{
    guint n;
    const AditLeaseChange *changes = adit_lease_changes(table, &n);

    if (n > 0 && !begin(store, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        const AditLeaseChange *c = &changes[i];

        if (c->lease ? !put(store, c->lease, now->wall_ms - now->boot_ms, error)
                     : c->before && !delete (store, &c->before->ends, error))
            return forget(store);
    }
    return TRUE;
}

typedef struct {
    AditLeaseStore *store;
    gint64 boot_to_wall;
    GError **error;
    gboolean failed;
} WriteAll;

static void
put_one(const AditLease *lease, gpointer data)
{
    WriteAll *all = data;

    if (!all->failed)
        all->failed = !put(all->store, lease, all->boot_to_wall, all->error);
}

gboolean
adit_lease_store_write_all(AditLeaseStore *store, AditLeaseTable *table,
                           const AditLeaseNow *now, GError **error)
{
    WriteAll all = { store, now->wall_ms - now->boot_ms, error, FALSE };

    if (!begin(store, error))
        return FALSE;
    if (!adit_store_exec(store->file, "DELETE FROM lease", error))
        return forget(store);
    adit_lease_foreach(table, put_one, &all);
    return !all.failed || forget(store);
}

gboolean
adit_lease_store_commit(AditLeaseStore *store, GError **error)
{
    if (!store->open)
        return TRUE;
    if (!adit_store_exec(store->file, "COMMIT", error))
        return forget(store);
    store->open = FALSE;
    return TRUE;
}

static gboolean
put_epoch(AditLeaseStore *store, const AditLeaseEpoch *epoch, GError **error)
{
    g_autoptr(sqlite3_stmt) row = adit_store_prepare(
        store->file, "INSERT OR REPLACE INTO epoch VALUES (1, ?, ?, ?, ?)", error);

    if (!row)
        return FALSE;
    sqlite3_bind_int(row, 1, epoch->clean);
    adit_store_bind_text(row, 2, epoch->boot_id);
    sqlite3_bind_int64(row, 3, epoch->zero_boot_ms);
    sqlite3_bind_int64(row, 4, epoch->zero_wall_ms);
    return adit_store_step(store->file, row, error);
}

/* Group commits are not flushed to the disk one by one: what counts is that they are written
 * before this word about them is. */
gboolean
adit_lease_store_set_epoch(AditLeaseStore *store, const AditLeaseEpoch *epoch, GError **error)
{
    return adit_lease_store_commit(store, error) &&
           adit_store_exec(store->file, "PRAGMA synchronous = FULL", error) &&
           put_epoch(store, epoch, error) &&
           adit_store_exec(store->file, "PRAGMA synchronous = NORMAL", error);
}

void
adit_lease_store_close(AditLeaseStore *store)
{
    if (!store)
        return;
    sqlite3_finalize(store->put);
    sqlite3_finalize(store->delete);
    g_clear_pointer(&store->file, adit_server_store_close);
    g_free(store);
}

gint64
adit_lease_epoch_zero(const AditLeaseEpoch *kept, const char *boot_id, const AditLeaseNow *now,
                      gboolean kernel_holds)
{
    const gboolean same_boot = g_str_equal(kept->boot_id, boot_id);

    if (!kept->known || !(kept->clean || (same_boot && kernel_holds)))
        return now->boot_ms;
    if (same_boot)
        return kept->zero_boot_ms;
    return now->boot_ms - MAX(now->wall_ms - kept->zero_wall_ms, 0);
}
