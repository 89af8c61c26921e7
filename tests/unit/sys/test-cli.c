/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/cli.h"

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "tests/golden.h"

static struct {
    char *config, *subnet;
    int tries;
    gboolean full;
} given;

static const GOptionEntry program_options[] = {
    { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &given.config, "Read settings from DIR",
      "DIR" },
    { 0 },
};

static const GOptionEntry add_options[] = {
    { "subnet", 's', 0, G_OPTION_ARG_STRING, &given.subnet, "Take an address of NET", "NET" },
    { "tries", 0, 0, G_OPTION_ARG_INT, &given.tries, "Try N times", "N" },
    { "full", 0, 0, G_OPTION_ARG_NONE, &given.full, "Send everything through the tunnel" },
    { "secret", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &given.full, "Not shown" },
    { 0 },
};

static gboolean
cmd_add(AditCli *cli, char **args, GError **error)
{
    adit_cli_progress(cli, "working");
    adit_cli_print(cli, "add %s", args[0]);
    for (guint i = 1; i < cli->n_args; i++)
        adit_cli_print(cli, " + %s", args[i]);
    adit_cli_print(cli, "%s%s%s\n", given.subnet ? " in " : "",
                   given.subnet ? given.subnet : "", given.full ? " full" : "");
    return TRUE;
}

static gboolean
cmd_list(AditCli *cli, char **args, GError **error)
{
    const char *headers[] = { "NAME", "STATE", NULL };
    g_autoptr(AditTable) table = adit_table_new(headers, 0);
    g_autoptr(JsonBuilder) builder = json_builder_new();

    g_assert_cmpuint(cli->n_args, ==, 0);
    if (cli->json) {
        json_builder_begin_array(builder);
        json_builder_add_string_value(builder, "home");
        json_builder_end_array(builder);
        adit_cli_print_json(cli, builder);
        return TRUE;
    }
    adit_table_add(table, ADIT_PAINT_PLAIN, "home");
    adit_table_add(table, ADIT_PAINT_GOOD, "working");
    adit_cli_print_table(cli, table);
    return TRUE;
}

static gboolean
cmd_fail(AditCli *cli, char **args, GError **error)
{
    static const struct {
        const char *how;
        AditError code;
    } rows[] = {
        { "config", ADIT_ERROR_CONFIG },
        { "not-found", ADIT_ERROR_NOT_FOUND },
        { "denied", ADIT_ERROR_DENIED },
        { "timeout", ADIT_ERROR_TIMEOUT },
    };
    gboolean on;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_equal(args[0], rows[i].how)) {
            g_set_error(error, ADIT_ERROR, rows[i].code, "home: %s: \033[31mso", args[0]);
            return FALSE;
        }
    }
    if (g_str_equal(args[0], "quietly"))
        return FALSE;
    cli->status = 5;
    return adit_cli_parse_switch(args[0], &on, error) && on;
}

static gboolean
cmd_warn(AditCli *cli, char **args, GError **error)
{
    adit_cli_progress(cli, "looking at one\n");
    adit_cli_progress(cli, "looking at two");
    adit_cli_warn(cli, "%s has no GUA", args[0] ? args[0] : "home");
    adit_cli_progress(cli, "looking at three");
    return TRUE;
}

static const AditCommand device_commands[] = {
    { "add", "NAME [FILE...]", 1, ADIT_CLI_ANY, cmd_add, "Add a device", add_options },
    { "list", "", 0, 0, cmd_list, "List devices" },
    { 0 },
};

static const AditCommand commands[] = {
    { "device", .summary = "Devices of the tunnel", .verbs = device_commands },
    { "fail", "HOW", 1, 1, cmd_fail, "Fail in one way or another" },
    { "forward", "EXT[-EXT][/tcp|udp|both] DEVICE[:PORT]", 2, 2, cmd_add, "Forward a port" },
    { "warn", "[NAME]", 0, 1, cmd_warn, "Warn of something" },
    { 0 },
};

static const AditProgram program = {
    .name = "adit-test",
    .summary = "Test the command line",
    .commands = commands,
    .options = program_options,
};

typedef struct {
    char *out, *err;
    int status;
} Result;

static void
clear_result(Result *result)
{
    free(result->out);
    free(result->err);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, clear_result)

