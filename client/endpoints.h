/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/lookup.h"
#include "libadit/core/profile.h"

/* Where the servers are: numbers as they stand, names looked up in the background and
 * remembered. */
typedef struct _AditEndpoints AditEndpoints;

/* Called when a name has got an address it did not have. */
typedef void (*AditEndpointsResolved)(AditEndpoints *endpoints, gpointer data);

AditEndpoints *adit_endpoints_new(AditEndpointsResolved resolved, gpointer data);
/* One for each peer of @profile; unset: none, or its name is still being looked up.
 * @endpoints NULL: numbers only. */
AditSockAddr *adit_endpoints_of(AditEndpoints *endpoints, const AditProfile *profile);
/* Looks the names of a server that is silent up anew: an address it has no more is given up,
 * and with @next one it still has, too, for the next of them, of either family. */
void adit_endpoints_retry(AditEndpoints *endpoints, const AditProfile *profile, gboolean next);
/* Looks @host up once more, whatever is remembered. NULL: /etc/hosts names it, or it is no
 * name.
 */
AditLookup *adit_endpoints_ask(AditEndpoints *endpoints, const char *host, AditLookupDone done,
                               gpointer data);
void adit_endpoints_free(AditEndpoints *endpoints);
