/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/mapping.h"

#include "libadit/core/pcp-time.h"

#include <string.h>

/* The life of a mapping:
 *
 *            START            TIMER             SUCCESS             TIMER
 *     IDLE --------> WAITING --------> ASKING ----------> GRANTED --------> RENEWING
 *      ^               ^  ^              |                  ^ |                | |
 *      |               |  | RESET,       | error            | | RESET          | |
 *      |               |  | expired      v                  | v                | |
 *      |         TIMER +--|----------- REFUSED              +-|- SUCCESS ------+ |
 *      |                  +-----------------------------------+------------------+
 *      +--- DELETING <--- STOP, in any state in which the server may hold something
 *
 * STOPPED is a refusal that no time heals. Of an exchange only the last request counts, and a
 * grant counts from the moment we heard of it; what we did not ask for changes nothing, except
 * a notice about what we hold. */

AditMapping *
adit_mapping_new(const AditWish *wish, const AditPcpOptions *options,
                 const guint8 nonce[ADIT_PCP_NONCE])
{
    AditMapping *m = g_new0(AditMapping, 1);

    m->wish = *wish;
    m->options = options ? g_memdup2(options, sizeof(*options)) : NULL;
    memcpy(m->nonce, nonce, ADIT_PCP_NONCE);
    m->deadline = ADIT_NEVER;
    return m;
}

void
adit_mapping_free(AditMapping *mapping)
{
    if (!mapping)
        return;
    g_free(mapping->options);
    g_free(mapping);
}

const char *
adit_mapping_state_name(AditMappingState state)
{
    switch (state) {
    case ADIT_MAPPING_IDLE: return "idle";
    case ADIT_MAPPING_WAITING: return "waiting";
    case ADIT_MAPPING_ASKING: return "asking";
    case ADIT_MAPPING_GRANTED: return "granted";
    case ADIT_MAPPING_RENEWING: return "renewing";
    case ADIT_MAPPING_REFUSED: return "refused";
    case ADIT_MAPPING_STOPPED: return "stopped";
    case ADIT_MAPPING_DELETING: return "deleting";
    }
    g_assert_not_reached();
}

const char *
adit_mapping_reason_name(AditMappingReason reason)
{
    switch (reason) {
    case ADIT_MAPPING_NO_REASON: return "none";
    case ADIT_MAPPING_RESTARTED: return "the server lost its state";
    case ADIT_MAPPING_MOVED: return "this machine's address changed";
    case ADIT_MAPPING_EXPIRED: return "no answer before the lease ended";
    case ADIT_MAPPING_REVOKED: return "revoked by the server";
    case ADIT_MAPPING_ERROR: return "refused by the server";
    case ADIT_MAPPING_OTHER: return "granted otherwise than asked";
    }
    g_assert_not_reached();
}

gboolean
adit_mapping_is_held(const AditMapping *m)
{
    return m->state == ADIT_MAPPING_GRANTED || m->state == ADIT_MAPPING_RENEWING;
}

gboolean
adit_mapping_expects(const AditMapping *m)
{
    return m->state == ADIT_MAPPING_ASKING || m->state == ADIT_MAPPING_RENEWING ||
           (m->state == ADIT_MAPPING_DELETING && m->tries > 0);
}

/* Section 11.2.1: a renewal suggests what is there; so does a request after a loss. But where
 * only the port matters, an address that the server may have lost must not make it refuse. */
static void
suggest(const AditMapping *m, const AditAddr *client, AditPcpBody *ret)
{
    gboolean known = m->grant.external.port != 0;

    ret->external.family = client->family;
    ret->external_port = m->wish.external_port;
    if (known && !m->wish.exact)
        ret->external_port = m->grant.external.port;
    if (known && adit_addr_is_set(&m->grant.external.addr) &&
        (!m->wish.exact || adit_mapping_is_held(m)))
        ret->external = m->grant.external.addr;
}

void
adit_mapping_request(const AditMapping *m, const AditAddr *client, AditPcpRequest *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->opcode = ADIT_PCP_MAP;
    ret->client = *client;
    memcpy(ret->body.nonce, m->nonce, ADIT_PCP_NONCE);
    ret->body.protocol = m->wish.protocol;
    ret->body.internal_port = m->wish.internal_port;
    ret->body.external.family = client->family;
    if (m->state == ADIT_MAPPING_DELETING)
        return; /* section 15: lifetime 0, and nothing suggested */

    ret->lifetime = m->wish.lifetime;
    if (m->options)
        ret->options = *m->options;
    if (m->wish.exact)
        ret->options.has |= ADIT_PCP_HAS_PREFER_FAILURE;
    suggest(m, client, &ret->body);
}

