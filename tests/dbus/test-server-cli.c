/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libglib-testing/dbus-queue.h>
#include <string.h>

#include "server-dbus-generated.h"
#include "tests/golden.h"
#include "tunnel-server/service.h"

/* The command line against a mock of the daemon: what it asks, what it makes of the answer, and
 * its exit code. Each case is a golden file: tests/data/server-cli/NAME.out. */

typedef struct {
    const char *method;
    const char *parameters; /* as g_variant_print() writes them */
    const char *reply;      /* NULL: the error behind it */
    const char *error_name, *error_text;
} Call;

typedef struct {
    const char *name;
    const char *args; /* words apart by blanks; '_' stands for a blank in a word */
    Call calls[3];
} Case;

#define DEVICES                                                                                \
    "([('nas', 'home', '10.59.0.2', '2a11:1:2::a3b:2', 'server', "                             \
    "'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=', true, ['192.168.7.0/24'], "               \
    "'198.51.100.9:4711', uint64 0, uint64 123456, uint64 7890000), "                          \
    "('phone', 'home', '10.59.0.3', '', 'client', "                                            \
    "'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=', false, @as [], '', uint64 0, "            \
    "uint64 0, uint64 0)],)"
#define MAPPINGS                                                                               \
    "([(byte 4, '443/tcp', '203.0.113.7', uint16 443, uint16 443, 'tcp', 'nas', uint16 8443, " \
    "true, 'manual', 'the web', ['192.0.2.0/24', '198.51.100.0/24'], 'https', "                \
    "uint64 0, uint64 12, uint64 3456, uint64 7, uint64 8900, true), "                         \
    "(byte 6, 'nas:80-90/both', '2a11:1:2::a3b:2', uint16 80, uint16 90, 'both', 'nas', "      \
    "uint16 8080, false, 'device', '', @as [], 'no', uint64 1, uint64 0, uint64 0, uint64 0, " \
    "uint64 0, false)],)"

