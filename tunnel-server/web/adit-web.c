/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/settings-file.h"
#include "libadit/sys/trim.h"
#include "tunnel-server/web/door.h"
#include "tunnel-server/web/gate.h"
#include "tunnel-server/web/make-certificate.h"
#include "tunnel-server/web/stream.h"

#include <glib-unix.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* adit-web: the admin page of adit-server, as a process without any privilege of its own. What
 * it may do is what the bus lets a member of adit-admin do. */

typedef struct {
    AditWeb web;
    AditWebDoors *doors;
    GMainLoop *loop;
    gboolean is_ready;
} Program;

/* Also the first time, when it is known whether there is a server. */
static void
on_server_changed(gpointer data)
{
    Program *self = data;
    g_autoptr(GError) error = NULL;

    if (!adit_web_doors_settle(self->doors, &error))
        g_warning("%s", error->message);
    adit_web_streams_status(&self->web);
    if (self->is_ready)
        return;
    self->is_ready = TRUE;
    g_message("ready");
    adit_notify_ready("serving the page");
    adit_trim_later();
}

static gboolean
on_stop(gpointer data)
{
    g_main_loop_quit(((Program *)data)->loop);
    return G_SOURCE_CONTINUE;
}

/* A name without a slash is a credential of the unit: what systemd has read as root for us. */
static char *
place_of(const char *name)
{
    const char *credentials = g_getenv("CREDENTIALS_DIRECTORY");

    if (!credentials || strchr(name, '/'))
        return g_strdup(name);
    return g_build_filename(credentials, name, NULL);
}

static GTlsCertificate *
load_certificate(const AditWebSettings *settings, GError **error)
{
    g_autofree char *file = place_of(settings->certificate), *key = place_of(settings->key);
    GTlsCertificate *certificate;

    if (*settings->certificate == '\0' || *settings->key == '\0') {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "web.conf: [Web] Listen: a public address needs Certificate= and "
                            "Key=: adit-web --make-certificate makes both");
        return NULL;
    }
    certificate = g_tls_certificate_new_from_files(file, key, error);
    if (!certificate)
        g_prefix_error(error, "%s: ", file);
    return certificate;
}

static gboolean
is_public(const AditWebSettings *settings)
{
    g_auto(GStrv) words = g_strsplit_set(settings->listen, ", ", -1);

    for (guint i = 0; words[i]; i++)
        if (*words[i] && !g_str_equal(words[i], "tunnel") && !g_str_equal(words[i], "loopback"))
            return TRUE;
    return FALSE;
}

static gboolean
open_web(Program *self, GError **error)
{
    AditWeb *web = &self->web;
    g_autofree char *path = g_build_filename(web->places.config, "web.conf", NULL);
    g_autoptr(GTlsCertificate) certificate = NULL;
    g_autoptr(GDBusConnection) bus = NULL;

    web->settings = adit_settings_file_load(&adit_web_settings, path, error);
    if (!web->settings)
        return FALSE;
    if (is_public(web->settings)) {
        certificate = load_certificate(web->settings, error);
        if (!certificate)
            return FALSE;
    }
    bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);
    if (!bus)
        return FALSE;
    web->soup = soup_server_new("raw-paths", TRUE, NULL);
    web->connections =
        adit_web_connections_new(web->soup, web->settings, certificate, &web->counters);
    web->sessions =
        adit_web_sessions_new(web->settings->session_idle, web->settings->session_life);
    web->backoff = adit_web_backoff_new();
    randombytes_buf(web->secret, sizeof(web->secret));
    web->streams = adit_web_streams_new();
    adit_web_access_refresh(web);
    adit_web_gate_install(web);
    web->bus = adit_web_bus_new(bus, on_server_changed, self);
    self->doors = adit_web_doors_new(web->settings, web->bus, web->connections);
    return adit_web_doors_settle(self->doors, error);
}

static void
close_web(Program *self)
{
    AditWeb *web = &self->web;

    g_clear_pointer(&self->doors, adit_web_doors_free);
    g_clear_pointer(&web->bus, adit_web_bus_free);
    if (web->soup)
        soup_server_disconnect(web->soup);
    g_clear_object(&web->soup);
    g_clear_pointer(&web->connections, adit_web_connections_free);
    g_clear_pointer(&web->streams, g_ptr_array_unref);
    g_clear_handle_id(&web->stream_timer, g_source_remove);
    g_clear_pointer(&web->access, adit_web_access_free);
    g_clear_pointer(&web->sessions, adit_web_sessions_free);
    g_clear_pointer(&web->backoff, adit_web_backoff_free);
    if (web->settings)
        adit_settings_free(&adit_web_settings, web->settings);
    adit_places_clear(&web->places);
}

static gboolean
run(Program *self, GError **error)
{
    if (sodium_init() < 0) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_KERNEL, "libsodium: no dice");
        return FALSE;
    }
    if (!open_web(self, error))
        return FALSE;
    self->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_stop, self);
    g_unix_signal_add(SIGINT, on_stop, self);
    g_main_loop_run(self->loop);
    adit_notify_stopping("tunnels and ports stay");
    g_main_loop_unref(self->loop);
    return TRUE;
}

/* --check: the settings in effect. */
static gboolean
check(const AditPlaces *places, GError **error)
{
    g_autofree char *path = g_build_filename(places->config, "web.conf", NULL);

    return adit_settings_file_check(&adit_web_settings, path, stdout, error);
}

int
main(int argc, char **argv)
{
    Program program = { 0 };
    gboolean is_check = FALSE, is_version = FALSE;
    g_autofree char *names = NULL;
    const GOptionEntry entries[] = {
        { "check", 0, 0, G_OPTION_ARG_NONE, &is_check, "Print the settings in effect and exit",
          NULL },
        { "make-certificate", 0, 0, G_OPTION_ARG_STRING, &names,
          "Make web.crt and web.key for these names and addresses, and exit", "NAMES" },
        { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &program.web.places.config,
          "Read DIR, not /etc/adit", "DIR" },
        { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &program.web.places.state,
          "Keep state in DIR-web, not /var/lib/adit-web", "DIR" },
        { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &program.web.places.runtime,
          "Keep sockets in DIR, not /run/adit", "DIR" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &is_version, "Show the version and exit", NULL },
        { 0 },
    };
    g_autoptr(GOptionContext) options = g_option_context_new("- the admin page of adit-server");
    g_autoptr(GError) error = NULL;
    gboolean ok;

    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error) || argc > 1) {
        g_printerr("adit-web: %s\n", error ? error->message : "no argument is wanted");
        return 2;
    }
    if (is_version) {
        g_print("adit-web %s\n", ADIT_VERSION);
        return EXIT_SUCCESS;
    }
    adit_bus_register_errors();
    adit_places_settle(&program.web.places);
    if (is_check)
        ok = check(&program.web.places, &error);
    else if (names)
        ok = adit_web_make_certificate(&program.web.places, names, &error);
    else
        ok = run(&program, &error);
    if (!ok)
        g_printerr("adit-web: %s\n", error->message);
    close_web(&program);
    return ok ? EXIT_SUCCESS : adit_error_exit_code(error);
}
