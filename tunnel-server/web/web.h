/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/places.h"
#include "tunnel-server/web/access.h"
#include "tunnel-server/web/backoff.h"
#include "tunnel-server/web/bus.h"
#include "tunnel-server/web/connection.h"
#include "tunnel-server/web/counters.h"
#include "tunnel-server/web/session.h"
#include "tunnel-server/web/settings.h"

/* What every request sees of the process. */
typedef struct {
    AditPlaces places;
    AditWebSettings *settings;
    SoupServer *soup;
    AditWebBus *bus;
    AditWebConnections *connections;
    AditWebAccess *access; /* as the file said last */
    gint64 access_stamp;   /* of the file that was read: mtime and size folded */
    AditWebSessions *sessions;
    AditWebBackoff *backoff;
    guint8 secret[ADIT_WEB_TOKEN_LEN]; /* of this process: adit_web_device_csrf() */
    gboolean is_hashing;               /* a password is being looked at: one at a time */
    AditWebCounters counters;
    GPtrArray *streams; /* stream.h: who listens to events */
    guint stream_timer;
    gboolean is_asking_traffic;
} AditWeb;

/* Seconds that only go forward. */
gint64 adit_web_now(void);
/* Reads that file again if it is another; sessions of an older password end. */
void adit_web_access_refresh(AditWeb *web);
