/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/cli/cli-doctor.h"

#include "client/cli/cli-bus.h"
#include "client/doctor/examine.h"
#include "libadit/core/error.h"
#include "libadit/sys/cli-findings.h"

#include <unistd.h>

#define DOCTOR_MS 6000
#define HOW                                                                                    \
    (G_DBUS_CALL_FLAGS_NO_AUTO_START | G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION)

static GPtrArray *
ask_daemon(const char *word, GError **error)
{
    g_autoptr(AditBusManager) manager = adit_cli_manager(error);
    g_autoptr(GVariant) found = NULL;
    GError *reason = NULL;

    if (!manager)
        return NULL;
    g_dbus_proxy_set_default_timeout(G_DBUS_PROXY(manager), DOCTOR_MS);
    if (!adit_cli_settle(adit_bus_manager_call_examine_sync(manager, word, HOW, DOCTOR_MS,
                                                            &found, NULL, &reason),
                         &reason, error))
        return NULL;
    return adit_findings_from_variant(found);
}

/* -- without aditd: what this process may see itself -- */

typedef struct {
    GMainLoop *loop;
    GPtrArray *ret;
} Alone;

static void
on_alone(AditExamination *examination, const GPtrArray *findings, gpointer data)
{
    Alone *alone = data;

    for (guint i = 0; i < findings->len; i++) {
        const AditFinding *f = g_ptr_array_index(findings, i);

        if (!g_str_equal(f->hop, "daemon"))
            adit_findings_add(alone->ret, f->hop, f->about, f->verdict, g_strdup(f->what),
                              g_strdup(f->why), g_strdup(f->remedy));
    }
    g_main_loop_quit(alone->loop);
}

static gboolean
examine_alone(const AditPlaces *places, const char *word, GPtrArray *ret, GError **error)
{
    g_autoptr(AditDaemon) daemon = adit_daemon_observe(places, error);
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(AditExamination) examination = NULL;
    Alone alone = { loop, ret };

    if (!daemon)
        return FALSE;
    examination = adit_examine(daemon, bus, word, FALSE, on_alone, &alone, error);
    if (!examination)
        return FALSE;
    g_main_loop_run(loop);
    return TRUE;
}

static GPtrArray *
look_alone(const char *word)
{
    g_auto(AditPlaces) places = { 0 };
    g_autoptr(GPtrArray) seen = adit_findings_new();
    GPtrArray *findings = adit_findings_new();
    g_autoptr(GError) reason = NULL;
    gboolean looked;

    adit_places_settle(&places);
    looked = geteuid() == 0 && examine_alone(&places, word, seen, &reason);
    if (!looked && !reason)
        g_set_error(&reason, ADIT_ERROR, ADIT_ERROR_DENIED, "only root may look without it");
    adit_findings_add(findings, "daemon", "", ADIT_VERDICT_BROKEN,
                      g_strdup("aditd does not run"),
                      g_strdup(looked ? "tunnels and guards stand without it, but nobody mends "
                                        "them"
                                      : reason->message),
                      g_strdup("systemctl restart aditd"));
    for (guint i = 0; i < seen->len; i++)
        g_ptr_array_add(findings, g_ptr_array_index(seen, i));
    g_ptr_array_set_free_func(seen, NULL);
    if (!looked)
        adit_findings_add(findings, "profile", "", ADIT_VERDICT_NOT_TESTED,
                          g_strdup("first what is broken above"), NULL, NULL);
    return findings;
}

gboolean
adit_cmd_doctor(AditCli *cli, char **args, GError **error)
{
    g_autoptr(GPtrArray) findings = NULL;
    const char *word = args[0] ? args[0] : "";
    GError *reason = NULL;

    adit_cli_progress(cli, "examining");
    findings = ask_daemon(word, &reason);
    if (g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_TIMEOUT)) {
        g_clear_error(&reason);
        findings = look_alone(word);
    }
    adit_cli_progress(cli, NULL);
    if (!findings) {
        g_propagate_error(error, reason);
        return FALSE;
    }
    adit_cli_print_findings(cli, findings, adit_doctor_hops);
    return cli->status == 0;
}
