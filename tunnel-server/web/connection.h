/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <libsoup/soup.h>

#include "tunnel-server/web/counters.h"
#include "tunnel-server/web/settings.h"

/* Connections that were accepted: how many there may be and how long each may take. A
 * connection carries one request, so that its deadlines are those of the request. */

/* Where somebody came in. */
typedef enum {
    ADIT_WEB_DOOR_LOOPBACK,
    ADIT_WEB_DOOR_TUNNEL, /* devices alone */
    ADIT_WEB_DOOR_PUBLIC, /* TLS alone */
    ADIT_WEB_DOOR_HEALTH, /* /healthz alone */
} AditWebDoorKind;

typedef struct _AditWebConnection AditWebConnection;
typedef struct _AditWebConnections AditWebConnections;

/* @certificate: for the public door, or NULL. @soup must outlive it. */
AditWebConnections *adit_web_connections_new(SoupServer *soup, const AditWebSettings *settings,
                                             GTlsCertificate *certificate,
                                             AditWebCounters *counters);
void adit_web_connections_free(AditWebConnections *self);
/* Takes one in, or closes it. */
void adit_web_connections_add(AditWebConnections *self, GSocketConnection *stream,
                              AditWebDoorKind door);
/* Turned away before it was one. */
void adit_web_connections_count_stranger(AditWebConnections *self);
guint adit_web_connections_count(const AditWebConnections *self);

/* The connection that @msg came by. */
AditWebConnection *adit_web_connection_of(SoupServerMessage *msg);
AditWebDoorKind adit_web_connection_door(const AditWebConnection *self);
/* Its request has arrived: from here on the time for the answer runs. */
void adit_web_connection_arrived(AditWebConnection *self);
/* The answer never ends; a reader that does not keep up is found by who writes. */
void adit_web_connection_stream(AditWebConnection *self);
void adit_web_connection_shut(AditWebConnection *self);
