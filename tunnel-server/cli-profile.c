/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli-profile.h"

#include "libadit/core/error.h"
#include "libadit/core/json.h"
#include "libadit/sys/store.h"
#include "tunnel-server/qr.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#define MAX_KEY 256

gboolean
adit_cli_take_key_pair(AditKeyPair *pair, const char *public_key, GError **error)
{
    if (!public_key) {
        adit_key_pair_make(pair);
        return TRUE;
    }
    if (adit_key_parse(public_key, &pair->public_key, NULL))
        return TRUE;
    return adit_cli_usage(error, "--public-key: not a key: 44 characters of canonical "
                                 "base64 are wanted");
}

gboolean
adit_cli_hand_over_check(const AditCliHandOver *how, gboolean is_client, GError **error)
{
    if (how->full && (how->split || how->networks))
        return adit_cli_usage(error, "--full is everything: no --split or --network beside it");
    if (!is_client && (how->full || how->split || how->networks))
        return adit_cli_usage(error, "--full, --split and --network are for --kind client: a "
                                     "server chooses by `adit default`");
    return TRUE;
}

static char *
get_profile(AditSrvManager *manager, const char *name, const AditKeyPair *pair,
            const AditCliHandOver *how, GError **error)
{
    g_auto(GStrv) networks = adit_cli_split_list(how->networks);
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) handle = NULL;
    GError *reason = NULL;
    char *text, *filled;

    if (!adit_cli_settle(adit_srv_manager_call_get_profile_sync(
                             manager, name, how->full, (const char *const *)networks,
                             G_DBUS_CALL_FLAGS_NONE, -1, NULL, &handle, &fds, NULL, &reason),
                         &reason, error))
        return NULL;
    text = adit_handed_over_read(fds, handle, error);
    filled = text ? adit_key_pair_fill(pair, text) : NULL;
    adit_key_string_free(text);
    return filled;
}

static gboolean
write_out(AditCli *cli, const char *path, const char *text, GError **error)
{
    if (!adit_store_write(path, text, strlen(text), 0600, error))
        return FALSE;
    adit_cli_print(
        cli,
        "%s: written (mode 0600); it holds the device's keys and is not kept here: a "
        "new one comes by rekey\n"
        "Carry it over a private way (scp, a USB stick), then on the device one of:\n"
        "  adit:   adit import %s\n"
        "  nmcli:  nmcli connection import type wireguard file %s\n"
        "  GNOME:  Settings, Network, VPN, +, Import from file\n",
        path, path, path);
    return TRUE;
}

static gboolean
show_qr(AditCli *cli, const char *text, GError **error)
{
    char *code = adit_qr_to_string(text, error);

    if (!code)
        return FALSE;
    adit_cli_print(cli, "%s", code);
    adit_key_string_free(code);
    return TRUE;
}

void
adit_cli_print_handed(AditCli *cli, const char *name, const char *text, const char *out)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_object(json);
    adit_json_string(json, "name", name);
    adit_json_string(json, "file", out);
    adit_json_string(json, "profile", out ? NULL : text);
    json_builder_end_object(json);
    adit_cli_print_json(cli, json);
}

static gboolean
give(AditCli *cli, const char *name, const char *text, const AditCliHandOver *how,
     GError **error)
{
    if (cli->json) {
        if (how->out && !adit_store_write(how->out, text, strlen(text), 0600, error))
            return FALSE;
        adit_cli_print_handed(cli, name, text, how->out);
        return TRUE;
    }
    if (how->out && !write_out(cli, how->out, text, error))
        return FALSE;
    if (how->qr && !show_qr(cli, text, error))
        return FALSE;
    if (!how->out && !how->qr)
        adit_cli_print(cli, "%s", text);
    return TRUE;
}

gboolean
adit_cli_hand_over(AditCli *cli, AditSrvManager *manager, const char *name,
                   const AditKeyPair *pair, const AditCliHandOver *how, GError **error)
{
    char *text = get_profile(manager, name, pair, how, error);
    gboolean ok = text && give(cli, name, text, how, error);

    adit_key_string_free(text);
    return ok;
}

/* -- adit-server profile: for who keeps the private key here -- */

static char *opt_private_key;

const GOptionEntry adit_cli_profile_options[] = {
    { "private-key", 0, 0, G_OPTION_ARG_FILENAME, &opt_private_key,
      "The device's private key; without it, its place is left for the device to fill",
      "FILE" },
    { 0 },
};

static gboolean
read_key(const char *path, AditKey *ret, GError **error)
{
    char *text = adit_store_read(path, MAX_KEY, NULL, error);
    gboolean ok = text != NULL;

    if (!ok)
        return FALSE;
    ok = adit_key_parse(g_strstrip(text), ret, error);
    adit_key_string_free(text);
    if (!ok)
        g_prefix_error(error, "%s: ", path);
    return ok;
}

gboolean
adit_cli_profile(AditCli *cli, char **args, GError **error)
{
    const AditCliHandOver how = { 0 };
    g_auto(AditKeyPair) pair = { 0 };
    g_autoptr(AditSrvManager) manager = NULL;

    if (opt_private_key && !read_key(opt_private_key, &pair.private_key, error))
        return FALSE;
    manager = adit_cli_connect(error);
    if (!manager || !adit_cli_hand_over(cli, manager, args[0], &pair, &how, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}
