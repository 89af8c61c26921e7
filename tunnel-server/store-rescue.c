/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "tunnel-server/store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* A disk that lies is found out when its file is read. Beside it lies a copy of how it was when
 * it was last known to be good, made by SQLite itself, so that even the ids are the same:
 * leases in the kernel name their devices by them. */

#define COPY_MAX (256 * 1024 * 1024)

static char *
copy_path(const char *path)
{
    return g_strconcat(path, ".good", NULL);
}

static gboolean
flush(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    gboolean ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        adit_syserror_set(error, errno, "%s: flush", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* SQLite writes into a file that is there and empty: ours has the right mode. */
gboolean
adit_server_store_copy(AditServerStore *store, GError **error)
{
    g_autofree char *path = copy_path(store->path);
    g_autofree char *fresh = g_strconcat(path, ".new", NULL);
    char *sql;
    gboolean ok;

    if (g_unlink(fresh) != 0 && errno != ENOENT)
        return adit_syserror_set(error, errno, "%s", fresh);
    if (!adit_store_make_private(fresh, error))
        return FALSE;
    sql = sqlite3_mprintf("VACUUM INTO %Q", fresh);
    ok = adit_store_exec(store, sql, error) && flush(fresh, error);
    sqlite3_free(sql);
    if (ok && g_rename(fresh, path) != 0)
        ok = adit_syserror_set(error, errno, "%s", path);
    return ok;
}

gboolean
adit_server_store_check(AditServerStore *store, GError **error)
{
    g_autoptr(sqlite3_stmt) row = adit_store_prepare(store, "PRAGMA quick_check(1)", error);
    g_autofree char *said = NULL;

    if (!row)
        return FALSE;
    if (sqlite3_step(row) != SQLITE_ROW)
        return adit_store_fail(store, "check", error);
    said = adit_store_get_text(row, 0);
    if (g_strcmp0(said, "ok") == 0)
        return TRUE;
    /* SQLite writes two lines. */
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: damaged: %s", store->path,
                said ? g_strdelimit(said, "\n", ' ') : "no answer");
    return FALSE;
}

/* The file and what SQLite has beside it; the last name a file gets is @aside. */
static gboolean
set_aside(const char *path, const char *aside, GError **error)
{
    static const char *const suffixes[] = { "-wal", "-shm", "" };

    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(aside, suffixes[i], NULL);

        if (g_rename(from, to) != 0 && errno != ENOENT)
            return adit_syserror_set(error, errno, "%s: keep aside", from);
    }
    return TRUE;
}

AditServerStore *
adit_server_store_rescue(const char *path, const GError *why, char **ret_note, GError **error)
{
    g_autofree char *copy = copy_path(path);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "%Y%m%d-%H%M%S");
    g_autofree char *aside = g_strdup_printf("%s.damaged-%s", path, stamp);
    g_autoptr(AditServerStore) store = NULL;
    g_autofree char *bytes = NULL;
    gsize len = 0;

    bytes = adit_store_read(copy, COPY_MAX, &len, NULL);
    if (!bytes) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s; there is no copy %s: move the file away and run adit-server import "
                    "with an export of yours",
                    why->message, copy);
        return NULL;
    }
    if (!set_aside(path, aside, error) || !adit_store_write(path, bytes, len, 0600, error))
        return NULL;
    store = adit_server_store_open(path, error);
    if (!store || !adit_server_store_check(store, error))
        return NULL;
    *ret_note = g_strdup_printf("%s: kept aside as %s; the copy of when it was last good is in "
                                "force: look whether a change of the last minutes is missing",
                                why->message, aside);
    return g_steal_pointer(&store);
}
