/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/bus.h"

#include "libadit/core/error.h"

static const GDBusErrorEntry entries[] = {
    { ADIT_ERROR_CONFIG, "org.adit.Error.Config" },
    { ADIT_ERROR_NOT_FOUND, "org.adit.Error.NotFound" },
    { ADIT_ERROR_DENIED, "org.adit.Error.Denied" },
    { ADIT_ERROR_BUSY, "org.adit.Error.Busy" },
    { ADIT_ERROR_TIMEOUT, "org.adit.Error.Timeout" },
    { ADIT_ERROR_PROTOCOL, "org.adit.Error.Protocol" },
    { ADIT_ERROR_KERNEL, "org.adit.Error.Kernel" },
};

void
adit_bus_register_errors(void)
{
    static gsize once = 0;

    g_dbus_error_register_error_domain("adit-error-quark", &once, entries,
                                       G_N_ELEMENTS(entries));
}

static gboolean
nobody_there(const GError *error)
{
    return g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
           g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
           g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
           g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED);
}

GError *
adit_bus_take_error(GError *error, const char *service)
{
    GError *ours;

    g_dbus_error_strip_remote_error(error);
    if (nobody_there(error))
        ours = g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                           "%s: not running: systemctl start %s", service, service);
    else if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
        ours = g_error_new(ADIT_ERROR, ADIT_ERROR_DENIED, "%s: not allowed: %s", service,
                           error->message);
    else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        ours = g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                           "%s: no answer in time: it may still do what it was asked for",
                           service);
    else if (error->domain == G_IO_ERROR)
        ours = g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT, "%s: no system bus: %s", service,
                           error->message);
    else
        return error;
    g_error_free(error);
    return ours;
}
