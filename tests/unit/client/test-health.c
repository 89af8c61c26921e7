/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/health.h"

typedef struct {
    const char *name;
    AditHealthFacts facts; /* wanted, has_link, keeps, unresolved, up_for, silence */
    AditHealth health;
    const char *problem;
} Case;

static const Case cases[] = {
    { "down", { FALSE, FALSE, TRUE, FALSE, 100, -1 }, ADIT_HEALTH_DOWN, NULL },
    { "down-link-still-there", { FALSE, TRUE, TRUE, FALSE, 100, 3 }, ADIT_HEALTH_DOWN, NULL },
    { "just-up", { TRUE, TRUE, TRUE, FALSE, 14, -1 }, ADIT_HEALTH_CONNECTING, NULL },
    { "link-not-made-yet", { TRUE, FALSE, TRUE, FALSE, 3, -1 }, ADIT_HEALTH_CONNECTING, NULL },
    { "unheard",
      { TRUE, TRUE, TRUE, FALSE, 15, -1 },
      ADIT_HEALTH_BROKEN,
      "no handshake: key, PSK, endpoint or blocked UDP" },
    { "unresolved",
      { TRUE, TRUE, TRUE, TRUE, 15, -1 },
      ADIT_HEALTH_BROKEN,
      "no address for the server's name: is a name server reachable?" },
    { "no-link",
      { TRUE, FALSE, TRUE, FALSE, 15, -1 },
      ADIT_HEALTH_BROKEN,
      "no link: its network manager has not made it; adit up tries again" },
    { "up", { TRUE, TRUE, TRUE, FALSE, 3, 2 }, ADIT_HEALTH_UP, NULL },
    { "stale",
      { TRUE, TRUE, TRUE, FALSE, 1000, 191 },
      ADIT_HEALTH_BROKEN,
      "no handshake any more: server down, changed key or blocked UDP" },
    { "idle-without-keepalive", { TRUE, TRUE, FALSE, FALSE, 1000, 900 }, ADIT_HEALTH_UP, NULL },
};

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    const char *problem;

    g_assert_cmpstr(adit_health_to_string(adit_health_judge(&c->facts, &problem)), ==,
                    adit_health_to_string(c->health));
    g_assert_cmpstr(problem, ==, c->problem);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/client/health/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
