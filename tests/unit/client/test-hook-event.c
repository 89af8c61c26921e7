/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-event.h"

#include <string.h>

/* Views are written as rows, one a line: "g NAME STATE 4|6|46|-" for a gateway (of which
 * families it is the default), "r PATH STATE OUTSIDE" for something published; a line
 * "no-gateways" or "no-reaches": nobody says. Events come out as "KIND KEY=VALUE...", of the
 * keys that tell. */

static void
add_row(AditHookView *view, const char *row)
{
    g_auto(GStrv) words = g_strsplit(row, " ", 4);

    if (g_str_equal(row, "no-gateways")) {
        g_clear_pointer(&view->gateways, g_ptr_array_unref);
    } else if (g_str_equal(row, "no-reaches")) {
        g_clear_pointer(&view->reaches, g_ptr_array_unref);
    } else if (g_str_equal(words[0], "g")) {
        AditHookGateway *gateway = adit_hook_view_add_gateway(view, words[1]);

        gateway->state = g_strdup(words[2]);
        gateway->link = g_strdup(words[1]);
        gateway->addresses = g_strsplit("10.59.0.2 2001:db8::2", " ", -1);
        gateway->selected[0] = strchr(words[3], '4') != NULL;
        gateway->selected[1] = strchr(words[3], '6') != NULL;
    } else {
        AditHookReach *reach = adit_hook_view_add_reach(view, words[1]);

        reach->state = g_strdup(words[2]);
        reach->outside = g_strdup(words[3] ? words[3] : "");
        reach->ports = g_strdup("443/tcp");
        reach->gateway = g_strdup("home");
        reach->label = g_strdup("a\npage");
        reach->family = strchr(reach->outside, '[') ? 6 : 4;
    }
}

static AditHookView *
view_of(const char *text)
{
    g_auto(GStrv) rows = g_strsplit(text, "\n", -1);
    AditHookView *view = adit_hook_view_new();

    for (guint i = 0; rows[i]; i++)
        if (*rows[i])
            add_row(view, rows[i]);
    return view;
}

