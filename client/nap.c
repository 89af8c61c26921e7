/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/nap.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NEVER ((time_t)(G_MAXUINT64 >> (65 - 8 * sizeof(time_t)))) /* its largest value */

struct _AditNap {
    int fd; /* -1: none to be had */
    guint source;
    AditNapEnded ended;
    gpointer data;
};

gint64
adit_nap_total(void)
{
    return (g_get_real_time() - g_get_monotonic_time()) / 1000;
}

/* For a time that never comes: all that is wanted of it is to be cancelled. */
static void
arm(AditNap *nap)
{
    const struct itimerspec never = { .it_value = { .tv_sec = NEVER } };

    timerfd_settime(nap->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static gboolean
on_set(int fd, GIOCondition condition, gpointer data)
{
    AditNap *nap = data;
    guint64 count;

    if (read(fd, &count, sizeof(count)) >= 0 || errno != ECANCELED)
        return G_SOURCE_CONTINUE;
    arm(nap);
    nap->ended(nap->data);
    return G_SOURCE_CONTINUE;
}

AditNap *
adit_nap_watch(AditNapEnded ended, gpointer data)
{
    AditNap *nap = g_new0(AditNap, 1);

    nap->ended = ended;
    nap->data = data;
    nap->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (nap->fd < 0)
        return nap;
    arm(nap);
    nap->source = g_unix_fd_add(nap->fd, G_IO_IN, on_set, nap);
    return nap;
}

void
adit_nap_free(AditNap *nap)
{
    if (!nap)
        return;
    g_clear_handle_id(&nap->source, g_source_remove);
    if (nap->fd >= 0)
        close(nap->fd);
    g_free(nap);
}
