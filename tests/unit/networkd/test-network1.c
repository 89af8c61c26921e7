/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "networkd-hooks/network1.h"

#include <libglib-testing/dbus-queue.h>
#include <string.h>

/* A networkd that knows one link, "home", number 7, on a private bus; and none at all. */

#define LINK_PATH "/org/freedesktop/network1/link/_37"
#define XML                                                                                    \
    "<node><interface name='org.freedesktop.network1.Manager'>"                                \
    "<method name='GetLinkByName'><arg type='s' direction='in'/>"                              \
    "<arg type='i' direction='out'/><arg type='o' direction='out'/></method>"                  \
    "<method name='ReconfigureLink'><arg type='i' direction='in'/></method>"                   \
    "<method name='Reload'/></interface>"                                                      \
    "<interface name='org.freedesktop.network1.Link'>"                                         \
    "<property name='AdministrativeState' type='s' access='read'/></interface></node>"

typedef struct {
    GtDBusQueue *queue;
    GDBusNodeInfo *info;
    const char *refusal; /* D-Bus error of the last call served, or NULL */
    guint calls;         /* how many the server answers */
} Fixture;

static void
answer(GDBusMethodInvocation *call, const char *refusal)
{
    const char *method = g_dbus_method_invocation_get_method_name(call);

    if (refusal)
        g_dbus_method_invocation_return_dbus_error(call, refusal, "Link home not found");
    else if (g_str_equal(method, "GetLinkByName"))
        g_dbus_method_invocation_return_value(call, g_variant_new("(io)", 7, LINK_PATH));
    else if (g_str_equal(method, "Get"))
        g_dbus_method_invocation_return_value(
            call, g_variant_new("(v)", g_variant_new_string("configured")));
    else
        g_dbus_method_invocation_return_value(call, NULL);
}

/* Remembers the words of each call in a log that the test reads afterwards. */
static GString *served;

static void
serve(GtDBusQueue *queue, gpointer data)
{
    Fixture *f = data;

    for (guint i = 0; i < f->calls; i++) {
        g_autoptr(GDBusMethodInvocation) call = NULL;
        g_autofree char *args = NULL;

        g_assert_true(gt_dbus_queue_pop_message(queue, &call));
        args = g_variant_print(g_dbus_method_invocation_get_parameters(call), FALSE);
        g_string_append_printf(served, "%s%s;", g_dbus_method_invocation_get_method_name(call),
                               args);
        answer(g_steal_pointer(&call), i + 1 == f->calls ? f->refusal : NULL);
    }
}

static void
begin(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    served = g_string_new(NULL);
    f->info = g_dbus_node_info_new_for_xml(XML, &error);
    g_assert_no_error(error);
    f->queue = gt_dbus_queue_new();
    g_assert_true(gt_dbus_queue_connect(f->queue, &error));
    g_assert_no_error(error);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_getenv("DBUS_SESSION_BUS_ADDRESS"), TRUE);
}

static void
run_networkd(Fixture *f, guint calls, const char *refusal)
{
    g_autoptr(GError) error = NULL;

    f->calls = calls;
    f->refusal = refusal;
    gt_dbus_queue_export_object(f->queue, "/org/freedesktop/network1", f->info->interfaces[0],
                                &error);
    g_assert_no_error(error);
    gt_dbus_queue_export_object(f->queue, LINK_PATH, f->info->interfaces[1], &error);
    g_assert_no_error(error);
    gt_dbus_queue_own_name(f->queue, "org.freedesktop.network1");
    gt_dbus_queue_set_server_func(f->queue, serve, f);
}

static void
end(Fixture *f, gconstpointer data)
{
    gt_dbus_queue_disconnect(f->queue, TRUE);
    g_clear_pointer(&f->queue, gt_dbus_queue_free);
    g_clear_pointer(&f->info, g_dbus_node_info_unref);
    g_string_free(served, TRUE);
}

static void
test_reload(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = NULL;

    run_networkd(f, 1, NULL);
    network1 = adit_network1_open(&error);
    g_assert_no_error(error);
    g_assert_true(adit_network1_reload(network1, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(served->str, ==, "Reload();");
}

static void
test_reconfigure(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = NULL;

    run_networkd(f, 2, NULL);
    network1 = adit_network1_open(&error);
    g_assert_no_error(error);
    g_assert_true(adit_network1_reconfigure(network1, "home", &error));
    g_assert_no_error(error);
    g_assert_cmpstr(served->str, ==, "GetLinkByName('home',);ReconfigureLink(7,);");
}

static void
test_state(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = NULL;
    g_autofree char *state = NULL;

    run_networkd(f, 2, NULL);
    network1 = adit_network1_open(&error);
    g_assert_no_error(error);
    g_assert_true(adit_network1_get_state(network1, "home", &state, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(state, ==, "configured");
}

static void
test_unknown_link(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = NULL;
    char *state = NULL;

    run_networkd(f, 1, "org.freedesktop.resolve1.NoSuchLink");
    network1 = adit_network1_open(&error);
    g_assert_no_error(error);
    g_assert_false(adit_network1_get_state(network1, "home", &state, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "systemd-networkd: home: Link home not found");
    g_assert_null(state);
}

static void
test_denied(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = NULL;

    run_networkd(f, 1, "org.freedesktop.DBus.Error.AccessDenied");
    network1 = adit_network1_open(&error);
    g_assert_no_error(error);
    g_assert_false(adit_network1_reload(network1, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
}

static void
test_no_networkd(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = adit_network1_open(&error);

    g_assert_no_error(error);
    g_assert_false(adit_network1_reload(network1, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT);
    g_assert_cmpstr(error->message, ==,
                    "systemd-networkd: not running: systemctl start systemd-networkd");
}

static void
test_no_bus(void)
{
    g_autoptr(GError) error = NULL;

    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
    g_assert_null(adit_network1_open(&error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT);
    g_assert_cmpstr(error->message, ==,
                    "systemd-networkd: no system bus: No such file or directory");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/networkd/network1/reload", Fixture, NULL, begin, test_reload, end);
    g_test_add("/networkd/network1/reconfigure", Fixture, NULL, begin, test_reconfigure, end);
    g_test_add("/networkd/network1/state", Fixture, NULL, begin, test_state, end);
    g_test_add("/networkd/network1/unknown-link", Fixture, NULL, begin, test_unknown_link, end);
    g_test_add("/networkd/network1/denied", Fixture, NULL, begin, test_denied, end);
    g_test_add("/networkd/network1/no-networkd", Fixture, NULL, begin, test_no_networkd, end);
    g_test_add_func("/networkd/network1/no-bus", test_no_bus);
    return g_test_run();
}
