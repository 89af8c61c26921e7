/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/match.h"

/* What a user sees of one publication on one gateway in one family: its mappings (one for each
 * port) judged as a whole. Pure. */

typedef enum {
    ADIT_REACH_WAITING, /* for a listener, or the gateway */
    ADIT_REACH_ASKING,
    ADIT_REACH_PUBLISHED,
    ADIT_REACH_RENEWING, /* published; a renewal is under way */
    ADIT_REACH_LOST,     /* was published; asked for again */
    ADIT_REACH_REFUSED,
} AditReachState;

typedef struct {
    AditReachState state;
    AditSockAddr outside; /* of the first port; port 0: none */
    gint64 since;         /* on the clock of the mappings; of the youngest */
    gint64 until;         /* of the first to end */
    AditDialect dialect;
} AditReachStatus;

const char *adit_reach_state_name(AditReachState state);
/* @mappings: none of them is NULL, and there is one at least. */
AditReachStatus adit_reach_judge(const AditMapping *const *mappings, guint n);
/* Why it is not published, with the remedy; "" if it is, or nothing is known yet. */
char *adit_reach_reason(const AditMapping *const *mappings, guint n);

/* How port 80 is led to https. */
typedef enum {
    ADIT_REDIRECT_OFF,     /* not wanted */
    ADIT_REDIRECT_PENDING, /* waits for 443, or an answer */
    ADIT_REDIRECT_BY_SERVER,
    ADIT_REDIRECT_BY_SECOND, /* a second mapping of 443, from port 80 */
    ADIT_REDIRECT_BY_LOCAL,  /* a responder on this machine */
    ADIT_REDIRECT_YIELDED,   /* port 80 is published itself */
    ADIT_REDIRECT_REFUSED,
} AditRedirectState;

const char *adit_redirect_state_name(AditRedirectState state);
