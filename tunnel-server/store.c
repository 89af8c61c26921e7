/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/store-private.h"

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 2000

static const char *const steps[] = {
    /* Addresses and keys are blobs in network order: one form, so that UNIQUE means it. All
     * addresses of the tunnel, whoever has them, stand in one table with one key; all open
     * ports, range by range expanded, in another. */
    "CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), private_key BLOB NOT NULL"
    "   CHECK (length(private_key) = 32), endpoint TEXT, wan TEXT,"
    "   listen_port INTEGER NOT NULL CHECK (listen_port BETWEEN 1 AND 65535),"
    "   mtu INTEGER NOT NULL);"
    "CREATE TABLE subnet (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    "   net4 BLOB NOT NULL UNIQUE, net4_len INTEGER NOT NULL CHECK (net4_len BETWEEN 8 AND 30),"
    "   net6 BLOB, net6_len INTEGER NOT NULL CHECK (net6_len BETWEEN 0 AND 124), wan4 BLOB,"
    "   dns TEXT NOT NULL);"
    "CREATE TABLE device (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    "   subnet INTEGER NOT NULL REFERENCES subnet DEFERRABLE INITIALLY DEFERRED,"
    "   addr4 BLOB NOT NULL UNIQUE CHECK (length(addr4) = 4),"
    "   addr6 BLOB UNIQUE CHECK (length(addr6) = 16),"
    "   public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32), preshared_key BLOB,"
    "   kind TEXT NOT NULL CHECK (kind IN ('server', 'client')),"
    "   may_publish INTEGER NOT NULL, routes TEXT NOT NULL);"
    "CREATE TABLE address (addr BLOB PRIMARY KEY,"
    "   subnet INTEGER REFERENCES subnet DEFERRABLE INITIALLY DEFERRED,"
    "   device INTEGER REFERENCES device DEFERRABLE INITIALLY DEFERRED,"
    "   CHECK ((subnet IS NULL) <> (device IS NULL))) WITHOUT ROWID;"
    "CREATE INDEX address_subnet ON address (subnet);"
    "CREATE INDEX address_device ON address (device);"
    "CREATE TABLE publish (id INTEGER PRIMARY KEY AUTOINCREMENT, family INTEGER NOT NULL"
    "   CHECK (family IN (4, 6)), external BLOB, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    "   proto TEXT NOT NULL CHECK (proto IN ('tcp', 'udp', 'both')),"
    "   device INTEGER NOT NULL REFERENCES device DEFERRABLE INITIALLY DEFERRED,"
    "   internal INTEGER NOT NULL, enabled INTEGER NOT NULL, label TEXT,"
    "   allow_from TEXT NOT NULL, CHECK (1 <= first AND first <= last AND last <= 65535));"
    "CREATE INDEX publish_device ON publish (device);"
    "CREATE TABLE port (addr BLOB NOT NULL, port INTEGER NOT NULL, proto INTEGER NOT NULL,"
    "   publish INTEGER NOT NULL REFERENCES publish DEFERRABLE INITIALLY DEFERRED,"
    "   PRIMARY KEY (addr, port, proto)) WITHOUT ROWID;"
    "CREATE INDEX port_publish ON port (publish);"
    "CREATE TABLE endpoint (device INTEGER PRIMARY KEY REFERENCES device"
    "   DEFERRABLE INITIALLY DEFERRED, addr BLOB NOT NULL, port INTEGER NOT NULL);",
    /* What port 80 does for a publication of 443. */
    ("ALTER TABLE publish ADD COLUMN redirect TEXT NOT NULL DEFAULT 'no'"
     "   CHECK (redirect IN ('no', 'https', 'port'));"),
    /* A public address of the device's own. */
    "ALTER TABLE device ADD COLUMN wan4 BLOB CHECK (length(wan4) = 4);",
    /* What is on its way from old to new: prefixes and keys. */
    ("ALTER TABLE subnet ADD COLUMN auto6 INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE subnet ADD COLUMN old6 BLOB;"
     "ALTER TABLE subnet ADD COLUMN old6_len INTEGER NOT NULL DEFAULT 0"
     "   CHECK (old6_len BETWEEN 0 AND 124);"
     "ALTER TABLE subnet ADD COLUMN old6_until INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE device ADD COLUMN next_key BLOB CHECK (length(next_key) = 32);"
     "ALTER TABLE device ADD COLUMN next_until INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE device ADD COLUMN invite_until INTEGER NOT NULL DEFAULT 0;"
     "CREATE UNIQUE INDEX device_next_key ON device (next_key);"),
    /* Keys of invitations that are no more. */
    ("CREATE TABLE spent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
     "   public_key BLOB NOT NULL UNIQUE CHECK (length(public_key) = 32), preshared_key BLOB,"
     "   since INTEGER NOT NULL, until INTEGER NOT NULL, taken INTEGER NOT NULL);"),
    /* Publications that devices have made. */
    ("ALTER TABLE publish ADD COLUMN owner TEXT NOT NULL DEFAULT 'operator'"
     "   CHECK (owner IN ('operator', 'device', 'held'));"),
};

