/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/network1.h"

#include "libadit/core/error.h"

#include <errno.h>
#include <systemd/sd-bus.h>

#define SERVICE "org.freedesktop.network1"
#define MANAGER_PATH "/org/freedesktop/network1"
#define MANAGER "org.freedesktop.network1.Manager"
#define LINK "org.freedesktop.network1.Link"
#define WAIT_USEC (10 * G_USEC_PER_SEC)

struct _AditNetwork1 {
    sd_bus *bus;
};

static void
close_bus(sd_bus *bus)
{
    sd_bus_flush_close_unref(bus);
}

static void
unref_message(sd_bus_message *message)
{
    sd_bus_message_unref(message);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, close_bus)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, unref_message)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)

AditNetwork1 *
adit_network1_open(GError **error)
{
    g_autoptr(sd_bus) bus = NULL;
    AditNetwork1 *network1;
    int r = sd_bus_open_system(&bus);

    if (r < 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                    "systemd-networkd: no system bus: %s", g_strerror(-r));
        return NULL;
    }
    sd_bus_set_method_call_timeout(bus, WAIT_USEC);
    network1 = g_new0(AditNetwork1, 1);
    network1->bus = g_steal_pointer(&bus);
    return network1;
}

static gboolean
is_absent(const sd_bus_error *reason)
{
    return sd_bus_error_has_name(reason, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
           sd_bus_error_has_name(reason, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
           sd_bus_error_has_name(reason, SD_BUS_ERROR_DISCONNECTED);
}

/* An error sd-bus makes itself carries the number only. */
static AditError
code_of(const sd_bus_error *reason, int r)
{
    if (is_absent(reason) || r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOTCONN ||
        sd_bus_error_has_name(reason, SD_BUS_ERROR_NO_REPLY))
        return ADIT_ERROR_TIMEOUT;
    if (r == -EACCES || r == -EPERM)
        return ADIT_ERROR_DENIED;
    /* "org.freedesktop.resolve1.NoSuchLink" at networkd, too */
    if (reason->name && g_str_has_suffix(reason->name, ".NoSuchLink"))
        return ADIT_ERROR_NOT_FOUND;
    return ADIT_ERROR_PROTOCOL;
}

/* "systemd-networkd: home: Link home not found" */
static gboolean
fail(const char *what, const sd_bus_error *reason, int r, GError **error)
{
    AditError code = code_of(reason, r);

    if (is_absent(reason))
        g_set_error(error, ADIT_ERROR, code,
                    "systemd-networkd: not running: systemctl start systemd-networkd");
    else
        g_set_error(error, ADIT_ERROR, code, "systemd-networkd: %s: %s", what,
                    reason->message ? reason->message : g_strerror(-r));
    return FALSE;
}

/* @what: the words before the reason; @ret may be NULL. */
static gboolean
call(AditNetwork1 *network1, sd_bus_message *message, const char *what, sd_bus_message **ret,
     GError **error)
{
    g_auto(sd_bus_error) reason = SD_BUS_ERROR_NULL;
    int r = sd_bus_message_set_auto_start(message, 0);

    if (r >= 0)
        r = sd_bus_call(network1->bus, message, 0, &reason, ret);
    return r >= 0 || fail(what, &reason, r, error);
}

static sd_bus_message *
new_call(AditNetwork1 *network1, const char *path, const char *interface, const char *method)
{
    sd_bus_message *message = NULL;

    /* fails on names only, and those are ours */
    g_assert(sd_bus_message_new_method_call(network1->bus, &message, SERVICE, path, interface,
                                            method) >= 0);
    return message;
}

gboolean
adit_network1_reload(AditNetwork1 *network1, GError **error)
{
    g_autoptr(sd_bus_message) message = new_call(network1, MANAGER_PATH, MANAGER, "Reload");

    return call(network1, message, "reload", NULL, error);
}

static gboolean
find_link(AditNetwork1 *network1, const char *link, int *ret_index, char **ret_path,
          GError **error)
{
    g_auto(sd_bus_error) none = SD_BUS_ERROR_NULL;
    g_autoptr(sd_bus_message) reply = NULL;
    g_autoptr(sd_bus_message) message =
        new_call(network1, MANAGER_PATH, MANAGER, "GetLinkByName");
    const char *path;
    int r = sd_bus_message_append(message, "s", link);

    if (r < 0)
        return fail(link, &none, r, error);
    if (!call(network1, message, link, &reply, error))
        return FALSE;
    r = sd_bus_message_read(reply, "io", ret_index, &path);
    if (r < 0)
        return fail(link, &none, r, error);
    *ret_path = g_strdup(path);
    return TRUE;
}

gboolean
adit_network1_reconfigure(AditNetwork1 *network1, const char *link, GError **error)
{
    g_autoptr(sd_bus_message) message =
        new_call(network1, MANAGER_PATH, MANAGER, "ReconfigureLink");
    g_autofree char *path = NULL;
    int index;

    if (!find_link(network1, link, &index, &path, error))
        return FALSE;
    g_assert(sd_bus_message_append(message, "i", index) >= 0);
    return call(network1, message, link, NULL, error);
}

gboolean
adit_network1_get_state(AditNetwork1 *network1, const char *link, char **ret, GError **error)
{
    g_auto(sd_bus_error) none = SD_BUS_ERROR_NULL;
    g_autoptr(sd_bus_message) message = NULL;
    g_autoptr(sd_bus_message) reply = NULL;
    g_autofree char *path = NULL;
    const char *state;
    int index, r;

    if (!find_link(network1, link, &index, &path, error))
        return FALSE;
    message = new_call(network1, path, "org.freedesktop.DBus.Properties", "Get");
    g_assert(sd_bus_message_append(message, "ss", LINK, "AdministrativeState") >= 0);
    if (!call(network1, message, link, &reply, error))
        return FALSE;
    r = sd_bus_message_read(reply, "v", "s", &state);
    if (r < 0)
        return fail(link, &none, r, error);
    *ret = g_strdup(state);
    return TRUE;
}

void
adit_network1_close(AditNetwork1 *network1)
{
    if (!network1)
        return;
    close_bus(network1->bus);
    g_free(network1);
}
