/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/key.h"
#include "libadit/sys/cli-findings.h"
#include "libadit/sys/settings-file.h"
#include "libadit/sys/store.h"
#include "tunnel-server/check.h"
#include "tunnel-server/cli.h"
#include "tunnel-server/config.h"
#include "tunnel-server/settings.h"

#include <glib/gstdio.h>
#include <sys/timex.h>

#define MAX_CONFIG (64 * 1024 * 1024)
#define CHECK_MS 5000
#define CLOCK_SLACK 60 /* seconds */

static gboolean opt_settings;

const GOptionEntry adit_cli_check_options[] = {
    { "settings", 0, 0, G_OPTION_ARG_NONE, &opt_settings,
      "Print the settings in effect, no more", NULL },
    { 0 },
};

static gboolean
check_config(AditCli *cli, const char *path, GError **error)
{
    gsize len;
    char *text = adit_store_read(path, MAX_CONFIG, &len, error);
    g_autoptr(AditModel) model = text ? adit_config_parse(path, text, len, error) : NULL;

    adit_key_string_free(text);
    if (!model)
        return FALSE;
    adit_cli_print(cli, "%s: %u subnets, %u devices, %u forwards and pinholes\n", path,
                   model->subnets->len, model->devices->len, model->publishes->len);
    return TRUE;
}

static void
judge_settings(GPtrArray *ret, const char *path)
{
    g_autoptr(GError) error = NULL;
    gpointer settings = adit_settings_file_load(&adit_server_settings, path, &error);

    if (!settings) {
        adit_findings_add(ret, "settings", "", ADIT_VERDICT_BROKEN, g_strdup(error->message),
                          g_strdup("the daemon would not start with that"),
                          g_strdup_printf("mend it: %s", path));
        return;
    }
    adit_settings_free(&adit_server_settings, settings);
    adit_findings_add(ret, "settings", "", ADIT_VERDICT_OK,
                      g_strdup_printf("%s is in order", path), NULL, NULL);
}

/* What this machine wrote last was before now; and somebody keeps the clock, as the kernel
 * says.
 */
static void
judge_clock(GPtrArray *ret)
{
    g_autofree char *path = g_build_filename(adit_cli_places.state, "server.db", NULL);
    const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    struct timex timex = { 0 };
    GStatBuf status;
    int state;

    if (g_stat(path, &status) == 0 && status.st_mtime > now + CLOCK_SLACK) {
        adit_findings_add(ret, "clock", "", ADIT_VERDICT_BROKEN,
                          g_strdup_printf("behind by %" G_GINT64_FORMAT " s at least",
                                          (gint64)status.st_mtime - now),
                          g_strdup("leases and handshakes are judged by it"),
                          g_strdup("timedatectl set-ntp true"));
        return;
    }
    state = adjtimex(&timex);
    if (state >= 0 && state != TIME_ERROR && !(timex.status & STA_UNSYNC))
        adit_findings_add(ret, "clock", "", ADIT_VERDICT_OK, g_strdup("kept by NTP"), NULL,
                          NULL);
    else
        adit_findings_add(ret, "clock", "", ADIT_VERDICT_NOT_TESTED,
                          g_strdup("nobody keeps it: timedatectl set-ntp true"), NULL, NULL);
}

/* What it is in trouble for is told by a hop of its own, if there is one. */
static void
judge_daemon(GPtrArray *ret, AditSrvManager *manager, const GPtrArray *findings)
{
    const char *const *problems = adit_srv_manager_get_problems(manager);

    if (g_strcmp0(adit_srv_manager_get_state(manager), "broken") == 0 &&
        !adit_findings_broken(findings))
        adit_findings_add(ret, "daemon", "", ADIT_VERDICT_BROKEN,
                          g_strdup("the server is broken"),
                          g_strdup(problems && problems[0] ? problems[0] : ""),
                          g_strdup("mend that, then: systemctl reload adit-server"));
    else
        adit_findings_add(
            ret, "daemon", "", ADIT_VERDICT_OK,
            g_strdup_printf("runs, devices: %u", adit_srv_manager_get_devices(manager)), NULL,
            NULL);
}

/* NULL with @error NULL: it does not run. */
static GVariant *
call_check(AditSrvManager **ret, GError **error)
{
    GError *reason = NULL;
    AditSrvManager *manager = adit_cli_connect(&reason);
    GVariant *found = NULL;

    *ret = manager;
    if (manager && adit_cli_settle(adit_srv_manager_call_check_sync(
                                       manager, G_DBUS_CALL_FLAGS_NO_AUTO_START, CHECK_MS,
                                       &found, NULL, &reason),
                                   &reason, &reason))
        return found;
    if (g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_TIMEOUT))
        g_error_free(reason);
    else
        g_propagate_error(error, reason);
    return NULL;
}

static gboolean
ask_daemon(GPtrArray *ret, GError **error)
{
    g_autoptr(AditSrvManager) manager = NULL;
    GError *reason = NULL;
    g_autoptr(GVariant) found = call_check(&manager, &reason);
    g_autoptr(GPtrArray) findings = NULL;

    if (reason) {
        g_propagate_error(error, reason);
        return FALSE;
    }
    if (!found) {
        adit_findings_add(ret, "daemon", "", ADIT_VERDICT_BROKEN,
                          g_strdup("adit-server does not run"),
                          g_strdup("the kernel keeps what it has, and nobody mends it"),
                          g_strdup("systemctl start adit-server"));
        return TRUE;
    }
    findings = adit_findings_from_variant(found);
    if (findings->len != 1) /* else it is none yet, and says so */
        judge_daemon(ret, manager, findings);
    g_ptr_array_extend_and_steal(ret, g_steal_pointer(&findings));
    return TRUE;
}

static gboolean
check_machine(AditCli *cli, const char *path, GError **error)
{
    g_autoptr(GPtrArray) findings = adit_findings_new();
    gboolean ok;

    judge_settings(findings, path);
    adit_cli_progress(cli, "checking");
    ok = ask_daemon(findings, error);
    adit_cli_progress(cli, NULL);
    if (!ok)
        return FALSE;
    judge_clock(findings);
    adit_cli_print_findings(cli, findings, adit_check_hops);
    return cli->status == 0;
}

/* The machine; with FILE a declarative file. */
gboolean
adit_cli_check(AditCli *cli, char **args, GError **error)
{
    g_autofree char *path = NULL;
    gboolean ok;

    adit_places_settle_for(&adit_cli_places, "adit-server");
    path = g_build_filename(adit_cli_places.config, "server.conf", NULL);
    if (!args[0] && !opt_settings)
        return check_machine(cli, path, error);
    ok = args[0] ? check_config(cli, args[0], error)
                 : adit_settings_file_check(&adit_server_settings, path, cli->out, error);
    cli->status = ok ? 0 : cli->status;
    return ok;
}
