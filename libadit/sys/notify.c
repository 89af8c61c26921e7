/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* Else every event would name a line of this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define FIELDS_MAX 16

static gboolean
tell(const char *verb, const char *status)
{
    /* A line break would begin another assignment. */
    g_autofree char *line = g_strdelimit(g_strdup(status != NULL ? status : ""), "\n", ' ');

    if (status == NULL)
        return sd_notify(0, verb) > 0;
    return sd_notifyf(0, "%s%sSTATUS=%s", verb, *verb != '\0' ? "\n" : "", line) > 0;
}

gboolean
adit_notify_ready(const char *status)
{
    return tell("READY=1", status);
}

/* The manager wants the time of it, to tell this reload from an earlier one. */
gboolean
adit_notify_reloading(void)
{
    g_autofree char *verb = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
                                            g_get_monotonic_time());

    return tell(verb, NULL);
}

gboolean
adit_notify_stopping(const char *status)
{
    return tell("STOPPING=1", status);
}

gboolean
adit_notify_status(const char *format, ...)
{
    g_autofree char *status = NULL;
    va_list args;

    va_start(args, format);
    status = g_strdup_vprintf(format, args);
    va_end(args);
    return tell("", status);
}

gboolean
adit_notify_watchdog(void)
{
    return tell("WATCHDOG=1", NULL);
}

guint64
adit_notify_watchdog_usec(void)
{
    guint64 usec = 0;

    return sd_watchdog_enabled(0, &usec) > 0 ? usec / 2 : 0;
}

static void
add_field(GPtrArray *fields, struct iovec *iov, char *text)
{
    iov[fields->len] = (struct iovec){ text, strlen(text) };
    g_ptr_array_add(fields, text);
}

static gboolean
to_journal(int priority, const char *message, va_list args)
{
    g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
    struct iovec iov[FIELDS_MAX + 2];
    const char *name;

    add_field(fields, iov, g_strconcat("MESSAGE=", message, NULL));
    add_field(fields, iov, g_strdup_printf("PRIORITY=%d", priority));
    while ((name = va_arg(args, const char *)) != NULL) {
        const char *text = va_arg(args, const char *);

        g_assert(fields->len < G_N_ELEMENTS(iov));
        if (text != NULL)
            add_field(fields, iov, g_strconcat(name, "=", text, NULL));
    }
    return sd_journal_sendv(iov, fields->len) >= 0;
}

void
adit_journal(int priority, const char *message, ...)
{
    gboolean told = FALSE;

    /* Asked of the descriptor: JOURNAL_STREAM outlives a redirection of stderr. */
    if (g_log_writer_is_journald(STDERR_FILENO)) {
        va_list args;

        va_start(args, message);
        told = to_journal(priority, message, args);
        va_end(args);
    }
    if (!told)
        fprintf(stderr, "%s\n", message);
}
