/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/mapping-fixture.h"

#include "libadit/core/pcp-time.h"

#include <string.h>

/* A server that says it will not have it any more, or will again, is asked: soon, once. */
static void
test_notice_asks(void)
{
    g_autoptr(AditMapping) m = mapping_in(G, &wish443);
    const gint64 later = START_AT + 60000;

    step_event(m, NOTICE_OF_ERROR, START_AT + 1);
    g_assert_cmpint(m->deadline, ==, START_AT + ADIT_MAPPING_SPACING_MS);
    step_event(m, NOTICE_OF_ERROR, later);
    g_assert_cmpint(m->deadline, ==, START_AT + ADIT_MAPPING_SPACING_MS); /* never later */
    g_assert_true(step_event(m, TIMER, later).send);
    g_assert_cmpint(m->state, ==, R);
    step_event(m, NOTICE_OF_ERROR, later + 1);
    g_assert_cmpint(m->deadline, ==, later + ADIT_MAPPING_SPACING_MS);
    step_event(m, ERROR_LASTING, later + 2);
    step_event(m, NOTICE_OF_ERROR, later + 3); /* as it is */
    g_assert_cmpint(m->deadline, ==, later + 2 + 600 * 1000);
    step_event(m, NOTICE_OF_ANOTHER, later + 10000);
    g_assert_cmpint(m->state, ==, W);
    g_assert_cmpint(m->deadline, ==, later + 10000);
}

/* (1 + RAND) * 3 s, then double, up to 1024 s, and never an end of it. */
static void
test_retransmission(void)
{
    static const guint32 gaps[] = { 3000,   6000,   12000,  24000,   48000,  96000,
                                    192000, 384000, 768000, 1024000, 1024000 };
    g_autoptr(AditMapping) m = mapping_in(W, &wish443);
    gint64 now = START_AT;

    for (guint i = 0; i < G_N_ELEMENTS(gaps); i++) {
        AditMappingAction action = step_plain(m, ADIT_MAPPING_TIMER, now);

        g_assert_true(action.send);
        g_assert_cmpint(m->deadline - now, >=, gaps[i] - 1);
        g_assert_cmpint(m->deadline - now, <=, gaps[i] + 1);
        now = m->deadline;
    }
    for (guint i = 0; i < 200; i++) {
        g_assert_true(step_plain(m, ADIT_MAPPING_TIMER, m->deadline).send);
        g_assert_cmpint(m->state, ==, A);
    }
}

static void
test_jitter(void)
{
    static const struct {
        guint32 dice;
        gint64 gap;
    } throws[] = { { 0, 2700 }, { G_MAXUINT32, 3300 } };

    for (guint i = 0; i < G_N_ELEMENTS(throws); i++) {
        g_autoptr(AditMapping) m = mapping_in(W, &wish443);
        AditMappingEvent event = { .type = ADIT_MAPPING_TIMER, .dice = throws[i].dice };

        adit_mapping_step(m, &event);
        g_assert_cmpint(m->deadline, ==, throws[i].gap);
    }
}

/* 1/2 to 5/8 of the lifetime, then 3/4 and a bit, ..., at least 4 s apart, until the end. */
static void
test_renewal(void)
{
    g_autoptr(AditMapping) m = mapping_in(G, &wish443);
    gint64 last = 0, end = START_AT + LIFETIME * 1000;
    double low = 0.5;
    guint sent = 0;

    g_assert_cmpint(m->grant.until, ==, end);
    while (adit_mapping_is_held(m)) {
        gint64 at = m->deadline;

        g_assert_cmpint(at, >, last);
        if (at < end) {
            g_assert_cmpint(at - START_AT, >=, (gint64)(low * LIFETIME * 1000) - 1);
            g_assert_true(last == 0 || at - last >= ADIT_MAPPING_SPACING_MS);
            low += (1 - low) / 2;
            if (low > 0.999)
                low = 0.5;
        }
        sent += step_plain(m, ADIT_MAPPING_TIMER, at).send;
        last = at;
    }
    g_assert_cmpint(last, ==, end);
    g_assert_cmpint(m->reason, ==, ADIT_MAPPING_EXPIRED);
    g_assert_cmpuint(sent, >=, 8);
    g_assert_cmpuint(sent, <=, 12);
}

/* Whoever has a lease renewed waits for the answer: a lost packet costs seconds, not half of
 * the lease. Afterwards all is as before. */
