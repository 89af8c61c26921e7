/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/write.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "networkd-hooks/render.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#define DIGITS 16 /* of a peer's key in the name of its preshared key */

gboolean
adit_networkd_group(gid_t *ret, GError **error)
{
    const struct group *group = getgrnam(ADIT_NETWORKD_GROUP);

    if (!group) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "%s: no such group: systemd-networkd is not installed",
                    ADIT_NETWORKD_GROUP);
        return FALSE;
    }
    *ret = group->gr_gid;
    return TRUE;
}

/* "60-adit-LINK.key", ".netdev", ".network", and "60-adit-LINK-DIGITS.psk", which no link can
 * be called: its name would be too long. */
static gboolean
is_of_link(const char *name, const char *link)
{
    g_autofree char *stem = g_strdup_printf("60-adit-%s", link);
    const char *rest;

    if (!g_str_has_prefix(name, stem))
        return FALSE;
    rest = name + strlen(stem);
    if (g_str_equal(rest, ".key") || g_str_equal(rest, ".netdev") ||
        g_str_equal(rest, ".network"))
        return TRUE;
    return rest[0] == '-' && strspn(rest + 1, "0123456789abcdef") == DIGITS &&
           g_str_equal(rest + 1 + DIGITS, ".psk");
}

static gboolean
is_among(const GPtrArray *files, const char *name)
{
    for (guint i = 0; files && i < files->len; i++)
        if (g_str_equal(((const AditNetworkdFile *)g_ptr_array_index(files, i))->name, name))
            return TRUE;
    return FALSE;
}

/* @keep NULL: nothing of the link. */
static gboolean
sweep(const char *folder, const char *link, const GPtrArray *keep, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (is_of_link(name, link) && !is_among(keep, name) && !adit_store_remove(path, error))
            return FALSE;
    }
    return dir != NULL;
}

/* The group comes last: in between nobody but root can read it, which is no leak. */
gboolean
adit_networkd_write_one(const char *folder, const AditNetworkdFile *file, gid_t group,
                        GError **error)
{
    g_autofree char *path = g_build_filename(folder, file->name, NULL);

    if (!adit_store_write(path, file->text, strlen(file->text), 0640, error))
        return FALSE;
    if (chown(path, (uid_t)-1, group) < 0)
        return adit_syserror_set(error, errno, "%s: group %u", path, group);
    return TRUE;
}

gboolean
adit_networkd_write(const char *folder, const char *link, const GPtrArray *files, gid_t group,
                    GError **error)
{
    if (g_mkdir_with_parents(folder, 0755) < 0)
        return adit_syserror_set(error, errno, "%s", folder);
    for (guint i = 0; i < files->len; i++)
        if (!adit_networkd_write_one(folder, g_ptr_array_index(files, i), group, error))
            return FALSE;
    return sweep(folder, link, files, error);
}

gboolean
adit_networkd_remove(const char *folder, const char *link, GError **error)
{
    return sweep(folder, link, NULL, error);
}
