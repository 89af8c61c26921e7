/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/bus.h"
#include "tests/dbus/agent-fixture.h"

#include <string.h>

/* What adit-agent tells. */

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

static void
want(Fixture *f, const char *publication)
{
    GVariantBuilder wanted = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ss)"));

    if (publication)
        g_variant_builder_add(&wanted, "(ss)", publication, "");
    adit_pub_wanted_set_wanted(f->wanted, g_variant_builder_end(&wanted));
}

/* Taken back and published once more, at once: that is told, too. */
static void
test_again(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = add_gateway(f, "home", "up");
    g_autoptr(AditPubReach) first = NULL;
    g_autoptr(AditPubReach) second = NULL;

    g_assert_nonnull(gateway);
    want(f, "[Publish]\nPort = 443/tcp\n");
    first = add_reach(f, 4, "203.0.113.7:443", "published");
    expect(f, "Published: web (443/tcp)");
    want(f, NULL);
    g_dbus_object_manager_server_unexport(f->publisher, "/org/adit/Publisher1/reaches/x4");
    wait_for(is_gone, f, "Published: web (443/tcp)");
    want(f, "[Publish]\nPort = 443/tcp\n");
    second = add_reach(f, 4, "203.0.113.7:443", "published");
    expect(f, "Published: web (443/tcp)");
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    adit_bus_register_errors();
    g_test_add("/agent/published", Fixture, NULL, set_up, test_published, tear_down);
    g_test_add("/agent/again", Fixture, NULL, set_up, test_again, tear_down);
    g_test_add("/agent/remembers", Fixture, NULL, set_up, test_remembers, tear_down);
    g_test_add("/agent/blocked", Fixture, NULL, set_up, test_blocked, tear_down);
    g_test_add("/agent/problem", Fixture, NULL, set_up, test_problem, tear_down);
    g_test_add("/agent/without-buttons", Fixture, "plain", set_up, test_without_buttons,
               tear_down);
    return g_test_run();
}