/* The one gate between states: whatever is not said here or after it is as at the start. */
static void
enter_state(AditMapping *m, AditMappingState state, gint64 deadline)
{
    if (m->state != state)
        g_debug("pcp: protocol %u port %u: %s -> %s", m->wish.protocol, m->wish.internal_port,
                adit_mapping_state_name(m->state), adit_mapping_state_name(state));
    m->state = state;
    m->deadline = deadline;
    m->tries = 0;
    m->interval = 0;
    m->hurried = FALSE;
}

static AditMappingAction
news(AditMappingNews what)
{
    return (AditMappingAction){ .news = what };
}

static AditMappingAction
lose(AditMapping *m, AditMappingReason reason, gint64 ask_at)
{
    m->reason = reason;
    enter_state(m, ADIT_MAPPING_WAITING, ask_at);
    return news(ADIT_MAPPING_NEWS_LOST);
}

static AditMappingAction
refuse(AditMapping *m, AditMappingReason reason, gint64 until)
{
    m->reason = reason;
    m->reached = FALSE;
    enter_state(m, until == ADIT_NEVER ? ADIT_MAPPING_STOPPED : ADIT_MAPPING_REFUSED, until);
    return news(ADIT_MAPPING_NEWS_REFUSED);
}

static AditMappingAction
begin_deletion(AditMapping *m, AditMappingReason reason, gint64 now)
{
    gboolean held = adit_mapping_is_held(m);

    m->reason = reason;
    enter_state(m, ADIT_MAPPING_DELETING, now);
    return news(held ? ADIT_MAPPING_NEWS_LOST : ADIT_MAPPING_NO_NEWS);
}

/* By an answer, by the patience at its end, or because there is nothing left to delete. What
 * the server was not told it still holds, under the nonce that it was asked with. */
static AditMappingAction
end_deletion(AditMapping *m, const AditMappingEvent *event, gboolean told)
{
    m->reached = m->untold = !told;
    if (!m->wanted) {
        if (told)
            memset(&m->grant, 0, sizeof(m->grant));
        enter_state(m, ADIT_MAPPING_IDLE, ADIT_NEVER);
        return news(ADIT_MAPPING_NEWS_DELETED);
    }
    if (m->reason == ADIT_MAPPING_OTHER)
        return refuse(m, ADIT_MAPPING_OTHER,
                      event->now + ADIT_MAPPING_OTHER_HOLD_S * G_GINT64_CONSTANT(1000));
    if (m->renonce && told)
        memcpy(m->nonce, m->next_nonce, ADIT_PCP_NONCE);
    m->renonce = FALSE;
    enter_state(m, ADIT_MAPPING_WAITING, event->now);
    return news(ADIT_MAPPING_NO_NEWS);
}

/* One being deleted is asked for again when that is over, and not with the same nonce: a late
 * copy of the deletion would hit the new mapping. */
static AditMappingAction
on_start(AditMapping *m, const AditMappingEvent *event)
{
    m->wanted = TRUE;
    m->untold = FALSE;
    if (m->state == ADIT_MAPPING_DELETING && event->nonce) {
        memcpy(m->next_nonce, event->nonce, ADIT_PCP_NONCE);
        m->renonce = TRUE;
    }
    if (m->state == ADIT_MAPPING_IDLE) {
        if (event->nonce)
            memcpy(m->nonce, event->nonce, ADIT_PCP_NONCE);
        enter_state(m, ADIT_MAPPING_WAITING, event->now);
    }
    return news(ADIT_MAPPING_NO_NEWS);
}

static AditMappingAction
on_stop(AditMapping *m, const AditMappingEvent *event)
{
    if (m->state == ADIT_MAPPING_IDLE)
        return news(ADIT_MAPPING_NO_NEWS);

    m->wanted = FALSE;
    m->renonce = FALSE;
    if (m->state == ADIT_MAPPING_DELETING)
        return news(ADIT_MAPPING_NO_NEWS);
    if (m->reached && !m->wish.shares)
        return begin_deletion(m, ADIT_MAPPING_NO_REASON, event->now);
    return end_deletion(m, event, TRUE);
}

/* C3, and its like in RFC 6886 section 3.1. FALSE: no more of that. */
static gboolean
next_try(AditMapping *m, const AditMappingEvent *event)
{
    switch (event->dialect) {
    case ADIT_DIALECT_PCP:
        m->interval = m->tries == 0 ? adit_pcp_retry_first_ms(event->dice)
                                    : adit_pcp_retry_next_ms(m->interval, event->dice);
        break;
    case ADIT_DIALECT_NATPMP:
        if (m->tries == ADIT_MAPPING_NATPMP_TRIES)
            return FALSE;
        m->interval = adit_natpmp_retry_ms(m->tries + 1);
        break;
    }
    m->tries++;
    return TRUE;
}