/* What the caller can do about it: wait, mend the disk, or mend the file. */
static AditError
code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ADIT_ERROR_BUSY;
    case SQLITE_CONSTRAINT:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return ADIT_ERROR_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ADIT_ERROR_CONFIG;
    default: return ADIT_ERROR_KERNEL;
    }
}

/* A disk that had an error takes nothing any more, which SQLite calls an I/O error. It is asked
 * by its name: closing a descriptor of our own would drop the locks of SQLite's. */
static gboolean
is_disk_read_only(const AditServerStore *store)
{
    switch (sqlite3_errcode(store->db) & 0xff) {
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY: return chmod(store->path, 0600) != 0 && errno == EROFS;
    default: return FALSE;
    }
}

gboolean
adit_store_fail(AditServerStore *store, const char *what, GError **error)
{
    if (is_disk_read_only(store)) {
        store->read_only = TRUE;
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: %s: the disk is read-only",
                    store->path, what);
        return FALSE;
    }
    g_set_error(error, ADIT_ERROR, code_of(sqlite3_errcode(store->db)), "%s: %s: %s",
                store->path, what, sqlite3_errmsg(store->db));
    return FALSE;
}

sqlite3_stmt *
adit_store_prepare(AditServerStore *store, const char *sql, GError **error)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        adit_store_fail(store, "read", error);
    return stmt;
}

gboolean
adit_store_step(AditServerStore *store, sqlite3_stmt *stmt, GError **error)
{
    gboolean ok = sqlite3_step(stmt) == SQLITE_DONE || adit_store_fail(store, "write", error);

    sqlite3_reset(stmt);
    return ok;
}

gboolean
adit_store_exec(AditServerStore *store, const char *sql, GError **error)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           adit_store_fail(store, "write", error);
}

static gboolean
read_version(AditServerStore *store, guint *ret, GError **error)
{
    g_autoptr(sqlite3_stmt) stmt = adit_store_prepare(store, "PRAGMA user_version", error);

    if (!stmt)
        return FALSE;
    if (sqlite3_step(stmt) != SQLITE_ROW)
        return adit_store_fail(store, "read", error);
    *ret = (guint)sqlite3_column_int(stmt, 0);
    return TRUE;
}

static gboolean
migrate_step(AditServerStore *store, const char *step, guint version, GError **error)
{
    g_autofree char *stamp = g_strdup_printf("PRAGMA user_version = %u", version + 1);

    if (adit_store_exec(store, "BEGIN IMMEDIATE", error) &&
        adit_store_exec(store, step, error) && adit_store_exec(store, stamp, error) &&
        adit_store_exec(store, "COMMIT", error))
        return TRUE;
    adit_server_store_rollback(store);
    return FALSE;
}

static gboolean
migrate(AditServerStore *store, const AditStoreSchema *schema, GError **error)
{
    guint version = 0;

    if (!read_version(store, &version, error))
        return FALSE;
    if (version > schema->n_steps) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: schema %u: made by a newer adit, this one knows %u", store->path,
                    version, schema->n_steps);
        return FALSE;
    }
    for (; version < schema->n_steps; version++)
        if (!migrate_step(store, schema->steps[version], version, error))
            return FALSE;
    return TRUE;
}

/* SQLite gives its -wal and -shm the mode of the file: 0600 from the beginning. */
gboolean
adit_store_make_private(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return adit_syserror_set(error, errno, "%s", path);
    if (fchmod(fd, 0600) != 0) {
        adit_syserror_set(error, errno, "%s: mode", path);
        close(fd);
        return FALSE;
    }
    close(fd);
    return TRUE;
}

