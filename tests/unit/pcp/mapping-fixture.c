/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/mapping-fixture.h"

const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };
const AditAddr wan4 = { AF_INET, { 203, 0, 113, 7 } };
const guint8 nonce1[ADIT_PCP_NONCE] = "abcdefghijkl", nonce2[ADIT_PCP_NONCE] = "mnopqrstuvwx";
const AditWish wish443 = {
    .protocol = IPPROTO_TCP, .internal_port = 443, .external_port = 443, .lifetime = LIFETIME
};

void
reply_for(const AditMapping *m, AditPcpReply *ret)
{
    AditPcpRequest request;

    adit_mapping_request(m, &client4, &request);
    adit_pcp_reply_init(&request, ret);
    ret->lifetime = m->state == ADIT_MAPPING_DELETING ? 0 : LIFETIME;
    ret->body.external = wan4;
}

AditMappingAction
step_plain(AditMapping *m, AditMappingEventType type, gint64 now)
{
    const AditMappingEvent event = { .type = type, .now = now, .dice = HALF };

    return adit_mapping_step(m, &event);
}

AditMappingAction
step_reset(AditMapping *m, AditMappingReason reason, gint64 now)
{
    const AditMappingEvent event = {
        .type = ADIT_MAPPING_RESET, .now = now, .dice = HALF, .reason = reason, .pause = 1234
    };

    return adit_mapping_step(m, &event);
}

AditMappingAction
step_reply(AditMapping *m, guint8 result, guint32 lifetime, guint16 port, gboolean notice,
           gint64 now)
{
    AditPcpReply reply;
    AditMappingEvent event = {
        .type = ADIT_MAPPING_REPLY, .now = now, .dice = HALF, .reply = &reply, .notice = notice
    };

    reply_for(m, &reply);
    reply.result = result;
    reply.lifetime = lifetime;
    reply.body.external_port = port;
    return adit_mapping_step(m, &event);
}

AditMappingAction
step_event(AditMapping *m, Event event, gint64 now)
{
    switch (event) {
    case START: return step_plain(m, ADIT_MAPPING_START, now);
    case STOP: return step_plain(m, ADIT_MAPPING_STOP, now);
    case TIMER: return step_plain(m, ADIT_MAPPING_TIMER, now);
    case TIMER_AT_END: return step_plain(m, ADIT_MAPPING_TIMER, MAX(now, m->grant.until));
    case GRANT: return step_reply(m, ADIT_PCP_SUCCESS, LIFETIME, 443, FALSE, now);
    case GRANT_OF_ZERO: return step_reply(m, ADIT_PCP_SUCCESS, 0, 443, FALSE, now);
    case ERROR_PASSING: return step_reply(m, ADIT_PCP_NO_RESOURCES, 30, 443, FALSE, now);
    case ERROR_LASTING: return step_reply(m, ADIT_PCP_NOT_AUTHORIZED, 600, 443, FALSE, now);
    case ERROR_MISMATCH: return step_reply(m, ADIT_PCP_ADDRESS_MISMATCH, 600, 443, FALSE, now);
    case NOTICE_OF_ANOTHER: return step_reply(m, ADIT_PCP_SUCCESS, 600, 8443, TRUE, now);
    case NOTICE_OF_END: return step_reply(m, ADIT_PCP_SUCCESS, 0, 443, TRUE, now);
    case NOTICE_OF_ERROR: return step_reply(m, ADIT_PCP_NOT_AUTHORIZED, 600, 443, TRUE, now);
    case RESTARTED: return step_reset(m, ADIT_MAPPING_RESTARTED, now);
    case MOVED: return step_reset(m, ADIT_MAPPING_MOVED, now);
    case WAKE: return step_plain(m, ADIT_MAPPING_WAKE, now);
    case STIR: return step_plain(m, ADIT_MAPPING_STIR, now);
    case RENEW: return step_plain(m, ADIT_MAPPING_RENEW, now);
    case N_EVENTS: break;
    }
    g_assert_not_reached();
}

static const Event road_waiting[] = { START, N_EVENTS };
static const Event road_asking[] = { START, TIMER, N_EVENTS };
static const Event road_granted[] = { START, TIMER, GRANT, N_EVENTS };
static const Event road_renewing[] = { START, TIMER, GRANT, TIMER, N_EVENTS };
static const Event road_refused[] = { START, TIMER, ERROR_LASTING, N_EVENTS };
static const Event road_stopped[] = { START, TIMER, ERROR_MISMATCH, N_EVENTS };
static const Event road_deleting[] = { START, TIMER, GRANT, STOP, TIMER, N_EVENTS };
static const Event road_idle[] = { N_EVENTS };

static const Event *const roads[] = {
    road_idle,     road_waiting, road_asking,  road_granted,
    road_renewing, road_refused, road_stopped, road_deleting
};

AditMapping *
mapping_in(AditMappingState state, const AditWish *wish)
{
    AditMapping *m = adit_mapping_new(wish, NULL, nonce1);

    for (const Event *e = roads[state]; *e != N_EVENTS; e++)
        step_event(m, *e, START_AT);
    g_assert_cmpint(m->state, ==, state);
    return m;
}
