/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/names.h"
#include "client/service.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/secrecy.h"
#include "libadit/sys/trim.h"

#include <glib-unix.h>

/* aditd: the daemon and its bus under one main loop. */

typedef struct {
    GMainLoop *loop;
    AditPlaces places;
    AditDaemon *daemon;
    AditService *service;
    GDBusConnection *bus; /* NULL: none yet */
    int status;
} Main;

static gboolean
on_stop(gpointer data)
{
    Main *self = data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer data)
{
    Main *self = data;
    g_autoptr(GError) error = NULL;

    adit_notify_reloading();
    if (!adit_daemon_reload(self->daemon, &error))
        g_warning("%s", error->message);
    else
        g_message("reloaded");
    adit_notify_ready("gateways are as configured");
    adit_trim_later();
    return G_SOURCE_CONTINUE;
}

/* Heard only while the loop turns: one that hangs is started anew. */
static gboolean
on_watchdog(gpointer data)
{
    adit_notify_watchdog();
    return G_SOURCE_CONTINUE;
}

static void
on_name_acquired(GDBusConnection *bus, const char *name, gpointer data)
{
    g_message("ready");
    adit_notify_ready("gateways are as configured");
    adit_trim_later();
}

/* Somebody else is aditd, or there is no bus. */
static void
on_name_lost(GDBusConnection *bus, const char *name, gpointer data)
{
    Main *self = data;

    g_warning("%s: %s", name, bus ? "another aditd owns this name" : "no system bus");
    self->status = 1;
    g_main_loop_quit(self->loop);
}

static void
on_bus(GDBusConnection *bus, const char *name, gpointer data)
{
    Main *self = data;

    self->bus = g_object_ref(bus);
    self->service = adit_service_new(self->daemon, bus);
}

static void
run(Main *self)
{
    guint owner;

    g_unix_signal_add(SIGTERM, on_stop, self);
    g_unix_signal_add(SIGINT, on_stop, self);
    g_unix_signal_add(SIGHUP, on_reload, self);
    if (adit_notify_watchdog_usec() > 0)
        g_timeout_add((guint)(adit_notify_watchdog_usec() / 1000), on_watchdog, NULL);
    owner = g_bus_own_name(G_BUS_TYPE_SYSTEM, ADIT_CLIENT_BUS, G_BUS_NAME_OWNER_FLAGS_NONE,
                           on_bus, on_name_acquired, on_name_lost, self, NULL);
    g_main_loop_run(self->loop);
    adit_notify_stopping("tunnels and guards stay");
    g_bus_unown_name(owner);
}

int
main(int argc, char **argv)
{
    Main self = { 0 };
    g_autoptr(GError) error = NULL;

    adit_secrecy_no_core();
    adit_bus_register_errors();
    if (!adit_places_parse(&self.places, "Keeps the gateways of this machine.", &argc, &argv,
                           &error)) {
        g_printerr("aditd: %s\n", error->message);
        return 2;
    }
    self.daemon = adit_daemon_new(&self.places, &error);
    if (!self.daemon || !adit_daemon_reload(self.daemon, &error)) {
        g_printerr("aditd: %s\n", error->message);
        g_clear_pointer(&self.daemon, adit_daemon_free);
        adit_places_clear(&self.places);
        return 1;
    }
    self.loop = g_main_loop_new(NULL, FALSE);
    run(&self);
    g_clear_pointer(&self.service, adit_service_free);
    adit_daemon_free(self.daemon);
    if (self.bus) /* who still waits is told that it was not done */
        g_dbus_connection_flush_sync(self.bus, NULL, NULL);
    g_clear_object(&self.bus);
    g_main_loop_unref(self.loop);
    adit_places_clear(&self.places);
    return self.status;
}
