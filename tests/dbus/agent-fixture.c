/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/dbus/agent-fixture.h"

#include "libadit/core/error.h"
#include "tests/private-bus.h"

#include <glib/gstdio.h>
#include <string.h>

#define PATIENCE_MS 40000

static gboolean
on_late(gpointer data)
{
    g_error("nothing of the kind happened within %d s: %s", PATIENCE_MS / 1000,
            (const char *)data);
    return G_SOURCE_REMOVE;
}

void
wait_for(gboolean (*is_so)(Fixture *f, const char *word), Fixture *f, const char *word)
{
    const guint late = g_timeout_add(PATIENCE_MS, on_late, (gpointer)word);

    while (!is_so(f, word))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

gboolean
is_shown(Fixture *f, const char *summary)
{
    return notifications_find(f->desktop, summary) != NULL;
}

gboolean
is_gone(Fixture *f, const char *summary)
{
    return !is_shown(f, summary);
}

gboolean
is_called(Fixture *f, const char *call)
{
    return strstr(f->calls->str, call) != NULL;
}

Shown *
expect(Fixture *f, const char *summary)
{
    wait_for(is_shown, f, summary);
    return notifications_find(f->desktop, summary);
}

/* TRUE: answered, as the daemon would refuse it. */
static gboolean
refuse(Fixture *f, GDBusMethodInvocation *call)
{
    const GDBusMessageFlags flags =
        g_dbus_message_get_flags(g_dbus_method_invocation_get_message(call));

    g_assert_true(flags & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION);
    if (f->deny)
        g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_DENIED,
                                              "not allowed: <b>org.adit</b>");
    return f->deny;
}

static gboolean
on_import(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
          const char *profile, GVariant *options, Fixture *f)
{
    g_assert_cmpstr(profile, ==, KEYS);
    g_string_append_printf(f->calls, "Import %s\n", name);
    if (!refuse(f, call))
        adit_bus_manager_complete_import(manager, call, "/org/adit/Client1/gateways/x");
    return TRUE;
}

static gboolean
on_adopt(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
         GVariant *options, Fixture *f)
{
    g_assert_cmpuint(g_variant_n_children(options), ==, 0);
    g_string_append_printf(f->calls, "Adopt %s\n", name);
    if (!refuse(f, call))
        adit_bus_manager_complete_adopt(manager, call, "/org/adit/Client1/gateways/x");
    return TRUE;
}

static gboolean
on_set_default(AditBusManager *manager, GDBusMethodInvocation *call, const char *name,
               gboolean ipv4, gboolean ipv6, Fixture *f)
{
    g_string_append_printf(f->calls, "SetDefault '%s' %d %d\n", name, ipv4, ipv6);
    if (!refuse(f, call))
        adit_bus_manager_complete_set_default(manager, call);
    return TRUE;
}

static gboolean
on_set_up(AditBusManager *manager, GDBusMethodInvocation *call, const char *name, gboolean up,
          Fixture *f)
{
    g_string_append_printf(f->calls, "SetUp %s %d\n", name, up);
    if (!refuse(f, call))
        adit_bus_manager_complete_set_up(manager, call);
    return TRUE;
}

static gboolean
on_remove(AditBusManager *manager, GDBusMethodInvocation *call, const char *name, Fixture *f)
{
    g_string_append_printf(f->calls, "Remove %s\n", name);
    if (!refuse(f, call))
        adit_bus_manager_complete_remove(manager, call);
    return TRUE;
}

static gboolean
on_refresh(AditBusManager *manager, GDBusMethodInvocation *call, Fixture *f)
{
    adit_bus_manager_complete_refresh(manager, call);
    return TRUE;
}

static gboolean
on_unpublish(AditPubWanted *wanted, GDBusMethodInvocation *call, const char *ports, Fixture *f)
{
    g_string_append_printf(f->calls, "Unpublish %s\n", ports);
    if (!refuse(f, call))
        adit_pub_wanted_complete_unpublish(wanted, call);
    return TRUE;
}

static GDBusObjectManagerServer *
manage(Fixture *f, const char *path)
{
    GDBusObjectManagerServer *manager = g_dbus_object_manager_server_new(path);

    g_dbus_object_manager_server_set_connection(manager, f->bus);
    return manager;
}

