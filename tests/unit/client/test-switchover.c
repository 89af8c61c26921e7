/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/switchover.h"

#include <string.h>

/* A server and a device, both with a store, a wire that loses what it likes, and a process that
 * dies when it likes. The keys are letters. */
typedef struct {
    char held, offered;     /* the server's; 0: none */
    char profile, old, new; /* the device's; 0: no file */
    AditSwitch way;
    gboolean alive;
} World;

#define DIE 4
#define SILENT 3

static void
begin(World *w)
{
    *w = (World){ .held = 'a', .profile = 'a', .old = 'a', .new = 'b', .alive = TRUE };
    w->way = adit_switch_begin(FALSE, FALSE);
}

/* WireGuard: the key of the profile works if the server has it as a peer. The first handshake
 * of one on offer makes it the one that is held. */
static gboolean
shake_hands(World *w)
{
    if (w->offered && w->profile == w->offered) {
        w->held = w->offered;
        w->offered = 0;
    }
    return w->profile == w->held;
}

static gboolean
asks(World *w, gboolean lost)
{
    return !lost && w->profile == w->held;
}

static AditSwitchEvent
offer(World *w, char key, gboolean lost, gboolean answer_lost)
{
    if (!asks(w, lost))
        return ADIT_SWITCH_FAILED;
    w->offered = key == w->held ? 0 : key;
    return answer_lost ? ADIT_SWITCH_FAILED : ADIT_SWITCH_OK;
}

static AditSwitchEvent
change(World *w, gboolean lost)
{
    const char before = w->profile;

    w->profile = w->way.on_new ? w->old : w->new;
    if (!lost && shake_hands(w))
        return ADIT_SWITCH_OK;
    w->profile = before;
    return ADIT_SWITCH_FAILED;
}

static AditSwitchEvent
ask(World *w, gboolean lost)
{
    if (!asks(w, lost))
        return ADIT_SWITCH_SILENT;
    return w->held == w->new ? ADIT_SWITCH_HELD_NEW : ADIT_SWITCH_HELD_OLD;
}

/* @dice: what goes wrong in this step. */
static void
turn(World *w, guint32 dice)
{
    const gboolean lost = (dice & 7) == SILENT, answer_lost = (dice >> 3 & 7) == SILENT;
    AditSwitchEvent event = ADIT_SWITCH_OK;

    switch (w->way.state) {
    case ADIT_SWITCH_OFFERING: event = offer(w, w->new, lost, answer_lost); break;
    case ADIT_SWITCH_CHANGING: event = change(w, lost); break;
    case ADIT_SWITCH_ASKING: event = ask(w, lost || answer_lost); break;
    case ADIT_SWITCH_TAKING: event = offer(w, w->old, lost, answer_lost); break;
    case ADIT_SWITCH_WAITING:
    case ADIT_SWITCH_ENDED: break;
    }
    if ((dice >> 6 & 7) == DIE) { /* between what was done and what is known of it */
        if (w->way.state != ADIT_SWITCH_ENDED)
            w->way = adit_switch_begin(TRUE, w->profile == w->new);
        return;
    }
    adit_switch_step(&w->way, event);
}

static void
assert_settled(World *w)
{
    g_assert_cmpint(w->way.state, ==, ADIT_SWITCH_ENDED);
    w->old = w->new = 0; /* the file is gone */
    g_assert_true(shake_hands(w));
    g_assert_cmpint(w->profile, ==, w->held);
    g_assert_cmpint(w->profile == 'b', ==, adit_switch_is_done(&w->way));
}

static void
test_straight(void)
{
    static const AditSwitchState states[] = { ADIT_SWITCH_OFFERING, ADIT_SWITCH_CHANGING,
                                              ADIT_SWITCH_ASKING, ADIT_SWITCH_ENDED };
    World w;

    begin(&w);
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        g_assert_cmpint(w.way.state, ==, states[i]);
        turn(&w, 0);
    }
    assert_settled(&w);
    g_assert_cmpint(w.profile, ==, 'b');
}

/* Every way in which the first steps can go wrong, one after the other, and then all goes well.
 */
static void
test_every_step(void)
{
    static const guint32 faults[] = { 0, SILENT, SILENT << 3, DIE << 6, SILENT | DIE << 6 };
    const guint n = G_N_ELEMENTS(faults), depth = 6;
    guint all = 1;

    for (guint i = 0; i < depth; i++)
        all *= n;
    for (guint plan = 0; plan < all; plan++) {
        guint rest = plan, steps = 0;
        World w;

        begin(&w);
        for (guint i = 0; i < depth; i++, rest /= n)
            turn(&w, faults[rest % n]);
        while (w.way.state != ADIT_SWITCH_ENDED && steps++ < 20)
            turn(&w, 0);
        assert_settled(&w);
    }
}

static void
test_any_weather(void)
{
    for (guint seed = 0; seed < 20000; seed++) {
        g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
        guint steps = 0;
        World w;

        begin(&w);
        while (w.way.state != ADIT_SWITCH_ENDED && steps++ < 2000)
            turn(&w, g_rand_int(dice));
        assert_settled(&w);
    }
}

/* Nobody answers: longer and longer pauses, each key in turn; nobody can be asked: no change.
 */
static void
test_silence(void)
{
    AditSwitch way = adit_switch_begin(TRUE, TRUE);

    adit_switch_step(&way, ADIT_SWITCH_SILENT);
    g_assert_cmpint(way.state, ==, ADIT_SWITCH_WAITING);
    g_assert_cmpuint(way.pause_s, ==, 1);
    adit_switch_step(&way, ADIT_SWITCH_OK);
    g_assert_cmpint(way.state, ==, ADIT_SWITCH_CHANGING);
    adit_switch_step(&way, ADIT_SWITCH_FAILED);
    g_assert_true(way.on_new);
    for (guint i = 0; i < 9; i++) {
        g_assert_cmpint(way.state, ==, ADIT_SWITCH_ASKING);
        adit_switch_step(&way, ADIT_SWITCH_UNASKED);
        adit_switch_step(&way, ADIT_SWITCH_OK);
    }
    g_assert_cmpuint(way.pause_s, ==, 300);
    adit_switch_step(&way, ADIT_SWITCH_HELD_NONE);
    g_assert_cmpint(way.state, ==, ADIT_SWITCH_ENDED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/switchover/straight", test_straight);
    g_test_add_func("/switchover/every-step", test_every_step);
    g_test_add_func("/switchover/any-weather", test_any_weather);
    g_test_add_func("/switchover/silence", test_silence);
    return g_test_run();
}
