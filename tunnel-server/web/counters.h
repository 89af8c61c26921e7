/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What was answered and what was turned away, for /metrics. */

typedef enum {
    ADIT_WEB_REFUSED_HOST,        /* not our name: DNS rebinding */
    ADIT_WEB_REFUSED_ORIGIN,      /* a page of somebody else */
    ADIT_WEB_REFUSED_CSRF,        /* a cookie without its token */
    ADIT_WEB_REFUSED_PASSWORD,    /* a wrong one */
    ADIT_WEB_REFUSED_BACKOFF,     /* a guess too early */
    ADIT_WEB_REFUSED_LOGIN,       /* no session, no token, or one that is over */
    ADIT_WEB_REFUSED_SCOPE,       /* not for this token or device */
    ADIT_WEB_REFUSED_PATH,        /* no such page, or a path that is none */
    ADIT_WEB_REFUSED_METHOD,      /* not on this page */
    ADIT_WEB_REFUSED_BODY,        /* too large, or not what is wanted */
    ADIT_WEB_REFUSED_DEADLINE,    /* too slow: the connection was closed */
    ADIT_WEB_REFUSED_CONNECTIONS, /* too many at once */
    ADIT_WEB_REFUSED_STRANGER,    /* at the tunnel's door, and no device */
    ADIT_WEB_REFUSALS,
} AditWebRefusal;

typedef struct {
    guint64 refused[ADIT_WEB_REFUSALS];
    guint64 requests;
    guint64 logins;
    guint64 changes;
} AditWebCounters;

const char *adit_web_refusal_name(AditWebRefusal refusal);
