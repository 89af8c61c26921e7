/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/web.h"

#include "libadit/sys/store.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_FILE (64 * 1024)

gint64
adit_web_now(void)
{
    return g_get_monotonic_time() / G_USEC_PER_SEC;
}

/* Of what is there now: a file that was written anew is another inode, and one whose owner was
 * set a moment later has another time. */
static gint64
stamp_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0
               ? (gint64)info.st_ino ^ info.st_ctim.tv_nsec ^ (info.st_ctim.tv_sec << 20)
               : 0;
}

static AditWebAccess *
read_file(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize len;

    text = adit_store_read(path, MAX_FILE, &len, error);
    return text ? adit_web_access_parse(path, text, len, error) : NULL;
}

static void
take(AditWeb *web, AditWebAccess *fresh)
{
    if (web->access && g_strcmp0(web->access->password, fresh->password) != 0)
        adit_web_sessions_clear(web->sessions);
    adit_web_access_free(web->access);
    web->access = fresh;
}

/* What cannot be read changes nothing; at the start it lets nobody in. */
void
adit_web_access_refresh(AditWeb *web)
{
    g_autofree char *path = adit_web_access_path(web->places.state);
    g_autoptr(GError) error = NULL;
    gint64 stamp = stamp_of(path);
    AditWebAccess *fresh;

    if (web->access && stamp == web->access_stamp)
        return;
    web->access_stamp = stamp;
    fresh = stamp ? read_file(path, &error) : adit_web_access_new();
    if (error)
        g_warning("%s", error->message);
    if (!fresh && !web->access)
        fresh = adit_web_access_new();
    if (fresh)
        take(web, fresh);
}
