/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/core/error.h"
#include "libadit/core/json.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"
#include "tunnel-server/cli-secret.h"
#include "tunnel-server/web/access.h"
#include "tunnel-server/web/share.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

/* adit-server web ...: who may use the page. The file belongs to root and is readable for the
 * group of the page's user: the page can look passwords up and not change them. */

#define MAX_FILE (64 * 1024)

static char *opt_scope;

static const GOptionEntry token_options[] = {
    { "scope", 0, 0, G_OPTION_ARG_STRING, &opt_scope,
      "What it may do (read, as shipped; metrics: only /metrics)", "metrics|read|write" },
    { 0 },
};

/* -- the file -- */

static char *
path_of(void)
{
    adit_places_settle(&adit_cli_places);
    return adit_web_access_path(adit_cli_places.state);
}

static AditWebAccess *
load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize len;

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return adit_web_access_new();
    text = adit_store_read(path, MAX_FILE, &len, error);
    return text ? adit_web_access_parse(path, text, len, error) : NULL;
}

/* For root and the page alone; nobody else may even look whether there is a password. */
static gboolean
save(const AditWebAccess *access, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *text = adit_web_access_to_string(access);

    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        adit_syserror_set(error, errno, "%s: make", folder);
        return FALSE;
    }
    return adit_store_write(path, text, strlen(text), 0600, error) &&
           adit_web_share(path, 0640, error) && adit_web_share(folder, 0750, error);
}

/* -- the password -- */

static gboolean
cmd_set_password(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = path_of();
    g_autoptr(AditWebAccess) access = load(path, error);
    char password[ADIT_SECRET_ROOM] = "";
    gboolean ok = access && adit_cli_ask_new_secret("password", password, error) &&
                  adit_web_access_set_password(access, password, error) &&
                  save(access, path, error);

    sodium_memzero(password, sizeof(password));
    if (!ok)
        return FALSE;
    adit_cli_print(cli, "the page's password is set; whoever was logged in is not any more\n");
    cli->status = 0;
    return TRUE;
}

/* -- tokens -- */

static gboolean
cmd_add_token(AditCli *cli, char **args, GError **error)
{
    AditWebScope scope = adit_web_scope_parse(opt_scope ? opt_scope : "read");
    g_autofree char *path = path_of();
    g_autoptr(AditWebAccess) access = NULL;
    g_autofree char *text = NULL;

    if (!scope)
        return adit_cli_usage(error, "--scope: neither metrics, read nor write");
    access = load(path, error);
    text = access ? adit_web_access_add_token(access, args[0], scope, error) : NULL;
    if (!text || !save(access, path, error))
        return FALSE;
    adit_cli_print(cli, "%s\n", text);
    adit_cli_warn(cli, "this is shown once; use it as: Authorization: Bearer TOKEN");
    cli->status = 0;
    return TRUE;
}

static gboolean
cmd_remove_token(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = path_of();
    g_autoptr(AditWebAccess) access = load(path, error);

    if (!access || !adit_web_access_remove_token(access, args[0], error) ||
        !save(access, path, error))
        return FALSE;
    cli->status = 0;
    return TRUE;
}

static void
print_tokens(AditCli *cli, const AditWebAccess *access)
{
    static const char *const headers[] = { "TOKEN", "SCOPE", NULL };
    g_autoptr(AditTable) table = adit_table_new(headers, 0);

    for (guint i = 0; i < access->tokens->len; i++) {
        const AditWebToken *token = g_ptr_array_index(access->tokens, i);

        adit_table_add(table, ADIT_PAINT_BOLD, token->name);
        adit_table_add(table, ADIT_PAINT_PLAIN, adit_web_scope_name(token->scope));
    }
    if (access->tokens->len == 0)
        adit_cli_print(cli, "no token yet: adit-server web add-token NAME\n");
    else
        adit_cli_print_table(cli, table);
}

static void
print_tokens_json(AditCli *cli, const AditWebAccess *access)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    json_builder_begin_array(json);
    for (guint i = 0; i < access->tokens->len; i++) {
        const AditWebToken *token = g_ptr_array_index(access->tokens, i);

        json_builder_begin_object(json);
        adit_json_string(json, "name", token->name);
        adit_json_string(json, "scope", adit_web_scope_name(token->scope));
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
    adit_cli_print_json(cli, json);
}

static gboolean
cmd_list_tokens(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = path_of();
    g_autoptr(AditWebAccess) access = load(path, error);

    if (!access)
        return FALSE;
    if (cli->json)
        print_tokens_json(cli, access);
    else
        print_tokens(cli, access);
    cli->status = 0;
    return TRUE;
}

const AditCommand adit_cli_web_verbs[] = {
    { "set-password", "", 0, 0, cmd_set_password,
      "Set the password of the page; it is asked for, or read from standard input", NULL,
      NULL },
    { "add-token", "NAME", 1, 1, cmd_add_token, "Make a token for a program, and print it once",
      token_options, NULL },
    { "list-tokens", "", 0, 0, cmd_list_tokens, "List the tokens", NULL, NULL },
    { "remove-token", "NAME", 1, 1, cmd_remove_token, "Take a token back", NULL, NULL },
    { 0 },
};
