/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/places.h"
#include "libadit/sys/redirect.h"
#include "libadit/sys/syserror.h"
#include "libadit/sys/trim.h"
#include "tunnel-server/redirect-sockets.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* adit-redirect: answers on port 80 that the same is to be had by https. It has no privilege;
 * adit-server gives it its sockets, and it keeps them while that one restarts. */

#define USER "adit-redirect"
#define RETRY (1 * G_USEC_PER_SEC)

typedef struct {
    AditRedirect *redirect;
    const char *runtime;
    int channel;  /* to the server; -1: none */
    gint64 retry; /* when to look for it again */
    gboolean passed, ready;
} Responder;

/* Started by root (systemd does better, by User=): root's last act. */
static gboolean
drop_privilege(GError **error)
{
    const struct passwd *user = getpwnam(USER);

    if (!user)
        user = getpwnam("nobody");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return adit_syserror_set(error, errno, "no new privileges");
    if (geteuid() != 0)
        return TRUE;
    if (!user || setgroups(0, NULL) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return adit_syserror_set(error, errno, "user %s", user ? user->pw_name : USER);
    return TRUE;
}

static void
listen_on(Responder *self, const int *fds, guint n)
{
    adit_redirect_listen(self->redirect, fds, n);
    g_message("listening on %u sockets", n);
    if (self->ready)
        return;
    self->ready = TRUE;
    adit_notify_ready("answering");
    adit_trim_later();
}

static void
on_channel(Responder *self, gint64 now)
{
    g_autoptr(GError) error = NULL;
    int fds[ADIT_REDIRECT_SOCKETS_MAX];
    int n = adit_redirect_sockets_receive(self->channel, fds, &error);

    if (n >= 0) {
        listen_on(self, fds, (guint)n);
    } else if (error) {
        g_message("%s", error->message);
        close(self->channel);
        self->channel = -1;
        self->retry = now + RETRY;
    }
}

/* A server that is not there yet, or restarts, is waited for. */
static gboolean
find_server(Responder *self, gint64 now, GError **error)
{
    GError *reason = NULL;

    self->channel = adit_redirect_sockets_connect(self->runtime, &reason);
    if (self->channel >= 0)
        return TRUE;
    if (g_error_matches(reason, ADIT_ERROR, ADIT_ERROR_DENIED)) {
        g_propagate_error(error, reason);
        return FALSE;
    }
    g_debug("%s", reason->message);
    g_error_free(reason);
    self->retry = now + RETRY;
    return TRUE;
}

static int
milliseconds_left(const Responder *self, gint64 now)
{
    gint64 deadline = adit_redirect_deadline(self->redirect);

    if (!self->passed && self->channel < 0 && (deadline == 0 || self->retry < deadline))
        deadline = self->retry;
    if (deadline == 0)
        return -1;
    return (int)CLAMP((deadline - now + 999) / 1000, 0, G_MAXINT);
}

static gboolean
serve(Responder *self, GError **error)
{
    for (;;) { /* until a signal */
        struct pollfd fds[] = { { adit_redirect_get_fd(self->redirect), POLLIN, 0 },
                                { self->channel, POLLIN, 0 } };
        gint64 now = g_get_monotonic_time();

        if (poll(fds, G_N_ELEMENTS(fds), milliseconds_left(self, now)) < 0 && errno != EINTR)
            return adit_syserror_set(error, errno, "poll");
        now = g_get_monotonic_time();
        adit_redirect_dispatch(self->redirect, now);
        if (self->channel >= 0 && fds[1].revents)
            on_channel(self, now);
        if (!self->passed && self->channel < 0 && self->retry <= now &&
            !find_server(self, now, error))
            return FALSE;
    }
}

static gboolean
run(const char *runtime, GError **error)
{
    g_autoptr(AditRedirect) redirect = adit_redirect_new(error);
    Responder self = { redirect, runtime, -1, 0, FALSE, FALSE };
    int fds[ADIT_REDIRECT_SOCKETS_MAX];
    guint n = adit_redirect_sockets_from_systemd(fds);

    if (!redirect)
        return FALSE;
    self.passed = n > 0;
    if (self.passed)
        listen_on(&self, fds, n);
    else if (!find_server(&self, g_get_monotonic_time(), error))
        return FALSE;
    return drop_privilege(error) && serve(&self, error);
}

/* FALSE: *@ret_status is what to exit with. */
static gboolean
read_words(int *argc, char ***argv, AditPlaces *ret, int *ret_status)
{
    gboolean version = FALSE;
    const GOptionEntry entries[] = {
        { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &ret->runtime,
          "Find the server in DIR, not in /run/adit-server", "DIR" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
        { 0 },
    };
    g_autoptr(GOptionContext) options = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_set_summary(options,
                                 "Answers on port 80 that a service is to be had by https.");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, argc, argv, &error) || *argc > 1) {
        fprintf(stderr, "adit-redirect: %s\n", error ? error->message : "no arguments, please");
        *ret_status = 2;
        return FALSE;
    }
    if (version)
        g_print("adit-redirect %s\n", ADIT_VERSION);
    *ret_status = 0;
    return !version;
}

int
main(int argc, char **argv)
{
    g_auto(AditPlaces) places = { 0 };
    g_autoptr(GError) error = NULL;
    int status;

    if (!read_words(&argc, &argv, &places, &status))
        return status;
    adit_places_settle_for(&places, "adit-server");
    if (!run(places.runtime, &error))
        fprintf(stderr, "adit-redirect: %s\n", error->message);
    return 1;
}
