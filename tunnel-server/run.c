/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/run.h"

#include "libadit/core/error.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/secrecy.h"
#include "libadit/sys/trim.h"
#include "tunnel-server/cli.h"
#include "tunnel-server/service.h"
#include "tunnel-server/tender.h"
#include "tunnel-server/witness.h"

#include <glib-unix.h>

#define BUSY 200 /* transactions of ours in a second */

typedef struct {
    GMainLoop *loop;
    AditAdmin *admin;
    AditServerService *service;
    AditTender *tender;
    AditWitness *witness;
    AditWatch *watch; /* NULL: nothing is heard, and only the timer looks */
    guint look_timer, save_timer, second_timer;
    guint64 sent; /* transactions until a second ago */
    gboolean busy;
    GError *failure;
} Run;

static gboolean
on_stop(gpointer data)
{
    g_main_loop_quit(((Run *)data)->loop);
    return G_SOURCE_CONTINUE;
}

/* What is wrong is said once, and shown by status until it is mended. */
static gboolean
look(Run *run, gboolean ports)
{
    g_autofree char *before = g_strdup(adit_admin_trouble(run->admin));
    g_autoptr(GError) error = NULL;

    ports |= !run->watch || adit_watch_take_table(run->watch);
    if (!adit_admin_look_again(run->admin, ports, &error) &&
        g_strcmp0(before, error->message) != 0)
        g_warning("%s", error->message);
    if (run->service && g_strcmp0(before, adit_admin_trouble(run->admin)) != 0)
        adit_server_service_refresh(run->service);
    return error == NULL;
}

static gboolean
on_event(gpointer data)
{
    return look(data, FALSE);
}

/* For what no event tells: proxy neighbours, settings of the kernel. */
static gboolean
on_look(gpointer data)
{
    look(data, FALSE);
    return G_SOURCE_CONTINUE;
}

static void
copy_store(Run *run)
{
    g_autoptr(GError) error = NULL;

    if (!adit_admin_copy_store(run->admin, &error))
        g_warning("%s", error->message);
}

/* Were somebody to listen, each lease would cost a quarter more. So while there are many, we
 * ask once a second whether we were alone. */
static gboolean
on_second(gpointer data)
{
    Run *run = data;
    const guint64 sent = adit_admin_transactions(run->admin);
    const gboolean busy = sent - run->sent >= BUSY, was_busy = run->busy;

    adit_admin_mend_store(run->admin);
    copy_store(run);
    adit_tender_look(run->tender);
    run->sent = sent;
    run->busy = busy;
    if (run->watch && busy != was_busy)
        adit_watch_set_deaf(run->watch, busy);
    if (!adit_admin_was_alone(run->admin) && (busy || was_busy))
        look(run, TRUE); /* else it was heard */
    return G_SOURCE_CONTINUE;
}

static void
on_tended(gpointer data)
{
    Run *run = data;

    if (run->service)
        adit_server_service_changed(run->service);
}

static void
start_watch(Run *run)
{
    g_autoptr(GError) error = NULL;

    run->watch = adit_watch_new(on_event, run, &error);
    if (run->watch && !adit_admin_tell_ours(run->admin, run->watch, &error))
        g_clear_pointer(&run->watch, adit_watch_free);
    if (!run->watch)
        g_warning("%s: what others change is mended late", error->message);
}

static gboolean
on_save(gpointer data)
{
    Run *run = data;
    g_autoptr(GError) error = NULL;

    if (!adit_admin_save_endpoints(run->admin, &error))
        g_warning("%s", error->message);
    return G_SOURCE_CONTINUE;
}

static void
set_timers(Run *run)
{
    const AditServerSettings *settings = adit_admin_settings(run->admin);

    g_clear_handle_id(&run->look_timer, g_source_remove);
    g_clear_handle_id(&run->save_timer, g_source_remove);
    run->look_timer = g_timeout_add_seconds((guint)settings->look_again, on_look, run);
    run->save_timer = g_timeout_add_seconds((guint)settings->save_endpoints, on_save, run);
}