static void
add_object(GDBusObjectManagerServer *manager, const char *path, gpointer interface)
{
    g_autoptr(GDBusObjectSkeleton) object = g_dbus_object_skeleton_new(path);

    g_dbus_object_skeleton_add_interface(object, G_DBUS_INTERFACE_SKELETON(interface));
    g_dbus_object_manager_server_export(manager, object);
}

AditBusGateway *
add_gateway(Fixture *f, const char *name, const char *state)
{
    static const char *const addresses[] = { "10.59.0.2", "2001:db8::a3b:2", NULL };
    AditBusGateway *gateway = adit_bus_gateway_skeleton_new();
    g_autofree char *path = g_strconcat("/org/adit/Client1/gateways/", name, NULL);

    adit_bus_gateway_set_name(gateway, name);
    adit_bus_gateway_set_state(gateway, state);
    adit_bus_gateway_set_problem(gateway, "");
    adit_bus_gateway_set_addresses(gateway, addresses);
    add_object(f->client, path, gateway);
    return gateway;
}

AditPubReach *
add_reach(Fixture *f, guint8 family, const char *outside, const char *state)
{
    AditPubReach *reach = adit_pub_reach_skeleton_new();
    g_autofree char *path = g_strdup_printf("/org/adit/Publisher1/reaches/x%u", family);

    adit_pub_reach_set_ports(reach, "443/tcp");
    adit_pub_reach_set_gateway(reach, "home");
    adit_pub_reach_set_family(reach, family);
    adit_pub_reach_set_label(reach, "web");
    adit_pub_reach_set_source(reach, "");
    adit_pub_reach_set_outside(reach, outside);
    adit_pub_reach_set_state(reach, state);
    adit_pub_reach_set_reason(reach, "");
    adit_pub_reach_set_problem(reach, "");
    add_object(f->publisher, path, reach);
    return reach;
}

static void
start_daemons(Fixture *f)
{
    g_autoptr(GDBusObjectSkeleton) root =
        g_dbus_object_skeleton_new("/org/adit/Client1/manager");

    f->bus = private_bus_connect(g_test_dbus_get_bus_address(f->system));
    f->manager = adit_bus_manager_skeleton_new();
    f->wanted = adit_pub_wanted_skeleton_new();
    adit_pub_wanted_set_wanted(f->wanted, g_variant_new("a(ss)", NULL));
    g_signal_connect(f->manager, "handle-import", G_CALLBACK(on_import), f);
    g_signal_connect(f->manager, "handle-adopt", G_CALLBACK(on_adopt), f);
    g_signal_connect(f->manager, "handle-remove", G_CALLBACK(on_remove), f);
    g_signal_connect(f->manager, "handle-refresh", G_CALLBACK(on_refresh), f);
    g_signal_connect(f->manager, "handle-set-up", G_CALLBACK(on_set_up), f);
    g_signal_connect(f->manager, "handle-set-default", G_CALLBACK(on_set_default), f);
    g_signal_connect(f->wanted, "handle-unpublish", G_CALLBACK(on_unpublish), f);
    f->client = manage(f, "/org/adit/Client1");
    f->publisher = manage(f, "/org/adit/Publisher1");
    g_dbus_object_skeleton_add_interface(root, G_DBUS_INTERFACE_SKELETON(f->manager));
    g_dbus_object_skeleton_add_interface(root, G_DBUS_INTERFACE_SKELETON(f->wanted));
    g_dbus_object_manager_server_export(f->client, root);
    g_bus_own_name_on_connection(f->bus, "org.adit.Client1", G_BUS_NAME_OWNER_FLAGS_NONE, NULL,
                                 NULL, NULL, NULL);
    g_bus_own_name_on_connection(f->bus, "org.adit.Publisher1", G_BUS_NAME_OWNER_FLAGS_NONE,
                                 NULL, NULL, NULL, NULL);
}