static const Case cases[] = {
    { "device-list", "device list", { { "ListDevices", "('', uint32 1000)", DEVICES } } },
    { "device-list-json",
      "device list --json",
      { { "ListDevices", "('', uint32 1000)", DEVICES } } },
    { "device-list-empty",
      "device list",
      { { "ListDevices", "('', uint32 1000)", "(@a(ssssssbassttt) [],)" } } },
    { "device-show", "device show nas", { { "ListDevices", "('', uint32 1000)", DEVICES } } },
    { "device-show-none",
      "device show nos",
      { { "ListDevices", "('', uint32 1000)", DEVICES } } },
    { "device-rename",
      "device rename nas disk",
      { { "RenameDevice", "('nas', 'disk')", "()" } } },
    { "device-remove", "device remove nas", { { "RemoveDevice", "('nas',)", "(uint32 2,)" } } },
    { "device-set-publish",
      "device set-publish nas off",
      { { "SetDevicePublish", "('nas', false)", "()" } } },
    { "device-set-routes",
      "device set-routes nas 10.7.0.0/16,10.8.0.0/16 10.9.0.0/16",
      { { "SetDeviceRoutes", "('nas', ['10.7.0.0/16', '10.8.0.0/16', '10.9.0.0/16'])",
          "()" } } },
    { "device-set-routes-none",
      "device set-routes nas none",
      { { "SetDeviceRoutes", "('nas', @as [])", "()" } } },
    { "device-add-refused",
      "device add nas --public-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= --ip 10.59.0.2",
      { { "AddDevice",
          "('nas', '', '10.59.0.2', 'server', 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=', "
          "@as [])",
          NULL, "org.adit.Error.Denied", "nas: 10.59.0.2: held by disk" } } },
    { "subnet-list",
      "subnet list",
      { { "ListSubnets", "()",
          "([('home', '10.59.0.0/24', '2a11:1:2::/64', '10.59.0.1', '2a11:1:2::a3b:1', '', "
          "['10.59.0.1'], uint32 2)],)" } } },
    { "subnet-add",
      "subnet add 10.60.0.0/24 --name office",
      { { "AddSubnet", "('10.60.0.0/24', 'office')", "('office',)" } } },
    { "subnet-set-ipv6",
      "subnet set-ipv6 home --prefix 2a11:1:2::7/64",
      { { "SetSubnetIpv6", "('home', '2a11:1:2::7/64')", "('2a11:1:2::/64', ['a note'])" } } },
    { "subnet-set-dns-none",
      "subnet set-dns home none",
      { { "SetSubnetDns", "('home', @as [])", "()" } } },
    { "forward-list",
      "forward list",
      { { "ListMappings", "(byte 0x04, '', uint32 1000)", MAPPINGS } } },
    { "mappings-json",
      "mappings --json",
      { { "ListMappings", "(byte 0x00, '', uint32 1000)", MAPPINGS } } },
    { "forward-add",
      "forward add 203.0.113.9:80-90/both nas:8080 --label the_web --allow-from 192.0.2.0/24 "
      "--allow-from 198.51.100.0/24",
      { { "AddMapping",
          "(byte 0x04, '203.0.113.9', '80-90/both', 'nas', uint16 8080, 'the web', "
          "['192.0.2.0/24', '198.51.100.0/24'])",
          "('203.0.113.9:80-90/both',)" } } },
    { "forward-remove-none",
      "forward remove 1/tcp",
      { { "RemoveMapping", "(byte 0x04, '1/tcp')", NULL, "org.adit.Error.NotFound",
          "1/tcp: no such mapping: see adit-server forward list" } } },
    { "pinhole-add",
      "pinhole add nas 443 --internal 8443",
      { { "AddMapping", "(byte 0x06, '', '443', 'nas', uint16 8443, '', @as [])",
          "('nas:443/tcp',)" } } },
    { "pinhole-set-enabled",
      "pinhole set-enabled nas:443/tcp off",
      { { "SetMappingEnabled", "(byte 0x06, 'nas:443/tcp', false)", "()" } } },
    { "publish",
      "publish phone 443",
      { { "ListDevices", "('', uint32 1000)", DEVICES },
        { "Publish", "(byte 0x04, '443', 'phone', uint16 0, '', 'no')", "(['443/tcp'],)" } } },
    { "publish-both",
      "publish nas 443 --ip-version both",
      { { "Publish", "(byte 0x00, '443', 'nas', uint16 0, '', 'no')",
          "(['443/tcp', 'nas:443/tcp'],)" } } },
    { "publish-refused",
      "publish phone 443 --ip-version both",
      { { "Publish", "(byte 0x00, '443', 'phone', uint16 0, '', 'no')", NULL,
          "org.adit.Error.Denied", "phone: pinhole 443: its subnet has no IPv6 prefix" } } },
    { "publish-also-80",
      "publish nas 443 --also-80 --ip-version 4",
      { { "Publish", "(byte 0x04, '443', 'nas', uint16 0, '', 'https')", "(['443/tcp'],)" } } },
    { "publish-also-80-port",
      "publish nas 443 --also-80=port --ip-version 4",
      { { "Publish", "(byte 0x04, '443', 'nas', uint16 0, '', 'port')", "(['443/tcp'],)" } } },
    { "publish-also-80-bad", "publish nas 443 --also-80=http" },
    { "not-allowed",
      "subnet remove home",
      { { "RemoveSubnet", "('home',)", NULL, "org.freedesktop.DBus.Error.AccessDenied",
          "Rejected send message" } } },
    { "bad-port", "forward add 0 nas" },
    { "bad-kind", "device add nas --kind phone" },
    { "full-server", "device add nas --full" },
    { "bad-switch", "forward set-enabled 443 maybe" },
};

static GtDBusQueue *mock;
static char *mock_address;
static GAsyncQueue *expected; /* Call: what the case at hand asks, in order */

