/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/request.h"

/* Server-sent events: "status" when the server changed, "traffic" every two seconds with the
 * devices whose counters moved. While nobody listens nothing runs. */

GPtrArray *adit_web_streams_new(void);
/* The handler of /api/v1/events. */
void adit_web_stream_begin(AditWebRequest *request);
/* The mirror of the server is new: everybody hears. */
void adit_web_streams_status(AditWeb *web);
/* Ends the streams of a session that ended; NULL: all. */
void adit_web_streams_end(AditWeb *web, const char *session);
/* The server as one object; {"state": "gone"} while it does not run. */
void adit_web_status_add(JsonBuilder *json, const AditWeb *web);