/* "device add home": split at blanks. */
static Result
run(const char *line)
{
    g_autofree char *whole = g_strconcat("adit-test", line[0] ? " " : "", line, NULL);
    g_auto(GStrv) argv = g_strsplit(whole, " ", -1);
    Result result = { 0 };
    gsize out_len, err_len;
    FILE *out = open_memstream(&result.out, &out_len);
    FILE *err = open_memstream(&result.err, &err_len);

    g_clear_pointer(&given.config, g_free);
    g_clear_pointer(&given.subnet, g_free);
    given.full = FALSE;
    result.status = adit_cli_run(&program, argv, out, err);
    fclose(out);
    fclose(err);
    g_clear_pointer(&given.config, g_free);
    g_clear_pointer(&given.subnet, g_free);
    return result;
}

static void
test_runs(void)
{
    static const struct {
        const char *line;
        int status;
        const char *out, *err; /* err: NULL is silence, else how it begins */
    } rows[] = {
        { "device add home", 0, "add home\n", NULL },
        { "device add home a b", 0, "add home + a + b\n", NULL },
        { "device add --subnet 10.0.0.0/8 home", 0, "add home in 10.0.0.0/8\n", NULL },
        { "device add home -s net --full", 0, "add home in net full\n", NULL },
        { "device add -- --full -- -x", 0, "add --full + -- + -x\n", NULL },
        { "device add -- home", 0, "add home\n", NULL },
        { "--config-dir /x device add home", 0, "add home\n", NULL },
        { "device --config-dir /y add home", 0, "add home\n", NULL },
        { "device list", 0, "NAME  STATE\nhome  working\n", NULL },
        { "device list --json", 0, "[\n  \"home\"\n]\n", NULL },
        { "--json device list", 0, "[\n  \"home\"\n]\n", NULL },
        { "device --json list", 0, "[\n  \"home\"\n]\n", NULL },
        { "--version", 0, "adit-test " ADIT_VERSION "\n", NULL },
        { "fail on", 0, "", NULL },
        { "fail off", 5, "", NULL },
        { "fail quietly", 1, "", NULL },
        { "fail config", 1, "", "adit-test: home: config: ?[31mso\n" },
        { "fail not-found", 3, "", "adit-test: home: not-found: ?[31mso\n" },
        { "fail denied", 4, "", "adit-test: home: denied: ?[31mso\n" },
        { "fail timeout", 5, "", "adit-test: home: timeout: ?[31mso\n" },
        { "fail maybe", 2, "", "adit-test fail: maybe: neither on nor off\n" },
        { "warn", 0, "", "adit-test: home has no GUA\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(Result) result = run(rows[i].line);

        g_test_message("%s", rows[i].line);
        g_assert_cmpint(result.status, ==, rows[i].status);
        g_assert_cmpstr(result.out, ==, rows[i].out);
        if (rows[i].err)
            g_assert_true(g_str_has_prefix(result.err, rows[i].err));
        else
            g_assert_cmpstr(result.err, ==, "");
    }
}

static void
test_usage(void)
{
    static const struct {
        const char *line, *err;
    } rows[] = {
        { "device add", "adit-test device add: NAME is missing\n"
                        "Try 'adit-test device add --help'.\n" },
        { "forward 80", "adit-test forward: DEVICE[:PORT] is missing\n"
                        "Try 'adit-test forward --help'.\n" },
        { "forward 80 home x y", "adit-test forward: x: unexpected\n" },
        { "device list x\ny", "adit-test device list: x\\x0ay: unexpected\n" },
        { "device ad", "adit-test device: ad: no such command; did you mean 'add'?\n"
                       "Try 'adit-test device --help'.\n" },
        { "devcie", "adit-test: devcie: no such command; did you mean 'device'?\n" },
        { "dev", "adit-test: dev: no such command; did you mean 'device'?\n" },
        { "fial x", "adit-test: fial: no such command; did you mean 'fail'?\n" },
        { "fails x", "adit-test: fails: no such command; did you mean 'fail'?\n" },
        { "zzz", "adit-test: zzz: no such command\nTry 'adit-test --help'.\n" },
        { "a-word-that-is-longer-than-any-command-may-be",
          "adit-test: a-word-that-is-longer-than-any-command-may-be: no such command\n" },
        { "device list --bogus", "adit-test device list: " },
        { "device list --version", "adit-test device list: " },
        { "--bogus", "adit-test: " },
        { "device add --tries many home", "adit-test device add: " },
        { "device add --subnet", "adit-test device add: " },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(Result) result = run(rows[i].line);

        g_test_message("%s", rows[i].line);
        g_assert_cmpint(result.status, ==, 2);
        g_assert_cmpstr(result.out, ==, "");
        g_assert_true(g_str_has_prefix(result.err, rows[i].err));
        g_assert_nonnull(strstr(result.err, "Try 'adit-test"));
    }
}

static void
test_help(void)
{
    static const struct {
        const char *line, *golden;
        int status;
    } rows[] = {
        { "--help", "cli/program.help", 0 },
        { "help", "cli/program.help", 0 },
        { "-h", "cli/program.help", 0 },
        { "device --help", "cli/group.help", 0 },
        { "help device", "cli/group.help", 0 },
        { "device add --help", "cli/command.help", 0 },
        { "help device add", "cli/command.help", 0 },
        { "device help add", "cli/command.help", 0 },
        { "device add --help too many of them", "cli/command.help", 0 },
        { "device list -h", "cli/plain.help", 0 },
        { "", "cli/program.help", 2 },
        { "device", "cli/group.help", 2 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(Result) result = run(rows[i].line);

        g_assert_cmpint(result.status, ==, rows[i].status);
        golden_check(rows[i].golden, rows[i].status == 0 ? result.out : result.err);
        g_assert_cmpstr(rows[i].status == 0 ? result.err : result.out, ==, "");
    }
}

/* Runs with both streams on a terminal and returns what it saw. */
static char *
run_on_terminal(const char *line, const char *term, const char *no_color)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GString) seen = g_string_new(NULL);
    char chunk[256];
    int master, slave;
    FILE *terminal;
    ssize_t n;

    g_setenv("TERM", term, TRUE);
    if (no_color)
        g_setenv("NO_COLOR", no_color, TRUE);
    else
        g_unsetenv("NO_COLOR");
    g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
    terminal = fdopen(slave, "r+");
    adit_cli_run(&program, argv, terminal, terminal);
    fclose(terminal);
    while ((n = read(master, chunk, sizeof(chunk))) > 0) /* EIO at the end */
        g_string_append_len(seen, chunk, n);
    close(master);
    return g_strdup(seen->str);
}

