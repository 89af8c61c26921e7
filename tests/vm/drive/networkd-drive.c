/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/store.h"
#include "networkd-hooks/network1.h"
#include "networkd-hooks/render.h"
#include "networkd-hooks/write.h"

#include <string.h>

/* The networkd backend by hand, for the scenarios: what aditd does with it, a step at a time.
 *
 * usage: networkd-drive write LINK PROFILE selected|unselected
 *        networkd-drive remove|reconfigure|state LINK
 *        networkd-drive reload */

static gboolean
write_files(const char *link, const char *path, gboolean selected, GError **error)
{
    g_autofree char *text = adit_store_read(path, 65536, NULL, error);
    g_autoptr(AditProfile) profile =
        text ? adit_profile_parse(path, text, strlen(text), error) : NULL;
    const AditNetworkdGateway gateway = {
        .link = link, .slot = 1, .selected = { selected, selected }, .profile = profile
    };
    g_autoptr(GPtrArray) files = profile ? adit_networkd_render(&gateway, error) : NULL;
    gid_t group;

    return files && adit_networkd_group(&group, error) &&
           adit_networkd_write(ADIT_NETWORKD_FOLDER, link, files, group, error);
}

static gboolean
print_state(AditNetwork1 *network1, const char *link, GError **error)
{
    g_autofree char *state = NULL;

    if (!adit_network1_get_state(network1, link, &state, error))
        return FALSE;
    g_print("%s\n", state);
    return TRUE;
}

static gboolean
run(int argc, char **argv, GError **error)
{
    g_autoptr(AditNetwork1) network1 = NULL;

    if (argc == 5 && g_str_equal(argv[1], "write"))
        return write_files(argv[2], argv[3], g_str_equal(argv[4], "selected"), error);
    if (argc == 3 && g_str_equal(argv[1], "remove"))
        return adit_networkd_remove(ADIT_NETWORKD_FOLDER, argv[2], error);
    network1 = adit_network1_open(error);
    if (!network1)
        return FALSE;
    if (argc == 2 && g_str_equal(argv[1], "reload"))
        return adit_network1_reload(network1, error);
    if (argc == 3 && g_str_equal(argv[1], "reconfigure"))
        return adit_network1_reconfigure(network1, argv[2], error);
    if (argc == 3 && g_str_equal(argv[1], "state"))
        return print_state(network1, argv[2], error);
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "usage: see the source");
    return FALSE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (run(argc, argv, &error))
        return 0;
    g_printerr("networkd-drive: %s\n", error->message);
    return 1;
}
