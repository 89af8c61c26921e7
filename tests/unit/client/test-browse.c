/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/browse.h"

#include "tests/golden.h"

static void
append(GString *all, const AditNotice *notice)
{
    g_string_append_printf(all, "%s\n%s\n", notice->summary, notice->body);
    for (guint i = 0; i < notice->actions->len; i++) {
        const AditNoticeAction *action = g_ptr_array_index(notice->actions, i);

        g_string_append_printf(all, "[%s: %s]\n", action->label, action->deed);
    }
    g_assert_cmpuint(notice->actions->len, <=, 3);
}

static void
add_gateway(AditSeen *seen, const char *name, const char *state, gboolean selected)
{
    AditSeenGateway *gateway = g_new0(AditSeenGateway, 1);

    gateway->name = g_strdup(name);
    gateway->state = g_strdup(state);
    gateway->problem = g_strdup("");
    gateway->selected[1] = selected;
    gateway->addresses = g_strsplit("10.59.0.2", " ", -1);
    g_ptr_array_add(seen->gateways, gateway);
}

static void
add_reach(AditSeen *seen, guint8 family, const char *outside, const char *state)
{
    AditSeenReach *reach = g_new0(AditSeenReach, 1);

    reach->ports = g_strdup("443/tcp");
    reach->gateway = g_strdup("home");
    reach->label = g_strdup("web");
    reach->source = g_strdup("");
    reach->outside = g_strdup(outside);
    reach->state = g_strdup(state);
    reach->reason = g_strdup("");
    reach->problem = g_strdup("");
    reach->family = family;
    g_ptr_array_add(seen->reaches, reach);
}

/* All pages, and round to the first; each names the next. */
static void
test_pages(void)
{
    const AditPorts port = { 8080, 8080, ADIT_PROTO_TCP };
    const AditPorts wanted = { 443, 443, ADIT_PROTO_TCP };
    const AditBrowseWish wish = { TRUE, FALSE };
    g_autoptr(AditSeen) seen = adit_seen_new();
    g_autoptr(GString) all = g_string_new(NULL);

    seen->has_daemon = TRUE;
    add_gateway(seen, "home", "up", FALSE);
    add_gateway(seen, "lab", "down", TRUE);
    add_gateway(seen, "my hut", "down", FALSE);
    add_reach(seen, 6, "[2001:db8::2]:443", "published");
    add_reach(seen, 4, "203.0.113.7:443", "published");
    g_ptr_array_add(seen->services, adit_seen_service_new(&wanted, "nginx"));
    g_ptr_array_add(seen->services, adit_seen_service_new(&port, "java"));
    g_ptr_array_add(seen->wanted, adit_publication_new(&wanted));
    g_strfreev(seen->offered);
    seen->offered = g_strsplit("office,my VPN", ",", -1);
    for (guint i = 0; i < 9; i++) {
        g_autoptr(AditNotice) notice = adit_browse_page(seen, &wish, i);

        append(all, notice);
    }
    golden_check("agent/pages.txt", all->str);
}

static void
test_empty(void)
{
    const AditBrowseWish wish = { FALSE, TRUE };
    g_autoptr(AditSeen) seen = adit_seen_new();
    g_autoptr(GString) all = g_string_new(NULL);
    AditNotice *notice = adit_browse_page(seen, &wish, 0);

    append(all, notice);
    adit_notice_free(notice);
    seen->has_daemon = TRUE;
    notice = adit_browse_page(seen, &wish, 0);
    append(all, notice);
    adit_notice_free(notice);
    g_strfreev(seen->offered);
    seen->offered = g_strsplit("my VPN", ",", -1);
    notice = adit_browse_page(seen, &wish, 0);
    append(all, notice);
    adit_notice_free(notice);
    g_clear_pointer(&seen->offered[0], g_free);
    add_gateway(seen, "home", "broken", FALSE);
    add_reach(seen, 4, "", "lost");
    for (guint i = 1; i < 3; i++) {
        notice = adit_browse_page(seen, &wish, i);
        append(all, notice);
        adit_notice_free(notice);
    }
    golden_check("agent/empty.txt", all->str);
}

static void
test_drop(void)
{
    g_autoptr(GString) all = g_string_new(NULL);
    g_autoptr(AditNotice) notice = adit_browse_drop("my hut");

    append(all, notice);
    g_string_append_printf(all, "%s\n", notice->command);
    golden_check("agent/drop.txt", all->str);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent/browse/pages", test_pages);
    g_test_add_func("/agent/browse/empty", test_empty);
    g_test_add_func("/agent/browse/drop", test_drop);
    return g_test_run();
}
