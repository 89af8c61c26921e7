/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

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
void adit_endpoints_free(AditEndpoints *endpoints);
