/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pcp-client/dialect.h"

/* One mapping as its owner sees it, RFC 6887 sections 8 and 11: a state machine without socket,
 * clock or dice. Times are milliseconds of a clock that runs on while the machine sleeps. Only
 * a timer ever sends, so that whoever keeps the timers rules the rate. */

#define ADIT_NEVER G_MAXINT64
#define ADIT_MAPPING_DELETE_MS 10000     /* a deletion nobody confirms is over after that */
#define ADIT_MAPPING_OTHER_HOLD_S 300    /* after a grant of a port that would not do */
#define ADIT_MAPPING_SPACING_MS 4000     /* between an expired grant and the next request */
#define ADIT_MAPPING_NATPMP_TRIES 9      /* then there is no NAT-PMP server either */
#define ADIT_MAPPING_NATPMP_REST_MS 4000 /* before PCP is tried again instead */

typedef enum {
    ADIT_MAPPING_IDLE,     /* nothing asked, nothing held */
    ADIT_MAPPING_WAITING,  /* will ask at the deadline */
    ADIT_MAPPING_ASKING,   /* a request is out */
    ADIT_MAPPING_GRANTED,  /* held */
    ADIT_MAPPING_RENEWING, /* held, and a renewal is out */
    ADIT_MAPPING_REFUSED,  /* will ask again when the refusal's time is over */
    ADIT_MAPPING_STOPPED,  /* a NAT is in between: only another address of ours helps */
    ADIT_MAPPING_DELETING, /* a deletion is to go out, or is out */
} AditMappingState;

typedef enum {
    ADIT_MAPPING_START, /* wanted; @nonce replaces that of one being deleted */
    ADIT_MAPPING_STOP,  /* wanted no more */
    ADIT_MAPPING_TIMER, /* the deadline has come */
    ADIT_MAPPING_REPLY, /* to our request (or, @notice, unasked), with an epoch in step */
    ADIT_MAPPING_RESET, /* what was granted does not hold any more: ask after @pause */
    ADIT_MAPPING_WAKE,  /* the way to the server is open again: no use in waiting longer */
    ADIT_MAPPING_STIR,  /* its operator has changed something about this machine */
    ADIT_MAPPING_RENEW, /* now, instead of when it is due */
} AditMappingEventType;

typedef enum {
    ADIT_MAPPING_NO_REASON,
    ADIT_MAPPING_RESTARTED, /* the server lost its state */
    ADIT_MAPPING_MOVED,     /* our own address is another now */
    ADIT_MAPPING_EXPIRED,   /* no renewal was answered in time */
    ADIT_MAPPING_REVOKED,   /* the server said so, unasked */
    ADIT_MAPPING_ERROR,     /* the server's result code: @error of the mapping */
    ADIT_MAPPING_OTHER,     /* granted, but with a port or without a filter we cannot accept */
} AditMappingReason;

typedef struct {
    AditMappingEventType type;
    gint64 now;
    guint32 dice;
    AditDialect dialect;
    const AditPcpReply *reply;
    gboolean notice;
    gint64 pause;             /* RESET: milliseconds */
    AditMappingReason reason; /* RESET: RESTARTED or MOVED */
    const guint8 *nonce;      /* START: 12 octets, or NULL */
} AditMappingEvent;

typedef enum {
    ADIT_MAPPING_NO_NEWS,
    ADIT_MAPPING_NEWS_GRANTED,
    ADIT_MAPPING_NEWS_RENEWED,
    ADIT_MAPPING_NEWS_CHANGED, /* renewed, and reachable at another place than before */
    ADIT_MAPPING_NEWS_LOST,
    ADIT_MAPPING_NEWS_REFUSED,
    ADIT_MAPPING_NEWS_DELETED,
} AditMappingNews;

typedef struct {
    gboolean send; /* adit_mapping_request() */
    AditMappingNews news;
    gboolean gave_up; /* nobody speaks NAT-PMP there */
} AditMappingAction;

typedef struct {
    guint8 protocol; /* IPPROTO_* */
    guint16 internal_port;
    guint16 external_port; /* 0: any */
    gboolean exact;        /* no other port will do: PREFER_FAILURE */
    gboolean shares;       /* a second mapping of its internal port: never delete it, a server
                              that knows no second one would drop the first */
    guint32 lifetime;      /* to ask for, seconds */
} AditWish;

typedef struct {
    AditSockAddr external; /* the address is unset where the server did not say (NAT-PMP) */
    guint32 lifetime;      /* believed, seconds */
    gint64 since;          /* first granted */
    gint64 until;
    guint32 echoed;           /* AditPcpHas that came back: no proof that it is applied */
    AditPcpRedirect redirect; /* status ASKED: not applied, whatever came back */
    AditDialect dialect;
} AditGrant;

typedef struct {
    AditWish wish;
    AditPcpOptions *options; /* asked for beside PREFER_FAILURE; NULL: none */
    guint8 nonce[ADIT_PCP_NONCE];
    guint8 next_nonce[ADIT_PCP_NONCE]; /* after the deletion under way, if @renonce */
    gboolean renonce;
    AditMappingState state;
    gboolean wanted;
    gint64 deadline; /* ADIT_NEVER: none */
    AditGrant grant; /* the last one: what to suggest when it has to be asked for again */
    AditMappingReason reason; /* of the last loss or refusal */
    guint error;              /* AditPcpResult of the last refusal */
    /* Of the exchange under way. */
    gboolean reached; /* a request went out: the server may hold the mapping */
    gboolean untold;  /* deleted here only: the server did not confirm it */
    guint tries;
    guint32 interval; /* of retransmission, or the last renewal's distance from the grant */
    gboolean hurried; /* the renewal is waited for: @interval is of retransmission */
    gint64 granted_at, sent_at, give_up_at;
} AditMapping;

/* @options (may be NULL) is copied. */
AditMapping *adit_mapping_new(const AditWish *wish, const AditPcpOptions *options,
                              const guint8 nonce[ADIT_PCP_NONCE]);
void adit_mapping_free(AditMapping *mapping);
const char *adit_mapping_state_name(AditMappingState state);
const char *adit_mapping_reason_name(AditMappingReason reason);
/* Is it reachable from outside, as far as the server's last word goes? */
gboolean adit_mapping_is_held(const AditMapping *mapping);
/* Is an answer due? Others are not to be believed. */
gboolean adit_mapping_expects(const AditMapping *mapping);
/* What the server may be told: a request, renewal or deletion, as the state has it. */
void adit_mapping_request(const AditMapping *mapping, const AditAddr *client,
                          AditPcpRequest *ret);
AditMappingAction adit_mapping_step(AditMapping *mapping, const AditMappingEvent *event);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditMapping, adit_mapping_free)