GSubprocess *
run_agent(Fixture *f, const char *argument)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GError) error = NULL;
    GSubprocess *process;

    g_subprocess_launcher_setenv(launcher, "DBUS_SESSION_BUS_ADDRESS",
                                 g_test_dbus_get_bus_address(f->session), TRUE);
    g_subprocess_launcher_setenv(launcher, "DBUS_SYSTEM_BUS_ADDRESS",
                                 g_test_dbus_get_bus_address(f->system), TRUE);
    g_subprocess_launcher_setenv(launcher, "HOME", f->home, TRUE);
    g_subprocess_launcher_setenv(launcher, "XDG_STATE_HOME", f->home, TRUE);
    g_subprocess_launcher_setenv(launcher, "XDG_CONFIG_HOME", f->home, TRUE);
    g_subprocess_launcher_setenv(launcher, "LC_ALL", "C.UTF-8", TRUE);
    g_subprocess_launcher_unsetenv(launcher, "DISPLAY");
    g_subprocess_launcher_setenv(launcher, "LD_PRELOAD", g_getenv("ADIT_FAST_CLOCK"), TRUE);
    process =
        g_subprocess_launcher_spawn(launcher, &error, g_getenv("ADIT_AGENT"), argument, NULL);
    g_assert_no_error(error);
    return process;
}

static gboolean
has_agent(Fixture *f, const char *name)
{
    g_autoptr(GVariant) answer = g_dbus_connection_call_sync(
        f->desktop->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
        "org.freedesktop.DBus", "NameHasOwner", g_variant_new("(s)", name), NULL,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    gboolean has = FALSE;

    if (answer)
        g_variant_get(answer, "(b)", &has);
    return has;
}

static gboolean
knows(Fixture *f, const char *word)
{
    g_autofree char *path = g_build_filename(f->home, "adit", "agent.state", NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, word);
}

static gboolean
on_tick(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

/* Of what wakes no loop. */
static void
poll_for(gboolean (*is_so)(Fixture *f, const char *word), Fixture *f, const char *word)
{
    const guint tick = g_timeout_add(10, on_tick, NULL);

    wait_for(is_so, f, word);
    g_source_remove(tick);
}

void
wait_remembered(Fixture *f, const char *word)
{
    poll_for(knows, f, word);
}

void
start_agent(Fixture *f)
{
    f->agent = run_agent(f, "--gapplication-service");
    poll_for(has_agent, f, "org.adit.Agent");
    wait_remembered(f, "reaches=true");
}

void
stop_agent(Fixture *f)
{
    g_subprocess_send_signal(f->agent, SIGTERM);
    g_subprocess_wait(f->agent, NULL, NULL);
    g_assert_true(g_subprocess_get_if_exited(f->agent));
    g_assert_cmpint(g_subprocess_get_exit_status(f->agent), ==, 0);
    g_clear_object(&f->agent);
}

void
set_up(Fixture *f, gconstpointer data)
{
    g_autofree char *folder = NULL;
    g_autofree char *settings = NULL;

    f->home = g_dir_make_tmp("adit-agent-XXXXXX", NULL);
    folder = g_build_filename(f->home, "adit", NULL);
    settings = g_build_filename(folder, "agent.conf", NULL);
    g_mkdir(folder, 0700);
    /* What else listens on this machine is nothing to ask about here. */
    g_assert_true(
        g_file_set_contents(settings, "[ask]\nservices = no\nexcept = 1-65535\n", -1, NULL));
    f->calls = g_string_new(NULL);
    f->session = g_test_dbus_new(G_TEST_DBUS_NONE);
    f->system = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(f->session);
    g_test_dbus_up(f->system);
    start_daemons(f);
    f->desktop = notifications_new(g_test_dbus_get_bus_address(f->session), data == NULL);
    start_agent(f);
}

static void
remove_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_remove(path);
}

void
tear_down(Fixture *f, gconstpointer data)
{
    g_autofree char *folder = g_build_filename(f->home, "adit", NULL);

    if (f->agent)
        stop_agent(f);
    notifications_free(f->desktop);
    g_object_unref(f->client);
    g_object_unref(f->publisher);
    g_object_unref(f->manager);
    g_object_unref(f->wanted);
    g_dbus_connection_close_sync(f->bus, NULL, NULL);
    g_object_unref(f->bus);
    g_test_dbus_stop(f->session);
    g_test_dbus_stop(f->system);
    g_object_unref(f->session);
    g_object_unref(f->system);
    remove_file(folder, "agent.conf");
    remove_file(folder, "agent.state");
    remove_file(f->home, "home.conf");
    g_rmdir(folder);
    g_rmdir(f->home);
    g_free(f->home);
    g_string_free(f->calls, TRUE);
}
