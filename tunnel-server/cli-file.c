/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/core/diff.h"
#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "tunnel-server/config.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/key-pair.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

/* adit-server export, import, apply. */

#define MAX_CONFIG (64 * 1024 * 1024)

static gboolean opt_diff;

const GOptionEntry adit_cli_apply_options[] = {
    { "diff", 0, 0, G_OPTION_ARG_NONE, &opt_diff, "Print what would change; change nothing",
      NULL },
    { 0 },
};

gboolean
adit_cli_export(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) handle = NULL;
    GError *reason = NULL;
    gboolean ok;
    char *text;

    if (!manager ||
        !adit_cli_settle(adit_srv_manager_call_export_sync(manager, G_DBUS_CALL_FLAGS_NONE, -1,
                                                           NULL, &handle, &fds, NULL, &reason),
                         &reason, error))
        return FALSE;
    text = adit_handed_over_read(fds, handle, error);
    ok = text && adit_store_write(args[0], text, strlen(text), 0600, error);
    adit_key_string_free(text);
    if (!ok)
        return FALSE;
    adit_cli_print(cli, "%s: the whole server, keys and all (mode 0600)\n", args[0]);
    cli->status = 0;
    return TRUE;
}

/* The daemon reads it through our descriptor, with our rights. */
static char *
hand_over(const char *path, gboolean dry, gboolean blank, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autofree char *difference = NULL;
    GError *reason = NULL;
    int fd;

    if (!manager)
        return NULL;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        adit_syserror_set(error, errno, "%s", path);
        return NULL;
    }
    g_unix_fd_list_append(fds, fd, NULL);
    close(fd);
    if (!adit_cli_settle(adit_srv_manager_call_apply_sync(
                             manager, path, g_variant_new_handle(0), dry, blank,
                             G_DBUS_CALL_FLAGS_NONE, -1, fds, &difference, NULL, NULL, &reason),
                         &reason, error))
        return NULL;
    return g_steal_pointer(&difference);
}

static void
print_plan(AditCli *cli, const AditState *want)
{
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());
    g_autoptr(AditOps) ops = adit_diff(nothing, want);
    g_autofree char *text = adit_ops_to_string(ops);

    adit_cli_print(cli, "%s", text);
}

/* Without a daemon: what the file would make of this machine. */
static gboolean
plan_alone(AditCli *cli, const char *path, GError **error)
{
    g_auto(AditServerFacts) facts = { 0 };
    g_autoptr(AditModel) model = NULL;
    g_autoptr(AditState) ports = NULL;
    g_autoptr(AditState) rest = NULL;
    gsize len;
    char *text = adit_store_read(path, MAX_CONFIG, &len, error);

    model = text ? adit_config_parse(path, text, len, error) : NULL;
    adit_key_string_free(text);
    if (!model || !adit_server_facts_read(model->wan, &facts, error))
        return FALSE;
    rest = adit_server_plan_rest(model, &facts);
    ports = adit_server_plan_ports(model, &facts);
    print_plan(cli, rest);
    print_plan(cli, ports);
    cli->status = 0;
    return TRUE;
}

gboolean
adit_cli_apply(AditCli *cli, char **args, GError **error)
{
    GError *reason = NULL;
    g_autofree char *difference = hand_over(args[0], opt_diff, FALSE, &reason);

    if (!difference && opt_diff && g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_TIMEOUT)) {
        g_clear_error(&reason);
        return plan_alone(cli, args[0], error);
    }
    if (!difference) {
        g_propagate_error(error, reason);
        return FALSE;
    }
    adit_cli_print(cli, "%s", *difference ? difference : "nothing differs\n");
    cli->status = 0;
    return TRUE;
}

gboolean
adit_cli_import(AditCli *cli, char **args, GError **error)
{
    g_autofree char *difference = hand_over(args[0], FALSE, TRUE, error);

    if (!difference)
        return FALSE;
    adit_cli_print(cli, "%s", difference);
    cli->status = 0;
    return TRUE;
}