static AditMappingAction
transmit(AditMapping *m, const AditMappingEvent *event)
{
    if (!next_try(m, event)) {
        enter_state(m, ADIT_MAPPING_WAITING, event->now + ADIT_MAPPING_NATPMP_REST_MS);
        return (AditMappingAction){ .gave_up = TRUE };
    }
    m->deadline = event->now + m->interval;
    m->sent_at = event->now;
    m->reached = TRUE;
    return (AditMappingAction){ .send = TRUE };
}

static AditMappingAction
ask(AditMapping *m, const AditMappingEvent *event)
{
    if (!adit_dialect_has(event->dialect, m->wish.protocol)) {
        m->error = ADIT_PCP_UNSUPP_PROTOCOL;
        return refuse(m, ADIT_MAPPING_ERROR,
                      event->now + ADIT_PCP_ERROR_LONG * G_GINT64_CONSTANT(1000));
    }
    if (m->state != ADIT_MAPPING_ASKING)
        enter_state(m, ADIT_MAPPING_ASKING, event->now);
    return transmit(m, event);
}

static AditMappingAction
transmit_deletion(AditMapping *m, const AditMappingEvent *event)
{
    AditMappingAction action;

    if (m->tries == 0) /* patience begins here: a thousand deletions wait for their turn */
        m->give_up_at = event->now + ADIT_MAPPING_DELETE_MS;
    if (event->now >= m->give_up_at || !next_try(m, event))
        return end_deletion(m, event, FALSE);
    action = (AditMappingAction){ .send = TRUE };
    m->deadline = MIN(event->now + m->interval, m->give_up_at);
    m->sent_at = event->now;
    return action;
}

/* C7: when the next renewal is due, or else the end. @dice as the event has it. */
static void
plan_renewal(AditMapping *m, guint32 dice)
{
    guint32 at;

    m->deadline = m->grant.until;
    if (adit_pcp_renewal_ms(m->grant.lifetime, m->tries, m->interval, dice, &at)) {
        m->interval = at;
        m->deadline = m->granted_at + at;
    }
}

/* One that is waited for is no matter of half the lease's rest: it is repeated as any request
 * is (C3). */
static void
plan_hurried_renewal(AditMapping *m, const AditMappingEvent *event)
{
    if (m->tries == 1)
        m->interval = MAX(adit_pcp_retry_first_ms(event->dice), ADIT_MAPPING_SPACING_MS);
    else
        m->interval = adit_pcp_retry_next_ms(m->interval, event->dice);
    m->deadline = MIN(event->now + m->interval, m->grant.until);
}

static AditMappingAction
on_lease_timer(AditMapping *m, const AditMappingEvent *event)
{
    const gboolean hurried = m->hurried;
    const guint tries = m->tries;
    const guint32 interval = m->interval;

    if (event->now >= m->grant.until)
        return lose(m, ADIT_MAPPING_EXPIRED,
                    MAX(event->now, m->sent_at + ADIT_MAPPING_SPACING_MS));

    enter_state(m, ADIT_MAPPING_RENEWING, event->now);
    m->hurried = hurried;
    m->tries = tries + 1;
    m->interval = interval;
    m->sent_at = event->now;
    if (hurried) {
        plan_hurried_renewal(m, event);
        return (AditMappingAction){ .send = TRUE };
    }
    plan_renewal(m, event->dice);
    /* A timer that came late (the machine slept) must not bring the next ones at once. */
    m->deadline = MAX(m->deadline, MIN(event->now + ADIT_MAPPING_SPACING_MS, m->grant.until));
    return (AditMappingAction){ .send = TRUE };
}

static AditMappingAction
on_timer(AditMapping *m, const AditMappingEvent *event)
{
    switch (m->state) {
    case ADIT_MAPPING_IDLE:
    case ADIT_MAPPING_STOPPED: return news(ADIT_MAPPING_NO_NEWS);
    case ADIT_MAPPING_WAITING:
    case ADIT_MAPPING_REFUSED:
    case ADIT_MAPPING_ASKING: return ask(m, event);
    case ADIT_MAPPING_GRANTED:
    case ADIT_MAPPING_RENEWING: return on_lease_timer(m, event);
    case ADIT_MAPPING_DELETING: return transmit_deletion(m, event);
    }
    g_assert_not_reached();
}