static void
test_hurried_renewal(void)
{
    g_autoptr(AditMapping) m = mapping_in(G, &wish443);
    const gint64 due = m->deadline, now = START_AT + 1000;
    gint64 waits = 0, last = 0;

    step_event(m, RENEW, now);
    g_assert_cmpint(m->deadline, ==, now);
    g_assert_true(step_event(m, TIMER, now).send);
    for (guint i = 0; i < 3; i++) {
        gint64 at = m->deadline;

        waits = at - (last == 0 ? now : last);
        g_assert_cmpint(waits, ==, ADIT_MAPPING_SPACING_MS << i);
        g_assert_true(step_event(m, TIMER, at).send);
        g_assert_cmpint(m->state, ==, R);
        last = at;
    }
    g_assert_cmpint(step_event(m, GRANT, last + 5).news, ==, ADIT_MAPPING_NEWS_RENEWED);
    g_assert_cmpint(m->deadline - (last + 5), ==, due - START_AT);
    step_event(m, TIMER, m->deadline);
    g_assert_cmpint(m->deadline - m->granted_at, >=, LIFETIME * 1000 * 3 / 4);

    /* A server that has no room just then is asked again when it said, and then as before. */
    step_event(m, GRANT, last + 1999000);
    step_event(m, RENEW, last + 1999001);
    step_event(m, TIMER, last + 1999001);
    step_event(m, ERROR_PASSING, last + 1999002);
    g_assert_cmpint(m->deadline, ==, last + 1999002 + 30000);
    g_assert_true(step_event(m, TIMER, last + 2029002).send);
    g_assert_cmpint(m->deadline, ==, last + 2029002 + ADIT_MAPPING_SPACING_MS);

    /* One that does not answer at all: it ends with its lease. */
    step_event(m, GRANT, last + 2029003);
    last += 2029003;
    step_event(m, RENEW, last + 1);
    for (guint n = 0; adit_mapping_is_held(m); n++) {
        g_assert_cmpuint(n, <, 16);
        step_event(m, TIMER, m->deadline);
    }
    g_assert_cmpint(m->reason, ==, ADIT_MAPPING_EXPIRED);
}

static void
test_renewal_suggests(void)
{
    static const AditWish any = { .protocol = IPPROTO_UDP,
                                  .internal_port = 53,
                                  .lifetime = LIFETIME };
    g_autoptr(AditMapping) m = mapping_in(A, &any);
    AditPcpRequest request;

    adit_mapping_request(m, &client4, &request);
    g_assert_cmpuint(request.body.external_port, ==, 0);
    g_assert_true(adit_addr_is_unspecified(&request.body.external));
    step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 40000, FALSE, START_AT);
    adit_mapping_request(m, &client4, &request);
    g_assert_cmpuint(request.body.external_port, ==, 40000);
    g_assert_cmpint(adit_addr_cmp(&request.body.external, &wan4), ==, 0);
    g_assert_cmpmem(request.body.nonce, ADIT_PCP_NONCE, nonce1, ADIT_PCP_NONCE);
    /* Lost, it is asked for at the same place (C6). */
    step_reset(m, ADIT_MAPPING_RESTARTED, START_AT);
    adit_mapping_request(m, &client4, &request);
    g_assert_cmpuint(request.body.external_port, ==, 40000);
    g_assert_cmpint(adit_addr_cmp(&request.body.external, &wan4), ==, 0);
}

/* A machine that slept through all renewals: one request, or none but the end. */
static void
test_sleep(void)
{
    g_autoptr(AditMapping) m = mapping_in(G, &wish443);
    gint64 late = m->grant.until - 5000;

    g_assert_true(step_plain(m, ADIT_MAPPING_TIMER, late).send);
    g_assert_cmpint(m->deadline, >=, late + ADIT_MAPPING_SPACING_MS);
    step_plain(m, ADIT_MAPPING_TIMER, m->grant.until + 3600000);
    g_assert_cmpint(m->state, ==, W);
}

/* A lease of a second does not make us ask every second. */
static void
test_short_lease(void)
{
    g_autoptr(AditMapping) m = mapping_in(A, &wish443);

    step_reply(m, ADIT_PCP_SUCCESS, 1, 443, FALSE, START_AT + 10);
    g_assert_cmpint(m->deadline, ==, START_AT + 1010);
    step_plain(m, ADIT_MAPPING_TIMER, START_AT + 1010);
    g_assert_cmpint(m->state, ==, W);
    g_assert_cmpint(m->deadline, ==, START_AT + ADIT_MAPPING_SPACING_MS);
}

