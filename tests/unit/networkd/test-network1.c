/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "networkd-hooks/network1.h"
#include "tests/private-bus.h"

#include <gio/gio.h>

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

/* Who is asked in this test, and what was: set before a call, read after its answer. */
static struct {
    const char *refused, *refusal; /* a method, and the D-Bus error it gets */
    guint times;                   /* so often; 0: each time */
    GString *served;
} mock;

static void
on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    g_autofree char *args = g_variant_print(parameters, FALSE);
    const gboolean refuses = g_strcmp0(method, mock.refused) == 0;

    g_string_append_printf(mock.served, "%s%s;", method, args);
    if (refuses && mock.times > 0 && --mock.times == 0)
        mock.refused = NULL;
    if (refuses)
        g_dbus_method_invocation_return_dbus_error(call, mock.refusal, "Link home not found");
    else if (g_str_equal(method, "GetLinkByName"))
        g_dbus_method_invocation_return_value(call, g_variant_new("(io)", 7, LINK_PATH));
    else
        g_dbus_method_invocation_return_value(call, NULL);
}

static GVariant *
on_get(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
       const char *property, GError **error, gpointer data)
{
    return g_variant_new_string("configured");
}

static gpointer
serve(gpointer data)
{
    GMainLoop *loop = data;

    g_main_context_push_thread_default(g_main_loop_get_context(loop));
    g_main_loop_run(loop);
    g_main_context_pop_thread_default(g_main_loop_get_context(loop));
    return NULL;
}

static AditNetwork1 *
open_network1(const char *refused, const char *refusal)
{
    g_autoptr(GError) error = NULL;
    AditNetwork1 *network1 = adit_network1_open(&error);

    g_assert_no_error(error);
    mock.refused = refused;
    mock.refusal = refusal;
    mock.times = 0;
    g_string_truncate(mock.served, 0);
    return network1;
}

typedef struct {
    gboolean come;
    char *text;
    GError *error;
} Answer;

static void
on_answer(const char *text, const GError *error, gpointer data)
{
    Answer *answer = data;

    g_assert_false(answer->come);
    answer->come = TRUE;
    answer->text = g_strdup(text);
    answer->error = error ? g_error_copy(error) : NULL;
}

