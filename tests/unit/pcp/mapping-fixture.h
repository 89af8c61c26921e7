/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/mapping.h"

#include <netinet/in.h>

#define START_AT 1000000
#define HALF 0x80000000u /* a throw in the middle: no jitter */
#define LIFETIME 3600

extern const AditAddr client4, wan4;
extern const guint8 nonce1[ADIT_PCP_NONCE], nonce2[ADIT_PCP_NONCE];
extern const AditWish wish443;

/* What can happen to a mapping, in the words of a table. */
typedef enum {
    START,
    STOP,
    TIMER,
    TIMER_AT_END, /* of the lease */
    GRANT,
    GRANT_OF_ZERO,
    ERROR_PASSING,
    ERROR_LASTING,
    ERROR_MISMATCH,
    NOTICE_OF_ANOTHER,
    NOTICE_OF_END,
    NOTICE_OF_ERROR,
    RESTARTED,
    MOVED,
    WAKE,
    STIR,
    RENEW,
    N_EVENTS,
} Event;

/* The answer that is waited for: granted. */
void reply_for(const AditMapping *m, AditPcpReply *ret);
AditMappingAction step_plain(AditMapping *m, AditMappingEventType type, gint64 now);
AditMappingAction step_reset(AditMapping *m, AditMappingReason reason, gint64 now);
AditMappingAction step_reply(AditMapping *m, guint8 result, guint32 lifetime, guint16 port,
                             gboolean notice, gint64 now);
AditMappingAction step_event(AditMapping *m, Event event, gint64 now);
/* In @state, as its owner and server would bring it there, at START_AT. */
AditMapping *mapping_in(AditMappingState state, const AditWish *wish);

#define I ADIT_MAPPING_IDLE
#define W ADIT_MAPPING_WAITING
#define A ADIT_MAPPING_ASKING
#define G ADIT_MAPPING_GRANTED
#define R ADIT_MAPPING_RENEWING
#define F ADIT_MAPPING_REFUSED
#define S ADIT_MAPPING_STOPPED
#define D ADIT_MAPPING_DELETING
#define NONE ADIT_MAPPING_NO_NEWS
#define SEND TRUE