static void
test_lifetime_cap(void)
{
    g_autoptr(AditMapping) m = mapping_in(A, &wish443);

    step_reply(m, ADIT_PCP_SUCCESS, G_MAXUINT32, 443, FALSE, START_AT);
    g_assert_cmpuint(m->grant.lifetime, ==, 86400);
    g_assert_cmpint(m->grant.until, ==, START_AT + 86400 * G_GINT64_CONSTANT(1000));
}

static void
test_hold(void)
{
    static const struct {
        guint8 result;
        guint32 lifetime;
        gint64 hold_s;
    } holds[] = {
        { ADIT_PCP_NOT_AUTHORIZED, 600, 600 },
        { ADIT_PCP_NOT_AUTHORIZED, 0, 1800 },
        { ADIT_PCP_NOT_AUTHORIZED, G_MAXUINT32, 1800 },
        { ADIT_PCP_NO_RESOURCES, 0, 30 },
        { ADIT_PCP_USER_EX_QUOTA, 45, 45 },
        { 77, 0, 1800 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(holds); i++) {
        g_autoptr(AditMapping) m = mapping_in(A, &wish443);

        step_reply(m, holds[i].result, holds[i].lifetime, 443, FALSE, START_AT);
        g_assert_cmpint(m->state, ==, F);
        g_assert_cmpint(m->deadline, ==, START_AT + holds[i].hold_s * 1000);
        g_assert_cmpuint(m->error, ==, holds[i].result);
        /* The user's impatience changes nothing about it. */
        step_plain(m, ADIT_MAPPING_START, START_AT + 1);
        g_assert_cmpint(m->deadline, ==, START_AT + holds[i].hold_s * 1000);
    }
}

static void
test_hold_of_renewal(void)
{
    g_autoptr(AditMapping) m = mapping_in(R, &wish443);
    gint64 now = START_AT + 1900000, end = m->grant.until;

    step_reply(m, ADIT_PCP_NO_RESOURCES, 1000, 443, FALSE, now);
    g_assert_true(adit_mapping_is_held(m));
    g_assert_cmpint(m->deadline, >=, now + 1000000);
    g_assert_cmpint(m->deadline, <=, end);
    step_plain(m, ADIT_MAPPING_TIMER, m->deadline);
    step_reply(m, ADIT_PCP_NO_RESOURCES, 1800, 443, FALSE, now + 1000001);
    g_assert_cmpint(m->deadline, ==, end);
    step_plain(m, ADIT_MAPPING_TIMER, end);
    g_assert_cmpint(m->state, ==, W);
}

static AditWish
exact443(void)
{
    AditWish wish = wish443;

    wish.exact = TRUE;
    return wish;
}

/* PREFER_FAILURE goes out; a server that does not know it has its grant deleted. */
static void
test_other_port_exact(void)
{
    AditWish wish = exact443();
    g_autoptr(AditMapping) m = mapping_in(A, &wish);
    AditMappingAction action;
    AditPcpRequest request;

    adit_mapping_request(m, &client4, &request);
    g_assert_cmpuint(request.options.has, ==, ADIT_PCP_HAS_PREFER_FAILURE);
    action = step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 444, FALSE, START_AT);
    g_assert_cmpint(action.news, ==, NONE);
    g_assert_cmpint(m->state, ==, D);
    g_assert_true(step_plain(m, ADIT_MAPPING_TIMER, START_AT).send);
    action = step_reply(m, ADIT_PCP_SUCCESS, 0, 444, FALSE, START_AT + 20);
    g_assert_cmpint(action.news, ==, ADIT_MAPPING_NEWS_REFUSED);
    g_assert_cmpint(m->reason, ==, ADIT_MAPPING_OTHER);
    g_assert_cmpint(m->deadline, ==, START_AT + 20 + ADIT_MAPPING_OTHER_HOLD_S * 1000);
}

static void
test_other_port_welcome(void)
{
    g_autoptr(AditMapping) m = mapping_in(A, &wish443);
    AditMappingAction action = step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 444, FALSE, START_AT);

    g_assert_cmpint(action.news, ==, ADIT_MAPPING_NEWS_GRANTED);
    g_assert_cmpuint(m->grant.external.port, ==, 444);
    step_plain(m, ADIT_MAPPING_TIMER, m->deadline);
    action = step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 445, FALSE, START_AT + 2000000);
    g_assert_cmpint(action.news, ==, ADIT_MAPPING_NEWS_CHANGED);
    g_assert_cmpint(m->grant.since, ==, START_AT);
}

