/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/adopted.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "networkd-hooks/hand.h"
#include "networkd-hooks/write.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)
#define KEY_MAX 256

void
adit_networkd_hand_free(AditNetworkdHand *hand)
{
    if (!hand)
        return;
    g_free(hand->path);
    g_free(hand->netdev);
    g_free(hand->network);
    g_free(hand->link);
    adit_profile_free(hand->profile);
    g_free(hand);
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names with a suffix in one folder, sorted. */
static GPtrArray *
names_in(const char *folder, const char *suffix)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, suffix))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, by_name);
    return names;
}

static gboolean
append_file(GString *text, const char *path, GError **error)
{
    char *part = adit_store_read(path, FILE_MAX, NULL, error);

    if (!part)
        return FALSE;
    g_string_append(text, part);
    g_string_append_c(text, '\n');
    adit_key_string_free(part);
    return TRUE;
}

/* A file and what drop-ins of others add to it. */
static char *
read_whole(const char *const *folders, const char *path, const char *name, GError **error)
{
    GString *text = g_string_sized_new(64 * 1024);
    gboolean good = append_file(text, path, error);
    char *whole;

    for (guint i = 0; good && folders[i]; i++) {
        g_autofree char *folder = g_strdup_printf("%s/%s.d", folders[i], name);
        g_autoptr(GPtrArray) names = names_in(folder, ".conf");

        for (guint n = 0; good && n < names->len; n++) {
            const char *drop_in = g_ptr_array_index(names, n);
            g_autofree char *file = g_build_filename(folder, drop_in, NULL);

            if (!g_str_equal(drop_in, ADIT_NETWORKD_DROP_IN))
                good = append_file(text, file, error);
        }
    }
    whole = g_string_free(text, FALSE);
    if (!good)
        g_clear_pointer(&whole, adit_key_string_free);
    return whole;
}

static gboolean
is_shadowed(const char *const *folders, guint index, const char *name)
{
    for (guint i = 0; i < index; i++) {
        g_autofree char *path = g_build_filename(folders[i], name, NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_ours(const char *name)
{
    return g_str_has_prefix(name, "60-adit-") || g_str_has_prefix(name, ADIT_NETWORKD_FIRST);
}

/* Whose text pleases; its name in @ret_name. NULL: none, which is no error. */
static char *
search(const char *const *folders, const char *suffix,
       gboolean (*pleases)(const char *path, const char *text, gconstpointer data),
       gconstpointer data, char **ret_path)
{
    for (guint i = 0; folders[i]; i++) {
        g_autoptr(GPtrArray) names = names_in(folders[i], suffix);

        for (guint n = 0; n < names->len; n++) {
            const char *name = g_ptr_array_index(names, n);
            g_autofree char *path = g_build_filename(folders[i], name, NULL);
            char *text = is_shadowed(folders, i, name) || is_ours(name)
                             ? NULL
                             : read_whole(folders, path, name, NULL);

            if (text && pleases(path, text, data)) {
                *ret_path = g_steal_pointer(&path);
                return text;
            }
            adit_key_string_free(text);
        }
    }
    return NULL;
}

static gboolean
is_netdev(const char *path, const char *text, gconstpointer word)
{
    g_autofree char *link = adit_networkd_hand_link(text);
    g_autofree char *name = g_path_get_basename(path);

    return link &&
           (g_str_equal(link, word) || g_str_equal(path, word) || g_str_equal(name, word));
}

static gboolean
is_network(const char *path, const char *text, gconstpointer link)
{
    return adit_networkd_hand_is_of(text, link);
}

static gboolean
is_lo(const char *path, const char *text, gconstpointer data)
{
    return adit_networkd_hand_is_of_lo(text);
}

char *
adit_networkd_hand_find_lo(const char *const *folders)
{
    g_autofree char *path = NULL;
    g_autofree char *text = search(folders, ".network", is_lo, NULL, &path);

    return text ? g_path_get_basename(path) : NULL;
}

static char *
read_key(const char *path, gpointer data, GError **error)
{
    return adit_store_read(path, KEY_MAX, NULL, error);
}

static gboolean
fill(AditNetworkdHand *hand, const char *netdev, const char *network, GError **error)
{
    g_autofree char *own = adit_networkd_adopted_network(hand->link);

    if (!network) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: no .network has [Match] Name=%s, so networkd does not configure it",
                    hand->path, hand->link);
        return FALSE;
    }
    if (strcmp(own, hand->network) >= 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: comes before %s, which must be the first: give it a higher number",
                    hand->network, own);
        return FALSE;
    }
    hand->profile =
        adit_networkd_hand_read(hand->netdev, netdev, network, read_key, NULL, error);
    return hand->profile != NULL;
}

AditNetworkdHand *
adit_networkd_hand_find(const char *const *folders, const char *word, GError **error)
{
    g_autoptr(AditNetworkdHand) hand = g_new0(AditNetworkdHand, 1);
    g_autofree char *network_path = NULL;
    char *netdev = search(folders, ".netdev", is_netdev, word, &hand->path);
    char *network;
    gboolean good;

    if (!netdev) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "%s: no WireGuard link of this name in the files of systemd-networkd",
                    word);
        return NULL;
    }
    hand->link = adit_networkd_hand_link(netdev);
    hand->netdev = g_path_get_basename(hand->path);
    network = search(folders, ".network", is_network, hand->link, &network_path);
    hand->network = network ? g_path_get_basename(network_path) : NULL;
    good = fill(hand, netdev, network, error);
    adit_key_string_free(netdev);
    adit_key_string_free(network);
    return good ? g_steal_pointer(&hand) : NULL;
}

static gboolean
make_folder(const char *folder, const char *file, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s.d", folder, file);

    if (g_mkdir_with_parents(path, 0755) < 0 || g_chmod(path, 0755) < 0)
        return adit_syserror_set(error, errno, "%s", path);
    return TRUE;
}

gboolean
adit_networkd_adopted_write(const char *folder, const AditNetworkdHand *hand,
                            const AditNetworkdGateway *gateway, gboolean up, gid_t group,
                            GError **error)
{
    g_autoptr(GPtrArray) files = adit_networkd_render_adopted(gateway, hand->netdev, up, error);

    if (!files || !make_folder(folder, hand->netdev, error))
        return FALSE;
    for (guint i = 0; i < files->len; i++)
        if (!adit_networkd_write_one(folder, g_ptr_array_index(files, i), group, error))
            return FALSE;
    return TRUE;
}

static gboolean
remove_ours(const char *path, const char *head, gboolean *ret_removed, GError **error)
{
    g_autofree char *text = NULL;

    *ret_removed = g_file_get_contents(path, &text, NULL, NULL) && g_str_has_prefix(text, head);
    return !*ret_removed || adit_store_remove(path, error);
}

/* A folder that others use as well stays. */
gboolean
adit_networkd_adopted_remove(const char *folder, const char *link, GError **error)
{
    g_autofree char *head = adit_networkd_adopted_head(link);
    g_autofree char *name = adit_networkd_adopted_network(link);
    g_autofree char *network = g_build_filename(folder, name, NULL);
    g_autoptr(GPtrArray) names = names_in(folder, ".netdev.d");
    gboolean removed;

    if (!remove_ours(network, head, &removed, error))
        return FALSE;
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *own = g_build_filename(folder, g_ptr_array_index(names, i), NULL);
        g_autofree char *path = g_build_filename(own, ADIT_NETWORKD_DROP_IN, NULL);

        if (!remove_ours(path, head, &removed, error))
            return FALSE;
        if (removed)
            g_rmdir(own);
    }
    return TRUE;
}
