/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/session.h"

#include <string.h>

static const AditWebSession *
begin(AditWebSessions *sessions, guint seed, gint64 now)
{
    guint8 dice[2 * ADIT_WEB_TOKEN_LEN];

    for (gsize i = 0; i < sizeof(dice); i++)
        dice[i] = (guint8)(seed * 7 + i * seed + (seed >> 3));
    memcpy(dice, &seed, sizeof(seed));
    return adit_web_sessions_begin(sessions, "10.0.0.1", dice, now);
}

static void
test_ends(void)
{
    g_autoptr(AditWebSessions) sessions = adit_web_sessions_new(100, 1000);
    g_autofree char *id = g_strdup(begin(sessions, 1, 0)->id);

    g_assert_nonnull(adit_web_sessions_find(sessions, id, 99));
    g_assert_true(adit_web_sessions_is_alive(sessions, id, 198));
    g_assert_false(adit_web_sessions_is_alive(sessions, id, 199)); /* and that was no use */
    g_assert_null(adit_web_sessions_find(sessions, id, 199));
    g_assert_cmpuint(adit_web_sessions_count(sessions), ==, 0);
}

/* However busy, it does not outlive its life. */
static void
test_life(void)
{
    g_autoptr(AditWebSessions) sessions = adit_web_sessions_new(100, 1000);
    g_autofree char *id = g_strdup(begin(sessions, 1, 0)->id);

    for (gint64 now = 0; now < 1000; now += 50)
        g_assert_nonnull(adit_web_sessions_find(sessions, id, now));
    g_assert_null(adit_web_sessions_find(sessions, id, 1000));
}

static void
test_csrf(void)
{
    g_autoptr(AditWebSessions) sessions = adit_web_sessions_new(100, 1000);
    const AditWebSession *a = begin(sessions, 1, 0), *b = begin(sessions, 2, 0);

    g_assert_cmpstr(a->id, !=, a->csrf);
    g_assert_cmpuint(strlen(a->id), ==, 43);
    g_assert_true(adit_web_csrf_matches(a->csrf, a->csrf));
    g_assert_false(adit_web_csrf_matches(a->csrf, b->csrf));
    g_assert_false(adit_web_csrf_matches(a->csrf, a->id));
    g_assert_false(adit_web_csrf_matches(a->csrf, ""));
    g_assert_false(adit_web_csrf_matches(a->csrf, NULL));
}

/* The idlest makes room. */
static void
test_bounded(void)
{
    g_autoptr(AditWebSessions) sessions = adit_web_sessions_new(10000, 100000);
    g_autofree char *first = g_strdup(begin(sessions, 1, 0)->id);
    g_autofree char *second = g_strdup(begin(sessions, 2, 1)->id);

    adit_web_sessions_find(sessions, first, 5);
    for (guint i = 3; i < 66; i++)
        begin(sessions, i, 10);
    g_assert_nonnull(adit_web_sessions_find(sessions, first, 20));
    g_assert_null(adit_web_sessions_find(sessions, second, 20));
    adit_web_sessions_end(sessions, first);
    g_assert_null(adit_web_sessions_find(sessions, first, 20));
    adit_web_sessions_clear(sessions);
    g_assert_cmpuint(adit_web_sessions_count(sessions), ==, 0);
}

/* Another for each address and each process; the same each time. */
static void
test_device_csrf(void)
{
    const guint8 one[ADIT_WEB_TOKEN_LEN] = { 1 }, two[ADIT_WEB_TOKEN_LEN] = { 2 };
    g_autofree char *a = adit_web_device_csrf(one, "10.59.0.2");
    g_autofree char *again = adit_web_device_csrf(one, "10.59.0.2");
    g_autofree char *b = adit_web_device_csrf(one, "10.59.0.3");
    g_autofree char *c = adit_web_device_csrf(two, "10.59.0.2");

    g_assert_true(adit_web_csrf_matches(a, again));
    g_assert_false(adit_web_csrf_matches(a, b));
    g_assert_false(adit_web_csrf_matches(a, c));
    g_assert_cmpuint(strlen(a), ==, 43);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/session/ends", test_ends);
    g_test_add_func("/web/session/life", test_life);
    g_test_add_func("/web/session/csrf", test_csrf);
    g_test_add_func("/web/session/bounded", test_bounded);
    g_test_add_func("/web/session/device-csrf", test_device_csrf);
    return g_test_run();
}