/* A second mapping of the same internal port is never deleted: a server that knows no second
 * one would drop the first. */
static void
test_other_port_shared(void)
{
    AditWish wish = exact443();
    g_autoptr(AditMapping) m = NULL;

    wish.shares = TRUE;
    m = mapping_in(A, &wish);
    step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 444, FALSE, START_AT);
    g_assert_cmpint(m->state, ==, F);
    step_plain(m, ADIT_MAPPING_TIMER, m->deadline);
    step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 443, FALSE, START_AT);
    step_plain(m, ADIT_MAPPING_STOP, START_AT);
    g_assert_cmpint(m->state, ==, I);
}

static void
test_delete_is_empty(void)
{
    AditWish wish = exact443();
    g_autoptr(AditMapping) m = mapping_in(D, &wish);
    AditPcpRequest request;

    adit_mapping_request(m, &client4, &request);
    g_assert_cmpuint(request.lifetime, ==, 0);
    g_assert_cmpuint(request.body.external_port, ==, 0);
    g_assert_true(adit_addr_is_unspecified(&request.body.external));
    g_assert_cmpuint(request.options.has, ==, 0);
    g_assert_cmpmem(request.body.nonce, ADIT_PCP_NONCE, nonce1, ADIT_PCP_NONCE);
}

static void
test_delete_is_bounded(void)
{
    g_autoptr(AditMapping) m = mapping_in(D, &wish443);
    guint sent = 1;

    while (m->state == D && sent < 100)
        sent += step_plain(m, ADIT_MAPPING_TIMER, m->deadline).send;
    g_assert_cmpint(m->state, ==, I);
    g_assert_cmpuint(sent, ==, 3);
}

/* Wanted again while the deletion is out: after it, and under another nonce. */
static void
test_delete_and_ask_again(void)
{
    g_autoptr(AditMapping) m = mapping_in(D, &wish443);
    const AditMappingEvent again = { .type = ADIT_MAPPING_START,
                                     .now = START_AT,
                                     .nonce = nonce2 };

    adit_mapping_step(m, &again);
    g_assert_cmpint(m->state, ==, D);
    g_assert_cmpmem(m->nonce, ADIT_PCP_NONCE, nonce1, ADIT_PCP_NONCE);
    g_assert_cmpint(step_event(m, GRANT_OF_ZERO, START_AT).news, ==, NONE);
    g_assert_cmpint(m->state, ==, W);
    g_assert_cmpmem(m->nonce, ADIT_PCP_NONCE, nonce2, ADIT_PCP_NONCE);
}

static void
test_restart_after_idle(void)
{
    g_autoptr(AditMapping) m = mapping_in(I, &wish443);
    const AditMappingEvent start = { .type = ADIT_MAPPING_START, .nonce = nonce2 };

    adit_mapping_step(m, &start);
    g_assert_cmpmem(m->nonce, ADIT_PCP_NONCE, nonce2, ADIT_PCP_NONCE);
}

typedef struct {
    const char *name;
    guint32 asked, came;
    guint8 status;
    AditMappingState state;
} EchoRow;

/* C15: not echoed is not applied, and an echo proves nothing. */
static const EchoRow echoes[] = {
    { "filter-not-echoed", ADIT_PCP_HAS_FILTER, 0, 0, D },
    { "filter-echoed", ADIT_PCP_HAS_FILTER, ADIT_PCP_HAS_FILTER, 0, G },
    { "redirect-not-echoed", ADIT_PCP_HAS_REDIRECT, 0, 0, G },
    { "redirect-echoed", ADIT_PCP_HAS_REDIRECT, ADIT_PCP_HAS_REDIRECT, 0, G },
    { "redirect-active", ADIT_PCP_HAS_REDIRECT, ADIT_PCP_HAS_REDIRECT, 1, G },
    { "redirect-not-asked", 0, ADIT_PCP_HAS_REDIRECT, 1, G },
};