static char *
words_of(const GPtrArray *events)
{
    static const char *const keys[] = { "GATEWAY",        "OUTSIDE_ADDRESS", "OUTSIDE_PORT",
                                        "OUTSIDE_BEFORE", "WITHDRAWN",       "DEFAULT4",
                                        "DEFAULT6" };
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < events->len; i++) {
        const AditHookEvent *event = g_ptr_array_index(events, i);

        g_string_append(out, adit_hook_kind_name(event->kind));
        for (guint k = 0; k < G_N_ELEMENTS(keys); k++) {
            g_autofree char *name = g_strconcat("ADIT_", keys[k], NULL);
            const char *value = g_environ_getenv(event->environment, name);

            if (value)
                g_string_append_printf(out, " %s=%s", keys[k], value);
        }
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

typedef struct {
    const char *name;
    const char *first, *before, *after; /* three looks, one after the other */
    gboolean gateways_new, reaches_new; /* of the last */
    const char *events;                 /* between the last two */
} Case;

#define V4 "r /4 published 203.0.113.7:443\n"

static const Case cases[] = {
    { "nothing", "", "g home up -\n" V4, "g home up -\n" V4, FALSE, FALSE, "" },
    { "start", "", "", "g home up 46\n" V4, TRUE, TRUE,
      "gateway-up GATEWAY=home\n"
      "published GATEWAY=home OUTSIDE_ADDRESS=203.0.113.7 OUTSIDE_PORT=443 OUTSIDE_BEFORE=\n"
      "selected DEFAULT4=home DEFAULT6=home\n" },
    { "connecting-is-not-up", "", "", "g home connecting -\n", FALSE, FALSE, "" },
    { "restarted-tunnel", "", "g home up -\n", "g home connecting -\n", FALSE, FALSE, "" },
    { "connecting-for-long", "g home up -\n", "g home connecting -\n", "g home broken -\n",
      FALSE, FALSE, "gateway-down GATEWAY=home\n" },
    { "down", "", "g home up -\n", "g home down -\n", FALSE, FALSE,
      "gateway-down GATEWAY=home\n" },
    { "removed", "", "g home up 4\n" V4, "", FALSE, FALSE,
      "lost GATEWAY=home OUTSIDE_ADDRESS=203.0.113.7 OUTSIDE_PORT=443 "
      "OUTSIDE_BEFORE=203.0.113.7:443 WITHDRAWN=yes\n"
      "gateway-down GATEWAY=home\nselected DEFAULT4= DEFAULT6=\n" },
    { "daemons-away", "", "g home up 46\n" V4, "no-gateways\nno-reaches\n", FALSE, FALSE, "" },
    { "daemons-back", "g home up 4\n" V4, "no-gateways\nno-reaches\n", "", TRUE, TRUE, "" },
    { "gone-meanwhile", "g home up 4\n" V4, "no-gateways\nno-reaches\n", "g home up 4\n", FALSE,
      FALSE,
      "lost GATEWAY=home OUTSIDE_ADDRESS=203.0.113.7 OUTSIDE_PORT=443 "
      "OUTSIDE_BEFORE=203.0.113.7:443 WITHDRAWN=yes\n" },
    { "asked-again", "", V4, "r /4 asking\n", FALSE, FALSE, "" },
    { "asked-and-granted", V4, "r /4 asking\n", V4, FALSE, FALSE, "" },
    { "renewing", "", V4, "r /4 renewing 203.0.113.7:443\n", FALSE, FALSE, "" },
    { "lost", "", V4, "r /4 lost\n", FALSE, FALSE,
      "lost GATEWAY=home OUTSIDE_ADDRESS=203.0.113.7 OUTSIDE_PORT=443 "
      "OUTSIDE_BEFORE=203.0.113.7:443 WITHDRAWN=no\n" },
    { "nobody-listens", "", V4, "r /4 waiting\n", FALSE, FALSE,
      "lost GATEWAY=home OUTSIDE_ADDRESS=203.0.113.7 OUTSIDE_PORT=443 "
      "OUTSIDE_BEFORE=203.0.113.7:443 WITHDRAWN=yes\n" },
    { "moved-house", "", "r /6 published [2001:db8::1]:443\n",
      "r /6 published [2001:db8:2::1]:80-81\n", FALSE, FALSE,
      "published GATEWAY=home OUTSIDE_ADDRESS=2001:db8:2::1 OUTSIDE_PORT=80-81 "
      "OUTSIDE_BEFORE=[2001:db8::1]:443\n" },
    { "selected-one-family", "", "g home up -\ng work up 46\n", "g home up 6\ng work up 4\n",
      FALSE, FALSE, "selected DEFAULT4=work DEFAULT6=home\n" },
};

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_autoptr(AditHookView) first = view_of(c->first);
    g_autoptr(AditHookView) before = view_of(c->before);
    g_autoptr(AditHookView) after = view_of(c->after);
    g_autoptr(AditHookView) nothing = adit_hook_view_new();
    g_autoptr(GPtrArray) events = NULL;
    g_autofree char *words = NULL;

    adit_hook_view_follow(first, nothing, FALSE, FALSE);
    adit_hook_view_follow(before, first, FALSE, FALSE);
    adit_hook_view_follow(after, before, c->gateways_new, c->reaches_new);
    events = adit_hook_diff(before, after);
    words = words_of(events);
    g_assert_cmpstr(words, ==, c->events);
    g_ptr_array_set_size(events, 0);
}

/* Rows of what is published are lines: nothing a user writes can add one. */
static void
test_environment(void)
{
    g_autoptr(AditHookView) before = adit_hook_view_new();
    g_autoptr(AditHookView) after =
        view_of("g home up -\n" V4 "r /6 published [2001:db8::1]:443\nr /4b refused\n");
    g_autoptr(GPtrArray) events = NULL;
    const AditHookEvent *event;

    adit_hook_view_follow(after, before, FALSE, FALSE);
    events = adit_hook_diff(before, after);
    g_assert_cmpuint(events->len, ==, 3);
    event = g_ptr_array_index(events, 0);
    g_assert_cmpstr(g_environ_getenv(event->environment, "ADIT_ADDRESSES"), ==,
                    "10.59.0.2 2001:db8::2");
    event = g_ptr_array_index(events, 2);
    g_assert_cmpstr(g_environ_getenv(event->environment, "ADIT_LABEL"), ==, "a page");
    g_assert_cmpstr(g_environ_getenv(event->environment, "ADIT_PUBLISHED"), ==,
                    "443/tcp 4 home 203.0.113.7:443\n443/tcp 6 home [2001:db8::1]:443\n");
    g_assert_cmpstr(g_environ_getenv(event->environment, "ADIT_FAMILY"), ==, "6");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/client/hook-event/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/client/hook-event/environment", test_environment);
    return g_test_run();
}
