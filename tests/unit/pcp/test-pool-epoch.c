/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/pool-fixture.h"

/* What a server's epoch tells: whether it has lost what it had. */

typedef struct {
    const char *name;
    gint64 seconds; /* after epoch 1000 */
    guint32 epoch;
    gboolean valid;
} EpochRow;

static const EpochRow epochs[] = {
    { "exact", 2000, 3000, TRUE },        { "one-back", 1, 999, TRUE },
    { "far-back", 900, 850, FALSE },      { "zero", 2000, 0, FALSE },
    { "slow-by-1/16", 1600, 2500, TRUE }, { "too-slow", 1600, 2497, FALSE },
    { "fast-by-1/16", 1500, 2602, TRUE }, { "too-fast", 1500, 2604, FALSE },
};

static void
test_epoch(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(epochs); i++) {
        const EpochRow *row = &epochs[i];
        Fixture f;

        g_test_message("%s", row->name);
        fixture_set_up(&f, NULL);
        grant_both(&f);
        f.now += row->seconds * 1000;
        hear_announce(&f, row->epoch, TRUE);
        assert_both(&f, row->valid ? ADIT_MAPPING_GRANTED : ADIT_MAPPING_WAITING);
        g_assert_cmpuint(adit_pool_get_counts(f.pool)->losses, ==, !row->valid);
        /* Valid or not, the next is judged by this one. */
        hear_announce(&f, row->epoch, TRUE);
        g_assert_cmpuint(adit_pool_get_counts(f.pool)->losses, ==, !row->valid);
        fixture_tear_down(&f, NULL);
    }
}

/* Told by the answer to a renewal: all are asked for at once, that one too. */
static void
test_loss_by_reply(Fixture *f, gconstpointer data)
{
    grant_both(f);
    f->now = f->m[0]->deadline;
    dispatch(f);
    grant(f, 0, 5);
    assert_both(f, ADIT_MAPPING_WAITING);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_LOST);
        g_assert_cmpint(f->m[i]->deadline, ==, f->now);
        g_assert_cmpint(f->m[i]->reason, ==, ADIT_MAPPING_RESTARTED);
    }
    g_assert_cmpuint(dispatch(f), ==, 2);
    grant(f, 0, 5);
    grant(f, 1, 5);
    assert_both(f, ADIT_MAPPING_GRANTED);
}

/* Told by a notice: each after its own 0 to 5 s. */
static void
test_loss_by_notice(Fixture *f, gconstpointer data)
{
    gint64 a, b;

    grant_both(f);
    f->now += 60000;
    hear_announce(f, 0, TRUE);
    assert_both(f, ADIT_MAPPING_WAITING);
    a = f->m[0]->deadline - f->now;
    b = f->m[1]->deadline - f->now;
    g_assert_cmpint(a, !=, b);
    g_assert_cmpint(MIN(a, b), >=, 0);
    g_assert_cmpint(MAX(a, b), <=, 5000);
    g_assert_cmpuint(dispatch(f), ==, 0);
    f->now += MAX(a, b);
    g_assert_cmpuint(dispatch(f), ==, 2);
}

/* A notice from before those we heard, of the same life of the server: we ask, and only the
 * answer decides. */
static void
test_late_notice(Fixture *f, gconstpointer data)
{
    grant_both(f);
    f->now += 1000;
    hear_announce(f, 998, TRUE);
    hear_announce(f, 997, TRUE);
    assert_both(f, ADIT_MAPPING_GRANTED);
    g_assert_cmpuint(dispatch(f), ==, 1);
    hear_announce(f, 1001, FALSE);
    assert_both(f, ADIT_MAPPING_GRANTED);
    hear_announce(f, 998, TRUE);
    g_assert_cmpuint(dispatch(f), ==, 1);
    hear_announce(f, 998, FALSE); /* it really is an old picture */
    assert_both(f, ADIT_MAPPING_WAITING);
}

/* A late answer from before the restart is not believed. */
static void
test_stale_reply(Fixture *f, gconstpointer data)
{
    AditPcpReply stale = reply_to(f, 0, 1060);

    grant_both(f);
    f->now += 60000;
    hear_announce(f, 0, TRUE);
    f->now += 5000;
    g_assert_cmpuint(dispatch(f), ==, 2);
    hear_reply(f, &stale, FALSE);
    g_assert_false(adit_mapping_is_held(f->m[0]));
}

/* A server whose epoch makes no sense is asked ever more rarely. */
static void
test_lying_epoch(Fixture *f, gconstpointer data)
{
    guint sent = 0;

    grant_both(f);
    f->now += 60000;
    for (guint i = 0; i < 10000 && f->now < T0 + 3600000; i++) {
        sent += dispatch(f);
        for (guint k = 0; k < 2; k++) {
            if (adit_mapping_expects(f->m[k]))
                grant(f, k, i % 2 ? 0x80000000u : 7);
        }
        f->now = MAX(f->now + 1, adit_pool_deadline(f->pool));
    }
    g_assert_cmpint(f->now, >=, T0 + 3600000);
    g_assert_cmpuint(sent, <, 60);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-client/C5-epoch", test_epoch);
    ADD("C5-lying-epoch", test_lying_epoch);
    ADD("C6-loss-by-reply", test_loss_by_reply);
    ADD("C6-loss-by-notice", test_loss_by_notice);
    ADD("C5-late-notice", test_late_notice);
    ADD("C6-stale-reply", test_stale_reply);
    return g_test_run();
}