static gboolean
open_database(AditServerStore *store, const char *name, int flags, GError **error)
{
    return sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK ||
           adit_store_fail(store, "open", error);
}

/* Without a log beside it the file is all there is, and SQLite need not look for changes, for
 * which it would have to write. */
static gboolean
open_read_only(AditServerStore *store, const AditStoreSchema *schema, GError **error)
{
    g_autofree char *log = g_strconcat(store->path, "-wal", NULL);
    g_autofree char *escaped = g_uri_escape_string(store->path, "/", FALSE);
    g_autofree char *uri = g_strdup_printf("file:%s?immutable=1", escaped);
    GStatBuf info;
    const gboolean has_log = g_stat(log, &info) == 0 && info.st_size > 0;
    guint version = 0;

    store->read_only = TRUE;
    if (!(has_log ? open_database(store, store->path, SQLITE_OPEN_READONLY, error)
                  : open_database(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error)) ||
        !read_version(store, &version, error))
        return FALSE;
    if (version == schema->n_steps)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                "%s: schema %u, and the disk is read-only: cannot be brought to %u",
                store->path, version, schema->n_steps);
    return FALSE;
}

AditServerStore *
adit_store_open_file(const char *path, const AditStoreSchema *schema, GError **error)
{
    g_autoptr(AditServerStore) store = g_new0(AditServerStore, 1);

    store->path = g_strdup(path);
    if (access(path, W_OK) != 0 && errno == EROFS)
        return open_read_only(store, schema, error) ? g_steal_pointer(&store) : NULL;
    if (!adit_store_make_private(path, error) ||
        !open_database(store, path, SQLITE_OPEN_READWRITE, error))
        return NULL;
    sqlite3_busy_timeout(store->db, BUSY_MS);
    if (!adit_store_exec(store,
                         "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                         "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
                         error) ||
        !migrate(store, schema, error))
        return NULL;
    return g_steal_pointer(&store);
}

AditServerStore *
adit_server_store_open(const char *path, GError **error)
{
    static const AditStoreSchema schema = { steps, G_N_ELEMENTS(steps) };

    return adit_store_open_file(path, &schema, error);
}

gboolean
adit_server_store_is_read_only(const AditServerStore *store)
{
    return store->read_only;
}

/* In one process all handles of a file share one that SQLite has for its log: the old one has
 * to go first. Should the disk change its mind in between, there is nothing to read, either. */
void
adit_server_store_retry(AditServerStore *store)
{
    g_autoptr(AditServerStore) next = NULL;
    sqlite3 *mine = store->db;

    if (access(store->path, W_OK) != 0)
        return;
    store->db = NULL;
    sqlite3_close(mine);
    next = adit_server_store_open(store->path, NULL);
    if (next) {
        store->read_only = next->read_only;
        store->db = g_steal_pointer(&next->db);
        return;
    }
    sqlite3_open(":memory:", &store->db);
}

gboolean
adit_server_store_commit(AditServerStore *store, GError **error)
{
    if (adit_store_exec(store, "COMMIT", error))
        return TRUE;
    adit_server_store_rollback(store);
    return FALSE;
}

void
adit_server_store_rollback(AditServerStore *store)
{
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

gboolean
adit_server_store_save_endpoints(AditServerStore *store, const AditModel *model, GError **error)
{
    g_autoptr(sqlite3_stmt) put =
        adit_store_prepare(store, "INSERT OR REPLACE INTO endpoint VALUES (?, ?, ?)", error);

    if (!put || !adit_store_exec(store, "BEGIN IMMEDIATE", error))
        return FALSE;
    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *device = adit_model_device(model, i);
        const AditSockAddr *at = &device->endpoint;

        if (!adit_addr_is_set(&at->addr))
            continue;
        sqlite3_bind_int64(put, 1, device->id);
        sqlite3_bind_blob(put, 2, at->addr.bytes, (int)adit_addr_size(&at->addr),
                          SQLITE_TRANSIENT);
        sqlite3_bind_int(put, 3, at->port);
        if (!adit_store_step(store, put, error)) {
            adit_server_store_rollback(store);
            return FALSE;
        }
    }
    return adit_server_store_commit(store, error);
}

void
adit_server_store_close(AditServerStore *store)
{
    if (!store)
        return;
    sqlite3_close(store->db);
    g_free(store->path);
    g_free(store);
}
