/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client-dbus-generated.h"
#include "libadit/core/error.h"
#include "libadit/sys/bus.h"
#include "publisher-dbus-generated.h"
#include "tests/dbus/notifications.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

/* adit-agent, the real program, between two buses: on the system's one aditd and adit-publisher
 * are played by this test, on the session's one the desktop. */

#define PATIENCE_MS 40000
#define KEYS                                                                                   \
    "[Interface]\nPrivateKey = cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw=\n"                 \
    "Address = 10.59.0.2/32\n[Peer]\n"                                                         \
    "PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 10.59.0.0/24\n"

typedef struct {
    GTestDBus *session, *system;
    GDBusConnection *bus; /* the daemons' */
    GDBusObjectManagerServer *client, *publisher;
    AditBusManager *manager;
    AditPubWanted *wanted;
    Notifications *desktop;
    GSubprocess *agent;
    char *home;
    GString *calls; /* what was asked of the daemons */
    gboolean deny;
} Fixture;

static gboolean
on_late(gpointer data)
{
    g_error("nothing of the kind happened within %d s: %s", PATIENCE_MS / 1000,
            (const char *)data);
    return G_SOURCE_REMOVE;
}

/* Turns the loop until @is_so. */
static void
wait_for(gboolean (*is_so)(Fixture *f, const char *word), Fixture *f, const char *word)
{
    const guint late = g_timeout_add(PATIENCE_MS, on_late, (gpointer)word);

    while (!is_so(f, word))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

static gboolean
is_shown(Fixture *f, const char *summary)
{
    return notifications_find(f->desktop, summary) != NULL;
}

static gboolean
is_gone(Fixture *f, const char *summary)
{
    return !is_shown(f, summary);
}

static gboolean
is_called(Fixture *f, const char *call)
{
    return strstr(f->calls->str, call) != NULL;
}

static Shown *
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

static AditBusGateway *
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

static AditPubReach *
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
    g_autoptr(GError) error = NULL;

    f->bus = g_dbus_connection_new_for_address_sync(
        g_test_dbus_get_bus_address(f->system),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &error);
    g_assert_no_error(error);
    f->manager = adit_bus_manager_skeleton_new();
    f->wanted = adit_pub_wanted_skeleton_new();
    adit_pub_wanted_set_wanted(f->wanted, g_variant_new("a(ss)", NULL));
    g_signal_connect(f->manager, "handle-import", G_CALLBACK(on_import), f);
    g_signal_connect(f->manager, "handle-adopt", G_CALLBACK(on_adopt), f);
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

static GSubprocess *
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
knows(const char *path, const char *word)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, word);
}

