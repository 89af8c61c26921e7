/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/guard-files.h"

#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_FILE (4 * 1024 * 1024)

static const char *const names[] = { "guard.ip4", "guard.ip6", "guard.nft" };

static gboolean
write_one(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *present = adit_store_read(path, MAX_FILE, NULL, NULL);

    if (g_strcmp0(present, text) == 0)
        return TRUE;
    if (g_mkdir_with_parents(folder, 0755) != 0)
        return adit_syserror_set(error, errno, "%s", folder);
    return adit_store_write(path, text, strlen(text), 0644, error);
}

gboolean
adit_guard_files_write(const char *folder, const AditState *want, const AditNftBlueprint *bp,
                       const AditState *elements, GError **error)
{
    g_autofree char *ip4 = adit_guard_ip(want, AF_INET);
    g_autofree char *ip6 = adit_guard_ip(want, AF_INET6);
    g_autofree char *nft = adit_guard_nft(bp, elements);

    return write_one(folder, names[0], ip4, error) && write_one(folder, names[1], ip6, error) &&
           write_one(folder, names[2], nft, error);
}

static void
check_one(const char *folder, const char *name, const char *text, GPtrArray *ret)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *present = adit_store_read(path, MAX_FILE, NULL, NULL);

    if (g_strcmp0(present, text) != 0)
        g_ptr_array_add(ret, g_strdup_printf("%s, the guard at boot, %s", path,
                                             present ? "says something else" : "is missing"));
}

void
adit_guard_files_check(const char *folder, const AditState *want, const AditNftBlueprint *bp,
                       const AditState *elements, GPtrArray *ret)
{
    g_autofree char *ip4 = adit_guard_ip(want, AF_INET);
    g_autofree char *ip6 = adit_guard_ip(want, AF_INET6);
    g_autofree char *nft = adit_guard_nft(bp, elements);

    check_one(folder, names[0], ip4, ret);
    check_one(folder, names[1], ip6, ret);
    check_one(folder, names[2], nft, ret);
}

gboolean
adit_guard_files_remove(const char *folder, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);

        if (!adit_store_remove(path, error))
            return FALSE;
    }
    return TRUE;
}
