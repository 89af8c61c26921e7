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

typedef struct {
    const char *name;
    AditHealthFacts facts;
    guint tries;
    AditHealthCare care; /* wait, overdue, next */
} CareCase;

static const CareCase care_cases[] = {
    { "down", { FALSE, FALSE, TRUE, FALSE, 100, -1 }, 0, { 0, FALSE, FALSE } },
    { "no-link", { TRUE, FALSE, TRUE, FALSE, 3, -1 }, 0, { 0, FALSE, FALSE } },
    { "just-up", { TRUE, TRUE, TRUE, FALSE, 0, -1 }, 0, { 1, FALSE, FALSE } },
    { "unheard", { TRUE, TRUE, TRUE, FALSE, 5, -1 }, 0, { 5, TRUE, TRUE } },
    { "unheard-again", { TRUE, TRUE, TRUE, FALSE, 10, -1 }, 1, { 10, TRUE, TRUE } },
    { "unheard-for-long", { TRUE, TRUE, TRUE, FALSE, 900, -1 }, 20, { 60, TRUE, TRUE } },
    { "well", { TRUE, TRUE, TRUE, FALSE, 900, 20 }, 0, { 130, FALSE, FALSE } },
    { "last-moment", { TRUE, TRUE, TRUE, FALSE, 900, 149 }, 0, { 1, FALSE, FALSE } },
    { "overdue", { TRUE, TRUE, TRUE, FALSE, 900, 150 }, 0, { 5, TRUE, FALSE } },
    { "still-overdue", { TRUE, TRUE, TRUE, FALSE, 900, 155 }, 1, { 10, TRUE, TRUE } },
    { "idle-heard", { TRUE, TRUE, FALSE, FALSE, 900, 900 }, 0, { 0, FALSE, FALSE } },
    { "idle-just-up", { TRUE, TRUE, FALSE, FALSE, 2, -1 }, 0, { 1, FALSE, FALSE } },
    { "idle-unheard", { TRUE, TRUE, FALSE, FALSE, 16, -1 }, 0, { 0, FALSE, FALSE } },
};

static void
test_care(gconstpointer data)
{
    const CareCase *c = data;
    const AditHealthCare care = adit_health_care(&c->facts, c->tries);

    g_assert_cmpuint(care.wait, ==, c->care.wait);
    g_assert_cmpint(care.overdue, ==, c->care.overdue);
    g_assert_cmpint(care.next, ==, c->care.next);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/client/health/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (guint i = 0; i < G_N_ELEMENTS(care_cases); i++) {
        g_autofree char *path = g_strconcat("/client/health/care/", care_cases[i].name, NULL);

        g_test_add_data_func(path, &care_cases[i], test_care);
    }
    return g_test_run();
}