/* A file that cannot be used changes nothing. */
static gboolean
on_reload(gpointer data)
{
    Run *run = data;
    g_autoptr(GError) error = NULL;

    adit_notify_reloading();
    if (adit_admin_start(run->admin, &error))
        g_message("reloaded");
    else
        g_warning("%s", error->message);
    set_timers(run);
    if (run->service)
        adit_server_service_refresh(run->service);
    adit_notify_ready("the kernel is as configured");
    adit_trim_later();
    return G_SOURCE_CONTINUE;
}

static void
on_bus(GDBusConnection *bus, const char *name, gpointer data)
{
    Run *run = data;

    run->service = adit_server_service_new(run->admin, bus, &run->failure);
    if (!run->service)
        g_main_loop_quit(run->loop);
}

static void
on_name_acquired(GDBusConnection *bus, const char *name, gpointer data)
{
    g_message("ready");
    adit_notify_ready("the kernel is as configured");
    adit_trim_later();
}

/* Somebody else is the server, or there is no bus. */
static void
on_name_lost(GDBusConnection *bus, const char *name, gpointer data)
{
    Run *run = data;

    if (!run->failure)
        run->failure =
            g_error_new(ADIT_ERROR, ADIT_ERROR_BUSY, "%s: %s", name,
                        bus ? "another adit-server owns this name" : "no system bus");
    g_main_loop_quit(run->loop);
}

static void
loop(Run *run)
{
    guint owner;

    run->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_stop, run);
    g_unix_signal_add(SIGINT, on_stop, run);
    g_unix_signal_add(SIGHUP, on_reload, run);
    run->tender = adit_tender_new(run->admin, on_tended, run);
    run->witness = adit_witness_new(run->admin);
    start_watch(run);
    run->second_timer = g_timeout_add_seconds(1, on_second, run);
    set_timers(run);
    owner = g_bus_own_name(G_BUS_TYPE_SYSTEM, ADIT_SERVER_BUS, G_BUS_NAME_OWNER_FLAGS_NONE,
                           on_bus, on_name_acquired, on_name_lost, run, NULL);
    g_main_loop_run(run->loop);
    adit_notify_stopping("tunnels and ports stay");
    on_save(run);
    copy_store(run);
    g_bus_unown_name(owner);
    g_clear_handle_id(&run->look_timer, g_source_remove);
    g_clear_handle_id(&run->save_timer, g_source_remove);
    g_clear_handle_id(&run->second_timer, g_source_remove);
    adit_admin_forget_watch(run->admin);
    g_clear_pointer(&run->watch, adit_watch_free);
    g_clear_pointer(&run->tender, adit_tender_free);
    g_clear_pointer(&run->witness, adit_witness_free);
    g_clear_pointer(&run->service, adit_server_service_free);
    g_main_loop_unref(run->loop);
}

/* The kernel first, then the bus: whoever can ask finds everything in place. A server that
 * cannot do its work stays, says why, and tries again. */
gboolean
adit_server_run(AditCli *cli, char **args, GError **error)
{
    g_autoptr(AditAdmin) admin = NULL;
    g_autoptr(GError) trouble = NULL;
    Run run = { 0 };

    adit_secrecy_no_core();
    adit_places_settle_for(&adit_cli_places, "adit-server");
    admin = adit_admin_open(&adit_cli_places, error);
    if (!admin)
        return FALSE;
    run.admin = admin;
    if (!adit_admin_start(admin, &trouble))
        g_warning("%s", trouble->message);
    if (!adit_admin_check_store(admin, error))
        return FALSE;
    loop(&run);
    if (run.failure) {
        g_propagate_error(error, run.failure);
        return FALSE;
    }
    cli->status = 0;
    return TRUE;
}
