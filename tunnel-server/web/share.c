/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/share.h"

#include "libadit/sys/syserror.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
adit_web_share(const char *path, mode_t mode, GError **error)
{
    const struct group *group = getgrnam(ADIT_WEB_GROUP);

    if (group && geteuid() == 0 && chown(path, 0, group->gr_gid) < 0) {
        adit_syserror_set(error, errno, "%s: give to group " ADIT_WEB_GROUP, path);
        return FALSE;
    }
    if (chmod(path, mode) == 0)
        return TRUE;
    adit_syserror_set(error, errno, "%s: mode", path);
    return FALSE;
}