static void
test_terminal(void)
{
    static const struct {
        const char *term, *no_color;
        gboolean colour;
    } rows[] = {
        { "xterm", NULL, TRUE },
        { "xterm", "", TRUE },
        { "xterm", "1", FALSE },
        { "dumb", NULL, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *seen =
            run_on_terminal("adit-test device list", rows[i].term, rows[i].no_color);

        g_assert_cmpstr(seen, ==,
                        rows[i].colour ? "\033[1mNAME\033[0m  \033[1mSTATE\033[0m\r\n"
                                         "home  \033[32mworking\033[0m\r\n"
                                       : "NAME  STATE\r\nhome  working\r\n");
    }
}

static void
test_progress(void)
{
    g_autofree char *seen = run_on_terminal("adit-test warn vps", "xterm", NULL);
    g_autofree char *dumb = run_on_terminal("adit-test warn vps", "dumb", NULL);

    g_assert_true(g_str_has_prefix(seen, "\r\033[Klooking at one?"));
    g_assert_null(strstr(dumb, "looking"));
    g_assert_cmpstr(dumb, ==, "adit-test: vps has no GUA\r\n");
}

static void
test_full_disk(void)
{
    char *argv[] = { (char *)"adit-test", (char *)"device", (char *)"list", NULL };
    g_autofree char *text = NULL;
    gsize len;
    FILE *full = fopen("/dev/full", "w"), *err = open_memstream(&text, &len);

    g_assert_nonnull(full);
    g_assert_cmpint(adit_cli_run(&program, argv, full, err), ==, 1);
    fclose(err);
    fclose(full);
    g_assert_cmpstr(text, ==, "adit-test: standard output: No space left on device\n");
}

static void
test_main(void)
{
    char *argv[] = { (char *)"adit-test", (char *)"--version", NULL };

    if (g_test_subprocess()) {
        exit(adit_cli_main(&program, 2, argv));
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*adit-test " ADIT_VERSION "\n*");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/runs", test_runs);
    g_test_add_func("/cli/usage", test_usage);
    g_test_add_func("/cli/help", test_help);
    g_test_add_func("/cli/terminal", test_terminal);
    g_test_add_func("/cli/progress", test_progress);
    g_test_add_func("/cli/full-disk", test_full_disk);
    g_test_add_func("/cli/main", test_main);
    return g_test_run();
}
