/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/sys/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"

#define OPEN_TRIES 8

/* Where a file lives. The directory is held open: fsync() needs it, and all names then mean the
 * same directory even when somebody moves it. */
typedef struct {
    const char *path; /* for messages; borrowed */
    int dir;
    char *name; /* the file */
    char *half; /* the file while it is being written */
} Place;

static void
place_clear(Place *place)
{
    if (place->dir >= 0)
        close(place->dir);
    g_free(place->name);
    g_free(place->half);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static gboolean
place_open(Place *place, const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);

    place->path = path;
    place->name = g_path_get_basename(path);
    place->half = g_strdup_printf(".%s.new", place->name);
    place->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return place->dir >= 0 || adit_syserror_set(error, errno, "%s: directory", path);
}

/* A device or a pipe, by itself or by a link to it (/dev/stdout): the rename would put a file
 * in its place, for the whole machine. */
static gboolean
may_replace(const Place *place, GError **error)
{
    struct stat present;

    if (fstatat(place->dir, place->name, &present, 0) != 0 || S_ISREG(present.st_mode) ||
        S_ISDIR(present.st_mode))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: write: not a regular file",
                place->path);
    return FALSE;
}

static gboolean
is_same_file(int fd, const Place *place)
{
    struct stat ours, theirs;

    return fstat(fd, &ours) == 0 &&
           fstatat(place->dir, place->half, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* The half file under a fixed name, so that there is never more than one left over. The lock
 * tells a left-over from one that another process is writing. A process that waited for no lock
 * but came between another's open and rename holds the finished file: it tries again. */
static int
open_half(const Place *place, mode_t mode, GError **error)
{
    for (guint i = 0; i < OPEN_TRIES; i++) {
        int fd =
            openat(place->dir, place->half, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0) {
            adit_syserror_set(error, errno, "%s: create", place->path);
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_same_file(fd, place)) {
            if (ftruncate(fd, 0) == 0 && fchmod(fd, mode) == 0)
                return fd;
            adit_syserror_set(error, errno, "%s: prepare", place->path);
            close(fd);
            return -1;
        }
        close(fd);
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: write: another process is writing it",
                place->path);
    return -1;
}

static gboolean
write_all(int fd, const char *bytes, gsize len)
{
    while (len > 0) {
        gssize n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        bytes += n;
        len -= n;
    }
    return TRUE;
}

/* The name changes only when the contents are on the disk; the lock goes with @fd. */
static gboolean
fill_and_rename(const Place *place, int fd, const void *bytes, gsize len, GError **error)
{
    if (!write_all(fd, bytes, len) || fsync(fd) != 0)
        return adit_syserror_set(error, errno, "%s: write", place->path);
    if (renameat(place->dir, place->half, place->dir, place->name) != 0)
        return adit_syserror_set(error, errno, "%s: rename", place->path);
    return TRUE;
}

gboolean
adit_store_write(const char *path, const void *bytes, gsize len, mode_t mode, GError **error)
{
    g_auto(Place) place = { .dir = -1 };
    gboolean ok;
    int fd;

    if (!place_open(&place, path, error) || !may_replace(&place, error))
        return FALSE;
    fd = open_half(&place, mode, error);
    if (fd < 0)
        return FALSE;

    ok = fill_and_rename(&place, fd, bytes, len, error);
    if (!ok)
        unlinkat(place.dir, place.half, 0); /* while the lock still keeps others off */
    close(fd);
    if (ok && fsync(place.dir) != 0)
        return adit_syserror_set(error, errno, "%s: flush directory", path);
    return ok;
}

/* As many octets as the file had when it was opened, and one look whether there are more. */
static char *
read_all(int fd, const char *path, gsize size, GError **error)
{
    g_autofree char *bytes = g_malloc(size + 1);
    gsize at = 0;

    for (;;) {
        gssize n = read(fd, bytes + at, size + 1 - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            adit_syserror_set(error, errno, "%s: read", path);
            return NULL;
        }
        at += n;
        if (n == 0 || at > size)
            break;
    }
    if (at != size) {
        explicit_bzero(bytes, size + 1); /* it may be a key */
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: read: it changed meanwhile", path);
        return NULL;
    }
    bytes[size] = '\0';
    return g_steal_pointer(&bytes);
}

char *
adit_store_read(const char *path, gsize max, gsize *ret_len, GError **error)
{
    /* Without O_NONBLOCK a FIFO in its place would hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    char *bytes = NULL;

    if (fd < 0) {
        adit_syserror_set(error, errno, "%s: open", path);
        return NULL;
    }
    if (fstat(fd, &st) != 0)
        adit_syserror_set(error, errno, "%s: stat", path);
    else if (!S_ISREG(st.st_mode))
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: open: not a regular file", path);
    else if ((guint64)st.st_size > max)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: read: %" G_GINT64_FORMAT " bytes: more than %" G_GSIZE_FORMAT, path,
                    (gint64)st.st_size, max);
    else
        bytes = read_all(fd, path, st.st_size, error);
    close(fd);
    if (bytes != NULL && ret_len != NULL)
        *ret_len = st.st_size;
    return bytes;
}

gboolean
adit_store_remove(const char *path, GError **error)
{
    g_auto(Place) place = { .dir = -1 };
    g_autoptr(GError) local = NULL;

    if (!place_open(&place, path, &local)) {
        if (g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
            return TRUE; /* no directory, no file */
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (unlinkat(place.dir, place.half, 0) != 0 && errno != ENOENT)
        return adit_syserror_set(error, errno, "%s: remove", path);
    if (unlinkat(place.dir, place.name, 0) != 0 && errno != ENOENT)
        return adit_syserror_set(error, errno, "%s: remove", path);
    return fsync(place.dir) == 0 ||
           adit_syserror_set(error, errno, "%s: flush directory", path);
}
