/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/agent.h"
#include "client/agent/notifier.h"
#include "client/agent/settings.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/secrecy.h"
#include "libadit/sys/trim.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <locale.h>

/* adit-agent: one of it in a session. It is started at login, by the menu, or by a double click
 * on a profile; who starts a second one reaches the first. */

typedef struct {
    AditAgent *agent;
    gboolean check, version;
} Main;

static char *
settings_path(void)
{
    return g_build_filename(g_get_user_config_dir(), "adit", "agent.conf", NULL);
}

static gboolean
on_reload(gpointer data)
{
    adit_agent_reload(((Main *)data)->agent);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_stop(gpointer data)
{
    g_application_quit(data);
    return G_SOURCE_CONTINUE;
}

static void
on_startup(GApplication *application, gpointer data)
{
    Main *self = data;
    g_autofree char *state =
        g_build_filename(g_get_user_state_dir(), "adit", "agent.state", NULL);
    g_autofree char *settings = settings_path();
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) system = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);
    GDBusConnection *session = g_application_get_dbus_connection(application);

    if (!system || !session) {
        g_printerr("adit-agent: %s\n", system ? "no session bus" : error->message);
        exit(5);
    }
    self->agent = adit_agent_new(session, system, state, settings);
    g_unix_signal_add(SIGHUP, on_reload, self);
    g_unix_signal_add(SIGTERM, on_stop, application);
    g_unix_signal_add(SIGINT, on_stop, application);
    g_application_hold(application);
    adit_trim_later();
}

static void
on_activate(GApplication *application, gpointer data)
{
    adit_agent_browse(((Main *)data)->agent);
}

static void
on_open(GApplication *application, gpointer files, int n, const char *hint, gpointer data)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *path = g_file_get_path(((GFile **)files)[i]);

        if (path)
            adit_agent_open(((Main *)data)->agent, path);
        else
            g_warning("a file of no file system was given");
    }
}

/* What needs no session. -1: go on. */
static int
on_options(GApplication *application, GVariantDict *options, gpointer data)
{
    const Main *self = data;
    g_autofree char *path = settings_path();
    g_autoptr(GError) error = NULL;

    if (self->version)
        g_print("adit-agent %s\n", ADIT_VERSION);
    if (self->check && !adit_agent_settings_check(path, stdout, &error)) {
        g_printerr("adit-agent: %s\n", error->message);
        return 1;
    }
    return self->version || self->check ? 0 : -1;
}

int
main(int argc, char **argv)
{
    Main self = { 0 };
    const GOptionEntry entries[] = {
        { "check", 0, 0, G_OPTION_ARG_NONE, &self.check, "Print the settings in effect", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &self.version, "Print the version", NULL },
        { 0 },
    };
    g_autoptr(GApplication) application =
        g_application_new(ADIT_AGENT_ID, G_APPLICATION_HANDLES_OPEN);
    int status;

    setlocale(LC_ALL, "");
    bindtextdomain("adit", ADIT_LOCALE_DIR);
    bind_textdomain_codeset("adit", "UTF-8");
    textdomain("adit");
    adit_secrecy_no_core();
    adit_bus_register_errors();
    g_application_add_main_option_entries(application, entries);
    g_application_set_option_context_parameter_string(application, "[FILE...]");
    g_application_set_option_context_summary(
        application, "Tells a desktop's user about gateways and asks before it publishes.");
    g_signal_connect(application, "handle-local-options", G_CALLBACK(on_options), &self);
    g_signal_connect(application, "startup", G_CALLBACK(on_startup), &self);
    g_signal_connect(application, "activate", G_CALLBACK(on_activate), &self);
    g_signal_connect(application, "open", G_CALLBACK(on_open), &self);
    status = g_application_run(application, argc, argv);
    adit_agent_free(self.agent);
    return status;
}
