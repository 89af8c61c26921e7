/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/mapping-fixture.h"

static const char *const event_names[N_EVENTS] = {
    "start",
    "stop",
    "timer",
    "timer-at-end",
    "grant",
    "grant-of-zero",
    "error-passing",
    "error-lasting",
    "error-mismatch",
    "notice-another",
    "notice-end",
    "notice-error",
    "server-restarted",
    "moved",
    "wake",
    "stir",
    "renew",
};

typedef struct {
    AditMappingState from;
    Event event;
    AditMappingState to;
    AditMappingNews news;
    gboolean send;
} Row;

/* Every transition. What is not here changes nothing, sends nothing and tells nothing. */
static const Row rows[] = {
    { I, START, W, NONE },
    { W, STOP, I, ADIT_MAPPING_NEWS_DELETED }, /* nothing has gone out yet */
    { W, TIMER, A, NONE, SEND },
    { W, TIMER_AT_END, A, NONE, SEND },
    { A, STOP, D, NONE },
    { A, TIMER, A, NONE, SEND },
    { A, TIMER_AT_END, A, NONE, SEND },
    { A, GRANT, G, ADIT_MAPPING_NEWS_GRANTED },
    { A, ERROR_PASSING, F, ADIT_MAPPING_NEWS_REFUSED },
    { A, ERROR_LASTING, F, ADIT_MAPPING_NEWS_REFUSED },
    { A, ERROR_MISMATCH, S, ADIT_MAPPING_NEWS_REFUSED },
    { A, RESTARTED, W, NONE },
    { A, MOVED, W, NONE },
    { A, WAKE, W, NONE },
    { G, STOP, D, ADIT_MAPPING_NEWS_LOST },
    { G, TIMER, R, NONE, SEND },
    { G, TIMER_AT_END, W, ADIT_MAPPING_NEWS_LOST },
    { G, NOTICE_OF_ANOTHER, G, ADIT_MAPPING_NEWS_CHANGED },
    { G, NOTICE_OF_END, W, ADIT_MAPPING_NEWS_LOST },
    { G, RESTARTED, W, ADIT_MAPPING_NEWS_LOST },
    { G, MOVED, W, ADIT_MAPPING_NEWS_LOST },
    { R, STOP, D, ADIT_MAPPING_NEWS_LOST },
    { R, TIMER, R, NONE, SEND },
    { R, TIMER_AT_END, W, ADIT_MAPPING_NEWS_LOST },
    { R, GRANT, G, ADIT_MAPPING_NEWS_RENEWED },
    { R, ERROR_PASSING, G, NONE }, /* the lease is what it was */
    { R, ERROR_LASTING, F, ADIT_MAPPING_NEWS_REFUSED },
    { R, ERROR_MISMATCH, S, ADIT_MAPPING_NEWS_REFUSED },
    { R, NOTICE_OF_ANOTHER, G, ADIT_MAPPING_NEWS_CHANGED },
    { R, NOTICE_OF_END, W, ADIT_MAPPING_NEWS_LOST },
    { R, RESTARTED, W, ADIT_MAPPING_NEWS_LOST },
    { R, MOVED, W, ADIT_MAPPING_NEWS_LOST },
    { F, STOP, I, ADIT_MAPPING_NEWS_DELETED },
    { F, TIMER, A, NONE, SEND },
    { F, TIMER_AT_END, A, NONE, SEND },
    { F, RESTARTED, W, NONE },
    { F, MOVED, W, NONE },
    { F, NOTICE_OF_ANOTHER, W, NONE }, /* it may be had again */
    { F, STIR, W, NONE },
    { S, STOP, I, ADIT_MAPPING_NEWS_DELETED },
    { S, MOVED, W, NONE },
    { D, TIMER, D, NONE, SEND },
    { D, TIMER_AT_END, I, ADIT_MAPPING_NEWS_DELETED }, /* out of patience */
    { D, GRANT_OF_ZERO, I, ADIT_MAPPING_NEWS_DELETED },
    { D, ERROR_PASSING, I, ADIT_MAPPING_NEWS_DELETED },
    { D, ERROR_LASTING, I, ADIT_MAPPING_NEWS_DELETED },
    { D, ERROR_MISMATCH, I, ADIT_MAPPING_NEWS_DELETED },
    { D, RESTARTED, I, ADIT_MAPPING_NEWS_DELETED },
    { D, MOVED, I, ADIT_MAPPING_NEWS_DELETED },
};

static Row
row_of(AditMappingState from, Event event)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].from == from && rows[i].event == event)
            return rows[i];
    }
    return (Row){ from, event, from, NONE, FALSE };
}

static void
test_transitions(void)
{
    for (AditMappingState from = I; from <= D; from++) {
        for (Event event = START; event < N_EVENTS; event++) {
            g_autoptr(AditMapping) m = mapping_in(from, &wish443);
            Row row = row_of(from, event);
            AditMappingAction action;

            g_test_message("%s, %s", adit_mapping_state_name(from), event_names[event]);
            action = step_event(m, event, START_AT + 1);
            g_assert_cmpint(m->state, ==, row.to);
            g_assert_cmpint(action.news, ==, row.news);
            g_assert_cmpint(action.send, ==, row.send);
            g_assert_false(action.gave_up);
            /* Whoever waits has a time for it; the others have none. */
            if (m->state == I || m->state == S)
                g_assert_cmpint(m->deadline, ==, ADIT_NEVER);
            else
                g_assert_cmpint(m->deadline, <, ADIT_NEVER);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-client/transitions", test_transitions);
    return g_test_run();
}