/* It has looked once: what comes from now on is news. */
static void
start_agent(Fixture *f)
{
    g_autofree char *state = g_build_filename(f->home, "adit", "agent.state", NULL);

    f->agent = run_agent(f, "--gapplication-service");
    while (!has_agent(f, "org.adit.Agent") || !knows(state, "reaches=true")) {
        g_usleep(10000);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void
stop_agent(Fixture *f)
{
    g_subprocess_send_signal(f->agent, SIGTERM);
    g_subprocess_wait(f->agent, NULL, NULL);
    g_assert_true(g_subprocess_get_if_exited(f->agent));
    g_assert_cmpint(g_subprocess_get_exit_status(f->agent), ==, 0);
    g_clear_object(&f->agent);
}

static void
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

static void
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

static void
test_published(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = add_gateway(f, "home", "up");
    g_autoptr(AditPubReach) four = NULL;
    g_autoptr(AditPubReach) six = NULL;
    Shown *shown = expect(f, "New gateway: home");

    g_assert_nonnull(gateway);
    g_assert_nonnull(strstr(shown->body, "10.59.0.2, 2001:db8::a3b:2"));
    four = add_reach(f, 4, "", "asking");
    six = add_reach(f, 6, "", "asking");
    adit_pub_reach_set_outside(four, "203.0.113.7:443");
    adit_pub_reach_set_state(four, "published");
    adit_pub_reach_set_outside(six, "[2001:db8::a3b:2]:443");
    adit_pub_reach_set_state(six, "published");
    shown = expect(f, "Published: web (443/tcp)");
    g_assert_cmpstr(shown->body, ==, "203.0.113.7:443\n[2001:db8::a3b:2]:443");
    g_assert_cmpint(shown->urgency, ==, 1);
    /* without a display there is no clipboard to offer */
    g_assert_cmpuint(g_strv_length(shown->actions), ==, 2);
    g_assert_true(notifications_press(f->desktop, shown, "Unpublish"));
    wait_for(is_called, f, "Unpublish 443/tcp\n");
    wait_for(is_gone, f, "Published: web (443/tcp)");
    g_dbus_object_manager_server_unexport(f->publisher, "/org/adit/Publisher1/reaches/x4");
    g_dbus_object_manager_server_unexport(f->publisher, "/org/adit/Publisher1/reaches/x6");
}

/* From one session to the next; and what a desktop that comes back has to be told again. */
static void
test_remembers(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = add_gateway(f, "home", "up");
    g_autoptr(AditPubReach) four = add_reach(f, 4, "203.0.113.7:443", "published");

    g_assert_nonnull(four);
    expect(f, "New gateway: home");
    expect(f, "Published: web (443/tcp)");
    stop_agent(f);
    g_ptr_array_set_size(f->desktop->shown, 0);
    start_agent(f);
    adit_bus_gateway_set_problem(gateway, "no handshake: key, PSK, endpoint or blocked UDP");
    adit_bus_gateway_set_state(gateway, "broken");
    expect(f, "home has lost its server");
    g_assert_cmpuint(f->desktop->shown->len, ==, 1);
    notifications_free(f->desktop);
    f->desktop = notifications_new(g_test_dbus_get_bus_address(f->session), TRUE);
    expect(f, "home has lost its server");
    g_assert_cmpuint(f->desktop->shown->len, ==, 1);
}

static void
test_blocked(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = add_gateway(f, "home", "up");
    Shown *shown;

    adit_bus_gateway_set_default4(gateway, TRUE);
    adit_bus_gateway_set_default6(gateway, TRUE);
    adit_bus_gateway_set_problem(gateway, "no handshake: key, PSK, endpoint or blocked UDP");
    adit_bus_gateway_set_state(gateway, "broken");
    shown = expect(f, "Traffic is blocked: home has no connection");
    g_assert_cmpint(shown->urgency, ==, 2);
    g_assert_nonnull(strstr(shown->body, "IPv4, IPv6"));
    g_assert_true(notifications_press(f->desktop, shown, "Open the guard"));
    wait_for(is_called, f, "SetDefault '' 1 1\n");
    adit_bus_gateway_set_default4(gateway, FALSE);
    adit_bus_gateway_set_default6(gateway, FALSE);
    shown = expect(f, "home has lost its server");
    f->deny = TRUE;
    g_assert_true(notifications_press(f->desktop, shown, "Try again"));
    wait_for(is_called, f, "SetUp home 1\n");
    shown = expect(f, "The gateway could not be switched");
    g_assert_cmpstr(shown->body, ==, "not allowed: <b>org.adit</b>");
    f->deny = FALSE;
    adit_bus_gateway_set_state(gateway, "up");
    wait_for(is_gone, f, "home has lost its server");
}

static void
open_file(Fixture *f, const char *text)
{
    g_autofree char *path = g_build_filename(f->home, "home.conf", NULL);
    g_autoptr(GSubprocess) second = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    second = run_agent(f, path);
    g_assert_true(g_subprocess_wait_check(second, NULL, &error)); /* it reached the first */
    g_assert_no_error(error);
}

static gboolean
is_asked_anew(Fixture *f, const char *summary)
{
    guint open = 0;

    for (guint i = 0; i < f->desktop->shown->len; i++) {
        const Shown *shown = g_ptr_array_index(f->desktop->shown, i);

        open += shown->open && g_str_equal(shown->summary, summary);
    }
    return f->desktop->shown->len == 3 && open == 1;
}

static void
test_import(Fixture *f, gconstpointer data)
{
    Shown *shown;

    open_file(f, KEYS);
    shown = expect(f, "Import \"home\" as a gateway?");
    g_assert_true(notifications_press(f->desktop, shown, "Cancel"));
    wait_for(is_gone, f, "Import \"home\" as a gateway?");
    open_file(f, KEYS);
    expect(f, "Import \"home\" as a gateway?");
    open_file(f, KEYS); /* once more: one question */
    wait_for(is_asked_anew, f, "Import \"home\" as a gateway?");
    shown = notifications_find(f->desktop, "Import \"home\" as a gateway?");
    notifications_dismiss(f->desktop, shown);
    g_assert_null(notifications_find(f->desktop, "Import \"home\" as a gateway?"));
    open_file(f, KEYS "Unknown = 1\n");
    shown = expect(f, "The profile could not be imported");
    g_assert_cmpstr(shown->body, ==, "home.conf:7: Unknown: unknown key in [Peer]");
    g_assert_cmpstr(f->calls->str, ==, "");
    open_file(f, KEYS);
    shown = expect(f, "Import \"home\" as a gateway?");
    g_assert_true(notifications_press(f->desktop, shown, "Import"));
    wait_for(is_called, f, "Import home\n");
}

/* Of a gateway that is up: what aditd has found in the background, with its remedy. */
static void
test_problem(Fixture *f, gconstpointer data)
{
    const char *problem =
        "443/tcp at home by IPv4: own firewall: ufw drops it; ufw allow 443/tcp";
    const char *summary = "home is connected, but visitors may not come through";
    g_autoptr(AditBusGateway) gateway = add_gateway(f, "home", "up");
    Shown *shown;

    adit_bus_gateway_set_problem(gateway, problem);
    shown = expect(f, summary);
    g_assert_cmpstr(shown->body, ==, problem);
    adit_bus_gateway_set_problem(gateway, "");
    wait_for(is_gone, f, summary);
}

static void
offer(Fixture *f, const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, ",", -1);

    adit_bus_manager_set_offered(f->manager, (const char *const *)list);
}

/* Its file wakes no loop. */
static void
wait_remembered(Fixture *f, const char *word)
{
    g_autofree char *path = g_build_filename(f->home, "adit", "agent.state", NULL);

    while (!knows(path, word)) {
        g_usleep(10000);
        g_main_context_iteration(NULL, FALSE);
    }
}

/* A tunnel server's connection that aditd has left as it is: taken, refused, and declined. */
static void
test_offer(Fixture *f, gconstpointer data)
{
    Shown *shown;

    offer(f, "my VPN");
    shown = expect(f, "Use \"my VPN\" as a gateway?");
    g_assert_true(notifications_press(f->desktop, shown, "Use as gateway"));
    wait_for(is_called, f, "Adopt my VPN\n");
    wait_for(is_gone, f, "Use \"my VPN\" as a gateway?");
    f->deny = TRUE;
    offer(f, "my VPN,office");
    shown = expect(f, "Use \"office\" as a gateway?");
    g_assert_null(notifications_find(f->desktop, "Use \"my VPN\" as a gateway?"));
    g_assert_true(notifications_press(f->desktop, shown, "Use as gateway"));
    wait_for(is_called, f, "Adopt office\n");
    shown = expect(f, "It could not be made a gateway");
    g_assert_cmpstr(shown->body, ==, "not allowed: <b>org.adit</b>");
    offer(f, "office,router");
    shown = expect(f, "Use \"router\" as a gateway?");
    g_assert_true(notifications_press(f->desktop, shown, "Leave as it is"));
    wait_remembered(f, "offer:router");
    stop_agent(f);
    g_ptr_array_set_size(f->desktop->shown, 0);
    start_agent(f); /* a login: what was declined is not asked again, what was not, is */
    expect(f, "Use \"office\" as a gateway?");
    g_assert_cmpuint(f->desktop->shown->len, ==, 1);
}

static gboolean
has_command(Fixture *f, const char *summary)
{
    const Shown *shown = notifications_find(f->desktop, summary);

    return shown && strstr(shown->body, "adit default none");
}

/* A desktop without buttons is told what to type, and markup is no markup. */
static void
test_without_buttons(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = add_gateway(f, "home", "up");
    const Shown *shown;

    adit_bus_gateway_set_default4(gateway, TRUE);
    adit_bus_gateway_set_problem(gateway, "<i>silence</i> & more");
    adit_bus_gateway_set_state(gateway, "broken");
    wait_for(has_command, f, "Traffic is blocked: home has no connection");
    shown = notifications_find(f->desktop, "Traffic is blocked: home has no connection");
    g_assert_cmpuint(g_strv_length(shown->actions), ==, 0);
    g_assert_nonnull(strstr(shown->body, "&lt;i&gt;silence&lt;/i&gt; &amp; more"));
}

/* From the menu: what there is, page by page. */
static void
test_pages(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = NULL;
    g_autoptr(GSubprocess) first = run_agent(f, NULL);
    g_autoptr(GSubprocess) second = NULL;
    g_autoptr(AditPubReach) four = NULL;
    Shown *shown;

    expect(f, "No gateway yet");
    gateway = add_gateway(f, "home", "up");
    four = add_reach(f, 4, "203.0.113.7:443", "published");
    expect(f, "New gateway: home");
    second = run_agent(f, NULL);
    shown = expect(f, "Gateway home: connected");
    g_assert_true(notifications_press(f->desktop, shown, "Next"));
    wait_for(is_gone, f, "Gateway home: connected");
    shown = expect(f, "Published: web (443/tcp)");
    while (g_strv_length(shown->actions) != 4) { /* the page, and not the news */
        notifications_dismiss(f->desktop, shown);
        shown = expect(f, "Published: web (443/tcp)");
    }
    g_assert_true(notifications_press(f->desktop, shown, "Next"));
    expect(f, "No questions are asked");
    g_subprocess_wait(first, NULL, NULL);
    g_subprocess_wait(second, NULL, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    adit_bus_register_errors();
    g_test_add("/agent/published", Fixture, NULL, set_up, test_published, tear_down);
    g_test_add("/agent/remembers", Fixture, NULL, set_up, test_remembers, tear_down);
    g_test_add("/agent/blocked", Fixture, NULL, set_up, test_blocked, tear_down);
    g_test_add("/agent/import", Fixture, NULL, set_up, test_import, tear_down);
    g_test_add("/agent/problem", Fixture, NULL, set_up, test_problem, tear_down);
    g_test_add("/agent/offer", Fixture, NULL, set_up, test_offer, tear_down);
    g_test_add("/agent/pages", Fixture, NULL, set_up, test_pages, tear_down);
    g_test_add("/agent/without-buttons", Fixture, "plain", set_up, test_without_buttons,
               tear_down);
    return g_test_run();
}
