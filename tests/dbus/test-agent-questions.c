/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/bus.h"
#include "tests/dbus/agent-fixture.h"

#include <string.h>

/* What adit-agent asks, and what it shows to who asks it. */

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

static void
offer(Fixture *f, const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, ",", -1);

    adit_bus_manager_set_offered(f->manager, (const char *const *)list);
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

/* What is switched off can be removed; it is asked about, and a refusal is told. */
static void
test_remove(Fixture *f, gconstpointer data)
{
    g_autoptr(AditBusGateway) gateway = NULL;
    g_autoptr(GSubprocess) first = NULL;
    g_autoptr(GSubprocess) second = NULL;
    const char *page = "Gateway home: switched off", *question = "Remove the gateway home?";

    gateway = add_gateway(f, "home", "down");
    expect(f, "New gateway: home");
    first = run_agent(f, NULL);
    g_assert_true(notifications_press(f->desktop, expect(f, page), "Remove"));
    g_assert_true(notifications_press(f->desktop, expect(f, question), "Keep it"));
    g_assert_true(notifications_press(f->desktop, expect(f, page), "Remove"));
    f->deny = TRUE;
    g_assert_true(notifications_press(f->desktop, expect(f, question), "Remove"));
    expect(f, "The gateway could not be removed");
    g_assert_cmpstr(f->calls->str, ==, "Remove home\n");
    f->deny = FALSE;
    second = run_agent(f, NULL);
    g_assert_true(notifications_press(f->desktop, expect(f, page), "Remove"));
    g_assert_true(notifications_press(f->desktop, expect(f, question), "Remove"));
    wait_for(is_called, f, "Remove home\nRemove home\n");
    wait_for(is_gone, f, question);
    g_subprocess_wait(first, NULL, NULL);
    g_subprocess_wait(second, NULL, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    adit_bus_register_errors();
    g_test_add("/agent/import", Fixture, NULL, set_up, test_import, tear_down);
    g_test_add("/agent/offer", Fixture, NULL, set_up, test_offer, tear_down);
    g_test_add("/agent/pages", Fixture, NULL, set_up, test_pages, tear_down);
    g_test_add("/agent/remove", Fixture, NULL, set_up, test_remove, tear_down);
    return g_test_run();
}