static void
answer(GDBusMethodInvocation *asked)
{
    const Call *call = g_async_queue_try_pop(expected);
    g_autofree char *parameters =
        g_variant_print(g_dbus_method_invocation_get_parameters(asked), TRUE);

    g_assert_nonnull(call);
    g_assert_cmpstr(g_dbus_method_invocation_get_method_name(asked), ==, call->method);
    g_assert_cmpstr(parameters, ==, call->parameters);
    if (call->reply)
        g_dbus_method_invocation_return_value(asked, g_variant_new_parsed(call->reply));
    else
        g_dbus_method_invocation_return_dbus_error(asked, call->error_name, call->error_text);
}

/* In the thread of the mock, for all cases: libglib-testing 0.1.1 takes one such function. A
 * proxy reads its properties first; it is told none. */
static void
serve(GtDBusQueue *queue, gpointer data)
{
    GDBusMethodInvocation *asked;

    while (gt_dbus_queue_pop_message(queue, &asked)) {
        if (g_str_equal(g_dbus_method_invocation_get_method_name(asked), "GetAll"))
            g_dbus_method_invocation_return_value(asked, g_variant_new_parsed("(@a{sv} {},)"));
        else
            answer(asked);
    }
}

static char **
words_of(const char *args)
{
    g_auto(GStrv) words = g_strsplit(args, " ", -1);
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();

    g_strv_builder_add(argv, g_getenv("ADIT_SERVER_PROGRAM"));
    for (guint i = 0; words[i]; i++) {
        g_strdelimit(words[i], "_", ' ');
        g_strv_builder_add(argv, words[i]);
    }
    return g_strv_builder_end(argv);
}

/* What a person sees: the command, its output, its complaint, its exit code. */
static char *
run(const Case *c)
{
    g_autoptr(GSubprocess) process = NULL;
    g_auto(GStrv) argv = words_of(c->args);
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    g_autoptr(GError) error = NULL;

    process = g_subprocess_newv((const char *const *)argv,
                                G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                                &error);
    g_assert_no_error(error);
    g_subprocess_communicate_utf8(process, NULL, NULL, &out, &err, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_get_if_exited(process));
    return g_strdup_printf("$ adit-server %s\n%s%s%s(exit %d)\n", c->args, out,
                           *err ? "--- stderr\n" : "", err,
                           g_subprocess_get_exit_status(process));
}

/* One mock for all cases, and to the end of the process: taken down, it trips over its own last
 * signals. */
static void
start_mock(void)
{
    GtDBusQueue *queue = mock = gt_dbus_queue_new();
    g_autoptr(GError) error = NULL;

    expected = g_async_queue_new();
    gt_dbus_queue_connect(queue, &error);
    g_assert_no_error(error);
    gt_dbus_queue_own_name(queue, ADIT_SERVER_BUS);
    gt_dbus_queue_export_object(queue, ADIT_SERVER_PATH, adit_srv_manager_interface_info(),
                                &error);
    g_assert_no_error(error);
    gt_dbus_queue_set_server_func(queue, serve, NULL);
    mock_address = g_strdup(g_getenv("DBUS_SESSION_BUS_ADDRESS"));
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_autofree char *name = g_strdup_printf("server-cli/%s.out", c->name);
    g_autofree char *seen = NULL;

    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", mock_address, TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(c->calls) && c->calls[i].method; i++)
        g_async_queue_push(expected, (gpointer)&c->calls[i]);
    seen = run(c);
    golden_check(name, seen);
    g_assert_cmpint(g_async_queue_length(expected), ==, 0);
}

/* No daemon, and no bus at all. */
static void
test_nobody(void)
{
    static const Case status = { .name = "nobody", .args = "status" };
    g_autoptr(GTestDBus) bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_autofree char *seen = NULL;

    g_test_dbus_up(bus);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(bus), TRUE);
    seen = run(&status);
    golden_check("server-cli/nobody.out", seen);
    g_test_dbus_down(bus);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("NO_COLOR", "1", TRUE);
    start_mock();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/server-cli/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/server-cli/nobody", test_nobody);
    return g_test_run();
}