static void
test_echo(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(echoes); i++) {
        const EchoRow *row = &echoes[i];
        g_autofree AditPcpOptions *options = g_new0(AditPcpOptions, 1);
        g_autoptr(AditMapping) m = NULL;
        AditPcpReply reply;
        AditMappingEvent event = { .type = ADIT_MAPPING_REPLY, .reply = &reply };

        g_test_message("%s", row->name);
        options->has = row->asked;
        m = adit_mapping_new(&wish443, options, nonce1);
        step_plain(m, ADIT_MAPPING_START, 0);
        step_plain(m, ADIT_MAPPING_TIMER, 0);
        reply_for(m, &reply);
        reply.options.has = row->came;
        reply.options.redirect.status = row->status;
        adit_mapping_step(m, &event);
        g_assert_cmpint(m->state, ==, row->state);
        if (m->state != G)
            continue;
        g_assert_cmpuint(m->grant.echoed, ==, row->came);
        g_assert_cmpuint(m->grant.redirect.status, ==,
                         row->asked & ADIT_PCP_HAS_REDIRECT ? row->status : 0);
    }
}

/* 250 ms doubling, nine times, and then it is no NAT-PMP server. */
static void
test_natpmp_tries(void)
{
    g_autoptr(AditMapping) m = mapping_in(W, &wish443);
    AditMappingEvent event = { .type = ADIT_MAPPING_TIMER,
                               .now = START_AT,
                               .dialect = ADIT_DIALECT_NATPMP };

    for (guint i = 0; i < ADIT_MAPPING_NATPMP_TRIES; i++) {
        g_assert_true(adit_mapping_step(m, &event).send);
        g_assert_cmpint(m->deadline - event.now, ==, 250 << i);
        event.now = m->deadline;
    }
    g_assert_true(adit_mapping_step(m, &event).gave_up);
    g_assert_cmpint(m->state, ==, W);
}

static void
test_natpmp_protocols(void)
{
    AditWish wish = wish443;
    g_autoptr(AditMapping) m = NULL;
    const AditMappingEvent event = { .type = ADIT_MAPPING_TIMER,
                                     .now = START_AT,
                                     .dialect = ADIT_DIALECT_NATPMP };

    wish.protocol = IPPROTO_SCTP;
    m = mapping_in(W, &wish);
    g_assert_cmpint(adit_mapping_step(m, &event).news, ==, ADIT_MAPPING_NEWS_REFUSED);
    g_assert_cmpuint(m->error, ==, ADIT_PCP_UNSUPP_PROTOCOL);
}

static void
test_names(void)
{
    for (AditMappingState s = I; s <= D; s++)
        g_assert_cmpstr(adit_mapping_state_name(s), !=, "");
    for (AditMappingReason r = ADIT_MAPPING_NO_REASON; r <= ADIT_MAPPING_OTHER; r++)
        g_assert_cmpstr(adit_mapping_reason_name(r), !=, "");
    adit_mapping_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-client/C3-retransmission", test_retransmission);
    g_test_add_func("/pcp-client/C3-jitter", test_jitter);
    g_test_add_func("/pcp-client/C7-renewal", test_renewal);
    g_test_add_func("/pcp-client/C7-hurried-renewal", test_hurried_renewal);
    g_test_add_func("/pcp-client/C7-suggests-assigned", test_renewal_suggests);
    g_test_add_func("/pcp-client/C7-sleep", test_sleep);
    g_test_add_func("/pcp-client/C7-short-lease", test_short_lease);
    g_test_add_func("/pcp-client/C8-lifetime-cap", test_lifetime_cap);
    g_test_add_func("/pcp-client/C8-hold", test_hold);
    g_test_add_func("/pcp-client/C8-hold-of-renewal", test_hold_of_renewal);
    g_test_add_func("/pcp-client/C11-exact-port", test_other_port_exact);
    g_test_add_func("/pcp-client/C11-any-port", test_other_port_welcome);
    g_test_add_func("/pcp-client/C11-shared-port", test_other_port_shared);
    g_test_add_func("/pcp-client/C12-delete-is-empty", test_delete_is_empty);
    g_test_add_func("/pcp-client/C12-delete-is-bounded", test_delete_is_bounded);
    g_test_add_func("/pcp-client/C12-ask-again", test_delete_and_ask_again);
    g_test_add_func("/pcp-client/C12-start-after-delete", test_restart_after_idle);
    g_test_add_func("/pcp-client/C14-notice-asks", test_notice_asks);
    g_test_add_func("/pcp-client/C15-echo", test_echo);
    g_test_add_func("/pcp-client/E1-natpmp-tries", test_natpmp_tries);
    g_test_add_func("/pcp-client/E1-natpmp-protocols", test_natpmp_protocols);
    g_test_add_func("/pcp-client/names", test_names);
    return g_test_run();
}