/* C11 and C15. Without its filter a mapping would be open to everybody. */
static gboolean
is_acceptable(const AditMapping *m, const AditPcpReply *reply)
{
    if (m->wish.exact && reply->body.external_port != m->wish.external_port)
        return FALSE;
    return !m->options || !(m->options->has & ADIT_PCP_HAS_FILTER) ||
           (reply->options.has & ADIT_PCP_HAS_FILTER);
}

static AditMappingAction
accept_grant(AditMapping *m, const AditMappingEvent *event)
{
    const AditPcpReply *reply = event->reply;
    gboolean held = adit_mapping_is_held(m);
    AditGrant grant = { .dialect = event->dialect, .since = event->now };
    gboolean moved;

    grant.external = (AditSockAddr){ reply->body.external, reply->body.external_port };
    grant.lifetime = adit_pcp_lifetime_cap(reply->lifetime);
    grant.until = event->now + grant.lifetime * G_GINT64_CONSTANT(1000);
    grant.echoed = reply->options.has;
    if (m->options && (m->options->has & ADIT_PCP_HAS_REDIRECT))
        grant.redirect = reply->options.redirect;
    if (held)
        grant.since = m->grant.since;
    moved = adit_sockaddr_cmp(&grant.external, &m->grant.external) != 0;
    m->grant = grant;
    m->reason = ADIT_MAPPING_NO_REASON;
    m->error = ADIT_PCP_SUCCESS;
    m->granted_at = event->now;
    enter_state(m, ADIT_MAPPING_GRANTED, ADIT_NEVER);
    plan_renewal(m, event->dice);
    if (!held)
        return news(ADIT_MAPPING_NEWS_GRANTED);
    return news(moved ? ADIT_MAPPING_NEWS_CHANGED : ADIT_MAPPING_NEWS_RENEWED);
}

static AditMappingAction
on_success(AditMapping *m, const AditMappingEvent *event)
{
    const AditPcpReply *reply = event->reply;

    /* The late answer to a deletion, or nonsense. */
    if (reply->lifetime == 0 || reply->body.external_port == 0)
        return news(ADIT_MAPPING_NO_NEWS);
    if (is_acceptable(m, reply))
        return accept_grant(m, event);
    if (!m->wish.shares)
        return begin_deletion(m, ADIT_MAPPING_OTHER, event->now);
    return refuse(m, ADIT_MAPPING_OTHER,
                  event->now + ADIT_MAPPING_OTHER_HOLD_S * G_GINT64_CONSTANT(1000));
}

/* A renewal refused for a while leaves what was granted untouched until its time is over. */
static AditMappingAction
on_error(AditMapping *m, const AditMappingEvent *event)
{
    const AditPcpReply *reply = event->reply;
    gint64 hold = adit_pcp_error_hold(reply->result, reply->lifetime) * G_GINT64_CONSTANT(1000);
    gboolean passing = adit_pcp_error_lifetime(reply->result) == ADIT_PCP_ERROR_SHORT;
    guint tries = m->tries;
    guint32 interval = m->interval;

    m->error = reply->result;
    if (m->state == ADIT_MAPPING_RENEWING && passing) {
        const gint64 planned = m->deadline;
        const gboolean hurried = m->hurried;

        enter_state(m, ADIT_MAPPING_GRANTED, planned);
        m->hurried = hurried; /* from its beginning */
        m->tries = hurried ? 0 : tries;
        m->interval = hurried ? 0 : interval;
        m->deadline = MIN(MAX(planned, event->now + hold), m->grant.until);
        return news(ADIT_MAPPING_NO_NEWS);
    }
    if (reply->result == ADIT_PCP_ADDRESS_MISMATCH)
        return refuse(m, ADIT_MAPPING_ERROR, ADIT_NEVER);
    return refuse(m, ADIT_MAPPING_ERROR, event->now + hold);
}

static AditMappingAction
hurry(AditMapping *m, gint64 at)
{
    if (!adit_mapping_is_held(m))
        return news(ADIT_MAPPING_NO_NEWS);
    m->tries = 0;
    m->interval = 0;
    m->hurried = TRUE;
    m->deadline = MIN(m->deadline, at);
    return news(ADIT_MAPPING_NO_NEWS);
}

/* Section 14.2: the server changes, takes back or gives back, unasked. Whether it really will
 * not have it any more, or will again, its answer says to whoever asks: soon, but not at the
 * pace of its notices. */
