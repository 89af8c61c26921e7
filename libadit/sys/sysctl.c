/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"

#define VALUE_MAX 4096 /* a page: the kernel's own limit for most */

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(int, close_fd)

/* A path comes from a plan, but part of it is an interface name: it must not lead elsewhere. */
static int
open_setting(const char *path, int flags, GError **error)
{
    g_autofree char *whole = g_strconcat("/proc/sys/", path, NULL);
    g_autofree char *canonical = g_canonicalize_filename(whole, "/");
    int fd;

    if (*path == '\0' || strcmp(whole, canonical) != 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not the path of a setting",
                    path);
        return -1;
    }
    fd = open(whole, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        adit_syserror_set(error, errno, "%s", whole);
    return fd;
}

char *
adit_sysctl_read(const char *path, GError **error)
{
    g_auto(int) fd = open_setting(path, O_RDONLY, error);
    char value[VALUE_MAX];
    gssize n;

    if (fd < 0)
        return NULL;
    n = read(fd, value, sizeof(value) - 1);
    if (n < 0) {
        adit_syserror_set(error, errno, "%s", path);
        return NULL;
    }
    value[n] = '\0';
    g_strdelimit(value, "\t", ' ');
    return g_strdup(g_strstrip(value));
}

gboolean
adit_sysctl_write(const char *path, const char *value, GError **error)
{
    g_auto(int) fd = open_setting(path, O_WRONLY, error);
    const gssize len = strlen(value);

    if (fd < 0)
        return FALSE;
    if (write(fd, value, len) == len)
        return TRUE;
    return adit_syserror_set(error, errno, "%s", path);
}
