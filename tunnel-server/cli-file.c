/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/core/diff.h"
#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "libadit/sys/store.h"
#include "tunnel-server/cli-secret.h"
#include "tunnel-server/config.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/key-pair.h"
#include "tunnel-server/sealed.h"
#include "tunnel-server/starttunnel.h"

#include <gio/gunixfdlist.h>
#include <sodium.h>
#include <string.h>

/* adit-server export, import, apply. */

#define MAX_CONFIG (64 * 1024 * 1024)

static gboolean opt_diff, opt_encrypt, opt_from_starttunnel;

const GOptionEntry adit_cli_export_options[] = {
    { "encrypt", 0, 0, G_OPTION_ARG_NONE, &opt_encrypt,
      "Close it with a passphrase, which is asked for, or read from standard input", NULL },
    { 0 },
};

const GOptionEntry adit_cli_import_options[] = {
    { "from-starttunnel", 0, 0, G_OPTION_ARG_NONE, &opt_from_starttunnel,
      "FILE is the database of a StartTunnel server (1.1 to 1.3) as JSON", NULL },
    { 0 },
};

const GOptionEntry adit_cli_apply_options[] = {
    { "diff", 0, 0, G_OPTION_ARG_NONE, &opt_diff, "Print what would change; change nothing",
      NULL },
    { 0 },
};

/* The bytes of @text, or of a file closed with a passphrase; wipe them. */
static char *
seal(const char *text, gsize *ret_len, GError **error)
{
    char passphrase[ADIT_SECRET_ROOM] = "";
    AditSealedDice dice;
    char *sealed = NULL;

    randombytes_buf(&dice, sizeof(dice));
    if (adit_cli_ask_new_secret("passphrase", passphrase, error))
        sealed = adit_sealed_close(text, strlen(text), passphrase, &dice, ret_len, error);
    sodium_memzero(passphrase, sizeof(passphrase));
    return sealed;
}

static gboolean
write_export(AditCli *cli, const char *path, const char *text, GError **error)
{
    gsize len = strlen(text);
    g_autofree char *sealed = opt_encrypt ? seal(text, &len, error) : NULL;

    if ((opt_encrypt && !sealed) ||
        !adit_store_write(path, sealed ? sealed : text, len, 0600, error))
        return FALSE;
    adit_cli_print(cli, "%s: the whole server, keys and all (%s)\n", path,
                   sealed ? "closed with the passphrase, without which it is lost"
                          : "mode 0600");
    return TRUE;
}

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
    ok = text && write_export(cli, args[0], text, error);
    adit_key_string_free(text);
    if (!ok)
        return FALSE;
    cli->status = 0;
    return TRUE;
}

/* A declarative file in memory: @bytes as they are, opened with a passphrase, or out of another
 * program's words. Takes @bytes; wipe the result. */
static char *
understand(AditCli *cli, const char *path, char *bytes, gsize *len, GError **error)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    char passphrase[ADIT_SECRET_ROOM] = "";
    char *text = NULL;

    if (opt_from_starttunnel) {
        text = adit_starttunnel_convert(path, bytes, *len, notes, error);
    } else if (adit_sealed_is(bytes, *len)) {
        if (adit_cli_ask_secret("passphrase", passphrase, error))
            text = adit_sealed_open(bytes, *len, passphrase, len, error);
        sodium_memzero(passphrase, sizeof(passphrase));
    } else {
        return bytes;
    }
    for (guint i = 0; i < notes->len; i++)
        adit_cli_warn(cli, "%s", (const char *)g_ptr_array_index(notes, i));
    if (text && opt_from_starttunnel)
        *len = strlen(text);
    adit_key_string_free(bytes);
    return text;
}

/* Read with our rights, not the daemon's. */
static char *
read_file(AditCli *cli, const char *path, gsize *ret_len, GError **error)
{
    char *bytes = adit_store_read(path, MAX_CONFIG, ret_len, error);

    return bytes ? understand(cli, path, bytes, ret_len, error) : NULL;
}

/* A large file may take the daemon longer than the bus waits by itself. */
static char *
hand_over(AditCli *cli, const char *path, gboolean dry, gboolean blank, GError **error)
{
    g_autoptr(AditSrvManager) manager = adit_cli_connect(error);
    g_autoptr(GUnixFDList) fds = NULL;
    g_autofree char *difference = NULL;
    GError *reason = NULL;
    gsize len;
    char *text = manager ? read_file(cli, path, &len, error) : NULL;

    fds = text ? adit_hand_over(text, len, error) : NULL;
    if (text)
        sodium_memzero(text, len);
    g_free(text);
    if (!fds || !adit_cli_settle(adit_srv_manager_call_apply_sync(
                                     manager, path, g_variant_new_handle(0), dry, blank,
                                     G_DBUS_CALL_FLAGS_NONE, G_MAXINT, fds, &difference, NULL,
                                     NULL, &reason),
                                 &reason, error))
        return NULL;
    if (!dry && *difference)
        adit_cli_warn_if_down(cli, manager);
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
    char *text = read_file(cli, path, &len, error);

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
    g_autofree char *difference = hand_over(cli, args[0], opt_diff, FALSE, &reason);

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
    g_autofree char *difference = hand_over(cli, args[0], FALSE, TRUE, error);

    if (!difference)
        return FALSE;
    adit_cli_print(cli, "%s", difference);
    cli->status = 0;
    return TRUE;
}
