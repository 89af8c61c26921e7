/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIELDS_MAX 20

/* Both protocols are a datagram of text, and promised to stay (sd_notify(3), systemd's "Native
 * Journal Protocol"). Their library would bring a bus, a cipher and three compressors into each
 * of our processes. */

static gboolean
send_to(const char *socket_name, const char *text)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const gsize len = strlen(socket_name);
    gboolean told;
    int fd;

    if (len < 2 || len > sizeof(at.sun_path) || (*socket_name != '/' && *socket_name != '@'))
        return FALSE;
    memcpy(at.sun_path, socket_name, len);
    if (*socket_name == '@')
        at.sun_path[0] = '\0'; /* abstract */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return FALSE;
    told = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&at,
                  (socklen_t)(G_STRUCT_OFFSET(struct sockaddr_un, sun_path) + len)) >= 0;
    close(fd);
    return told;
}

static gboolean
tell(const char *verb, const char *status)
{
    /* A line break would begin another assignment. */
    g_autofree char *line = g_strdelimit(g_strdup(status != NULL ? status : ""), "\n", ' ');
    g_autofree char *text =
        status == NULL ? g_strdup(verb)
                       : g_strconcat(verb, *verb != '\0' ? "\n" : "", "STATUS=", line, NULL);
    const char *manager = g_getenv("NOTIFY_SOCKET");

    return manager != NULL && send_to(manager, text);
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
    const char *pid = g_getenv("WATCHDOG_PID");
    const char *usec = g_getenv("WATCHDOG_USEC");

    if (usec == NULL || (pid != NULL && g_ascii_strtoll(pid, NULL, 10) != getpid()))
        return 0;
    return g_ascii_strtoull(usec, NULL, 10) / 2;
}

/* Without a place in the sources: else every event would name a line of this file. */
static gboolean
to_journal(int priority, const char *message, va_list args)
{
    g_autofree char *level = g_strdup_printf("%d", priority);
    GLogField fields[FIELDS_MAX] = { { "MESSAGE", message, -1 },
                                     { "PRIORITY", level, -1 },
                                     { "SYSLOG_IDENTIFIER", program_invocation_short_name,
                                       -1 } };
    gsize n = 3;
    const char *name;

    while ((name = va_arg(args, const char *)) != NULL) {
        const char *text = va_arg(args, const char *);

        g_assert(n < G_N_ELEMENTS(fields));
        if (text != NULL)
            fields[n++] = (GLogField){ name, text, -1 };
    }
    return g_log_writer_journald(G_LOG_LEVEL_MESSAGE, fields, n, NULL) == G_LOG_WRITER_HANDLED;
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