static void
answer_clear(Answer *answer)
{
    g_clear_error(&answer->error);
    g_clear_pointer(&answer->text, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static gboolean
on_late(gpointer data)
{
    g_error("no answer");
    return G_SOURCE_REMOVE;
}

static void
wait_for(const Answer *answer)
{
    const guint late = g_timeout_add_seconds(30, on_late, NULL);

    while (!answer->come)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

static void
test_reload(void)
{
    g_autoptr(AditNetwork1) network1 = open_network1(NULL, NULL);
    g_auto(Answer) answer = { 0 };

    adit_network1_reload(network1, on_answer, &answer);
    g_assert_false(answer.come); /* nothing waits in there */
    wait_for(&answer);
    g_assert_no_error(answer.error);
    g_assert_cmpstr(mock.served->str, ==, "Reload();");
}

static void
test_reconfigure(void)
{
    g_autoptr(AditNetwork1) network1 = open_network1(NULL, NULL);
    g_auto(Answer) answer = { 0 };

    adit_network1_reconfigure(network1, "home", on_answer, &answer);
    wait_for(&answer);
    g_assert_no_error(answer.error);
    g_assert_cmpstr(mock.served->str, ==, "GetLinkByName('home',);ReconfigureLink(7,);");
}

static void
test_state(void)
{
    g_autoptr(AditNetwork1) network1 = open_network1(NULL, NULL);
    g_auto(Answer) answer = { 0 };

    adit_network1_get_state(network1, "home", on_answer, &answer);
    wait_for(&answer);
    g_assert_no_error(answer.error);
    g_assert_cmpstr(answer.text, ==, "configured");
}

static void
test_unknown_link(void)
{
    g_autoptr(AditNetwork1) network1 =
        open_network1("GetLinkByName", "org.freedesktop.resolve1.NoSuchLink");
    g_auto(Answer) answer = { 0 };

    adit_network1_get_state(network1, "home", on_answer, &answer);
    wait_for(&answer);
    g_assert_error(answer.error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
    g_assert_cmpstr(answer.error->message, ==, "systemd-networkd: home: Link home not found");
    g_assert_null(answer.text);
}

static void
test_denied(void)
{
    g_autoptr(AditNetwork1) network1 =
        open_network1("Reload", "org.freedesktop.DBus.Error.AccessDenied");
    g_auto(Answer) answer = { 0 };

    adit_network1_reload(network1, on_answer, &answer);
    wait_for(&answer);
    g_assert_error(answer.error, ADIT_ERROR, ADIT_ERROR_DENIED);
}

#define RELOADING "org.freedesktop.network1.AlreadyReloading"

/* Somebody else's is under way: each of ours has its turn after it. */
static void
test_reload_busy(void)
{
    g_autoptr(AditNetwork1) network1 = open_network1("Reload", RELOADING);
    g_auto(Answer) one = { 0 };
    g_auto(Answer) two = { 0 };

    mock.times = 3;
    adit_network1_reload(network1, on_answer, &one);
    adit_network1_reload(network1, on_answer, &two);
    wait_for(&one);
    wait_for(&two);
    g_assert_no_error(one.error);
    g_assert_no_error(two.error);
    g_assert_cmpstr(mock.served->str, ==, "Reload();Reload();Reload();Reload();Reload();");
}

/* Closed before its turn has come. */
static void
test_reload_closed(void)
{
    AditNetwork1 *network1 = open_network1("Reload", RELOADING);
    const gint64 start = g_get_monotonic_time();
    g_auto(Answer) answer = { 0 };

    adit_network1_reload(network1, on_answer, &answer);
    while (g_get_monotonic_time() < start + 150 * 1000)
        g_main_context_iteration(NULL, FALSE);
    adit_network1_close(network1);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_false(answer.come);
    g_assert_true(g_str_has_prefix(mock.served->str, "Reload();Reload();"));
}

/* Closed while it waits: nobody is called, nothing leaks. */
static void
test_closed(void)
{
    AditNetwork1 *network1 = open_network1(NULL, NULL);
    g_auto(Answer) answer = { 0 };

    adit_network1_reload(network1, on_answer, &answer);
    adit_network1_close(network1);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_false(answer.come);
}

static gboolean
on_over(gpointer data)
{
    ((Answer *)data)->come = TRUE;
    return G_SOURCE_REMOVE;
}

/* With nothing to do the loop sleeps. */
static void
test_idle(void)
{
    g_autoptr(AditNetwork1) network1 = open_network1(NULL, NULL);
    g_auto(Answer) over = { 0 };
    guint turns = 0;

    g_assert_nonnull(network1);
    g_timeout_add(200, on_over, &over);
    while (!over.come) {
        g_main_context_iteration(NULL, TRUE);
        turns++;
    }
    g_assert_cmpuint(turns, <, 50);
}

/* On a bus without it: before the name is taken. */
static void
check_no_networkd(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNetwork1) network1 = adit_network1_open(&error);
    g_auto(Answer) answer = { 0 };

    g_assert_no_error(error);
    adit_network1_reload(network1, on_answer, &answer);
    wait_for(&answer);
    g_assert_error(answer.error, ADIT_ERROR, ADIT_ERROR_TIMEOUT);
    g_assert_cmpstr(answer.error->message, ==,
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

static void
own_name(GDBusConnection *bus)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", g_variant_new("(su)", "org.freedesktop.network1", 0), NULL,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
    guint32 result = 0;

    g_assert_no_error(error);
    g_variant_get(reply, "(u)", &result);
    g_assert_cmpuint(result, ==, 1);
}

/* What is exported here is answered in @context, by the thread that runs it. */
static GDBusConnection *export(const char *address, GMainContext *context)
{
    static const GDBusInterfaceVTable vtable = { on_call, on_get, NULL };
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(XML, NULL);
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus;

    g_main_context_push_thread_default(context);
    bus = private_bus_connect(address);
    g_dbus_connection_register_object(bus, "/org/freedesktop/network1", info->interfaces[0],
                                      &vtable, NULL, NULL, &error);
    g_assert_no_error(error);
    g_dbus_connection_register_object(bus, LINK_PATH, info->interfaces[1], &vtable, NULL, NULL,
                                      &error);
    g_assert_no_error(error);
    g_main_context_pop_thread_default(context);
    return bus;
}

int
main(int argc, char **argv)
{
    g_autoptr(GTestDBus) daemon = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    g_autoptr(GDBusConnection) bus = NULL;
    GThread *thread;
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/networkd/network1/reload", test_reload);
    g_test_add_func("/networkd/network1/reload-busy", test_reload_busy);
    g_test_add_func("/networkd/network1/reload-closed", test_reload_closed);
    g_test_add_func("/networkd/network1/reconfigure", test_reconfigure);
    g_test_add_func("/networkd/network1/state", test_state);
    g_test_add_func("/networkd/network1/unknown-link", test_unknown_link);
    g_test_add_func("/networkd/network1/denied", test_denied);
    g_test_add_func("/networkd/network1/closed", test_closed);
    g_test_add_func("/networkd/network1/idle", test_idle);
    g_test_add_func("/networkd/network1/no-bus", test_no_bus);
    g_test_dbus_up(daemon);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(daemon), TRUE);
    mock.served = g_string_new(NULL);
    check_no_networkd();
    bus = export(g_test_dbus_get_bus_address(daemon), context);
    own_name(bus);
    thread = g_thread_new("networkd", serve, loop);
    status = g_test_run();
    g_main_loop_quit(loop);
    g_thread_join(thread);
    g_dbus_connection_close_sync(bus, NULL, NULL);
    g_test_dbus_down(daemon);
    g_string_free(mock.served, TRUE);
    return status;
}