static AditMappingAction
on_notice(AditMapping *m, const AditMappingEvent *event)
{
    const AditPcpReply *reply = event->reply;
    const gboolean success = reply->result == ADIT_PCP_SUCCESS;
    const gboolean ended = success && reply->lifetime == 0;
    const gint64 soon = MAX(event->now, m->sent_at + ADIT_MAPPING_SPACING_MS);

    if (adit_mapping_is_held(m) && ended)
        return lose(m, ADIT_MAPPING_REVOKED,
                    event->now + ADIT_PCP_ERROR_SHORT * G_GINT64_CONSTANT(1000));
    if (adit_mapping_is_held(m) && success)
        return on_success(m, event);
    if (adit_mapping_is_held(m))
        return hurry(m, soon);
    if (m->state == ADIT_MAPPING_REFUSED && m->reason == ADIT_MAPPING_ERROR && success &&
        !ended)
        enter_state(m, ADIT_MAPPING_WAITING, soon);
    return news(ADIT_MAPPING_NO_NEWS);
}

static AditMappingAction
on_reply(AditMapping *m, const AditMappingEvent *event)
{
    gboolean success = event->reply->result == ADIT_PCP_SUCCESS;
    gboolean passing =
        !success && adit_pcp_error_lifetime(event->reply->result) == ADIT_PCP_ERROR_SHORT;

    if (event->notice)
        return on_notice(m, event);
    if (!adit_mapping_expects(m))
        return news(ADIT_MAPPING_NO_NEWS);
    if (m->state != ADIT_MAPPING_DELETING)
        return success ? on_success(m, event) : on_error(m, event);
    /* The grant of a request that went before the deletion does not confirm it. */
    if (success && event->reply->lifetime != 0)
        return news(ADIT_MAPPING_NO_NEWS);
    return end_deletion(m, event, !passing);
}

static AditMappingAction
on_reset(AditMapping *m, const AditMappingEvent *event)
{
    gint64 at = event->now + event->pause;

    switch (m->state) {
    case ADIT_MAPPING_IDLE: break;
    case ADIT_MAPPING_WAITING: m->deadline = MIN(m->deadline, at); break;
    case ADIT_MAPPING_ASKING:
    case ADIT_MAPPING_REFUSED: enter_state(m, ADIT_MAPPING_WAITING, at); break;
    case ADIT_MAPPING_STOPPED:
        if (event->reason == ADIT_MAPPING_MOVED)
            enter_state(m, ADIT_MAPPING_WAITING, at);
        break;
    case ADIT_MAPPING_GRANTED:
    case ADIT_MAPPING_RENEWING: return lose(m, event->reason, at);
    case ADIT_MAPPING_DELETING: /* gone, or out of our reach */
        return end_deletion(m, event, event->reason != ADIT_MAPPING_MOVED);
    }
    return news(ADIT_MAPPING_NO_NEWS);
}

static AditMappingAction
on_wake(AditMapping *m, const AditMappingEvent *event)
{
    switch (m->state) {
    case ADIT_MAPPING_ASKING: enter_state(m, ADIT_MAPPING_WAITING, event->now); break;
    case ADIT_MAPPING_RENEWING:
    case ADIT_MAPPING_DELETING: m->deadline = event->now; break;
    case ADIT_MAPPING_IDLE:
    case ADIT_MAPPING_WAITING: /* a pause has its reason */
    case ADIT_MAPPING_GRANTED:
    case ADIT_MAPPING_REFUSED:
    case ADIT_MAPPING_STOPPED: break;
    }
    return news(ADIT_MAPPING_NO_NEWS);
}

/* What was not allowed may be so now; no other refusal has to do with this machine. */
static AditMappingAction
on_stir(AditMapping *m, const AditMappingEvent *event)
{
    if (m->state == ADIT_MAPPING_REFUSED && m->reason == ADIT_MAPPING_ERROR &&
        m->error == ADIT_PCP_NOT_AUTHORIZED)
        enter_state(m, ADIT_MAPPING_WAITING,
                    MAX(event->now, m->sent_at + ADIT_MAPPING_SPACING_MS));
    return news(ADIT_MAPPING_NO_NEWS);
}

AditMappingAction
adit_mapping_step(AditMapping *mapping, const AditMappingEvent *event)
{
    switch (event->type) {
    case ADIT_MAPPING_START: return on_start(mapping, event);
    case ADIT_MAPPING_STOP: return on_stop(mapping, event);
    case ADIT_MAPPING_TIMER: return on_timer(mapping, event);
    case ADIT_MAPPING_REPLY: return on_reply(mapping, event);
    case ADIT_MAPPING_RESET: return on_reset(mapping, event);
    case ADIT_MAPPING_WAKE: return on_wake(mapping, event);
    case ADIT_MAPPING_STIR: return on_stir(mapping, event);
    case ADIT_MAPPING_RENEW: return hurry(mapping, event->now);
    }
    g_assert_not_reached();
}
