/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-run.h"
#include "client/hooks/hook-source.h"
#include "client/settings.h"
#include "libadit/core/error.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/places.h"
#include "libadit/sys/syserror.h"
#include "libadit/sys/trim.h"

#include <errno.h>
#include <glib-unix.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* adit-hooks: an admin's programs, told what happens to gateways and publications. A process of
 * its own, because aditd has not even the power to become somebody else, and what an admin
 * writes is to have none of aditd's. */

#define FOLDER "hooks.d"
#define LOOK_S 15 /* a silent tunnel is noticed within that, if anybody wants to know */
#define NOBODY "nobody"

typedef struct {
    GMainLoop *loop;
    AditPlaces places;
    AditHookSettings settings;
    AditHookRunner *runner;
    AditHookSource *source;
    AditHookView *view; /* the last one */
} Main;

static void
on_seen(AditHookView *view, gboolean gateways_new, gboolean reaches_new, gpointer data)
{
    Main *self = data;
    g_autoptr(GPtrArray) events = NULL;

    adit_hook_view_follow(view, self->view, gateways_new, reaches_new);
    events = adit_hook_diff(self->view, view);
    adit_hook_view_free(self->view);
    self->view = view;
    g_ptr_array_set_free_func(events, NULL);
    for (guint i = 0; i < events->len; i++) {
        AditHookEvent *event = g_ptr_array_index(events, i);

        g_debug("%s", adit_hook_kind_name(event->kind));
        adit_hook_runner_queue(self->runner, event);
    }
}

/* Nobody is disturbed for hooks that are not there. */
static gboolean
on_look(gpointer data)
{
    Main *self = data;

    if (adit_hook_runner_has(self->runner, ADIT_HOOK_GATEWAY_UP) ||
        adit_hook_runner_has(self->runner, ADIT_HOOK_GATEWAY_DOWN))
        adit_hook_source_refresh(self->source);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_stop(gpointer data)
{
    Main *self = data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
become(const struct passwd *user, GError **error)
{
    if (initgroups(user->pw_name, user->pw_gid) < 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
        return adit_syserror_set(error, errno, "%s: becoming this user", user->pw_name);
    return TRUE;
}

/* Its unit starts it as its own user; by root's hand it becomes that one. */
static gboolean
drop_power(const char *name, GError **error)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam(name) : NULL;

    if (geteuid() != 0)
        return TRUE;
    if (!user && g_str_equal(name, "adit-hooks"))
        user = getpwnam(NOBODY); /* not installed as a package */
    if (!user) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "adit.conf: [hooks] user: %s: no such user", name);
        return FALSE;
    }
    return user->pw_uid == 0 || become(user, error);
}

static gboolean
open_all(Main *self, GDBusConnection **ret_bus, GError **error)
{
    g_autofree char *folder = NULL;

    if (!adit_hook_settings_load(self->places.config, &self->settings, error) ||
        !drop_power(self->settings.user, error))
        return FALSE;
    *ret_bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);
    if (!*ret_bus) {
        g_prefix_error(error, "no system bus: ");
        return FALSE;
    }
    folder = g_build_filename(self->places.config, FOLDER, NULL);
    self->runner = adit_hook_runner_new(folder, self->places.config, self->settings.timeout);
    self->view = adit_hook_view_new();
    self->source = adit_hook_source_new(*ret_bus, on_seen, self);
    return TRUE;
}

static void
run(Main *self)
{
    self->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_stop, self);
    g_unix_signal_add(SIGINT, on_stop, self);
    g_timeout_add_seconds(LOOK_S, on_look, self);
    g_message("ready");
    adit_notify_ready("listening for hooks.d");
    adit_trim_later();
    g_main_loop_run(self->loop);
    adit_notify_stopping("what runs is ended");
    g_main_loop_unref(self->loop);
}

int
main(int argc, char **argv)
{
    Main self = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) bus = NULL;
    int status = 0;

    adit_bus_register_errors();
    if (!adit_places_parse(&self.places, "Runs the programs of hooks.d.", &argc, &argv,
                           &error)) {
        g_printerr("adit-hooks: %s\n", error->message);
        return 2;
    }
    if (open_all(&self, &bus, &error)) {
        run(&self);
    } else {
        g_printerr("adit-hooks: %s\n", error->message);
        status = 1;
    }
    adit_hook_source_free(self.source);
    adit_hook_runner_free(self.runner);
    adit_hook_view_free(self.view);
    adit_hook_settings_clear(&self.settings);
    adit_places_clear(&self.places);
    return status;
}
