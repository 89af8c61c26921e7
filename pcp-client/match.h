/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/listener.h"
#include "pcp-client/mapping.h"
#include "pcp-client/publication.h"

/* Publications times gateways: what is to be asked of whom. Pure. */

typedef struct {
    char *name;
    char *link;
    guint32 ifindex; /* 0: the link is not there */
    gboolean up;
    AditAddr own[2];    /* of IPv4, IPv6; unset: no such family */
    AditAddr server[2]; /* whom to ask */
} AditPublishGateway;

typedef enum {
    ADIT_MATCH_ASK,
    ADIT_MATCH_WAIT, /* no listener, gateway down: may come by itself */
    ADIT_MATCH_REFUSE,
} AditMatchVerdict;

/* One publication on one gateway in one family: what a visitor reaches, or not. */
typedef struct {
    AditPublication *publication;
    const AditPublishGateway *gateway;
    guint family; /* 0: IPv4, 1: IPv6 */
    AditMatchVerdict verdict;
    const char *why; /* not ASK: a sentence; constant */
} AditMatch;

void adit_publish_gateway_free(AditPublishGateway *gateway);

/* An AditMatch for each that applies, in the order of @wanted (AditPublication), which comes
 * first when two want the same port. @listening: AditListening, NULL: nobody looked. */
GArray *adit_match(const GPtrArray *wanted, const GPtrArray *gateways, const GArray *listening);
/* The request for the @i-th port of the range. A mapping for each, because a PORT_SET that
 * comes back proves nothing: miniupnpd 2.3 echoes it and maps one port. */
AditWish adit_match_wish(const AditMatch *match, guint i);
/* The options of all of them. FALSE: none. */
gboolean adit_match_options(const AditMatch *match, AditPcpOptions *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPublishGateway, adit_publish_gateway_free)
