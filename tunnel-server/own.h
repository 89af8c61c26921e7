/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/edit.h"
#include "tunnel-server/lease.h"
#include "tunnel-server/pcp-site.h"

/* What a device changes by itself beside PCP, on the server's page: its own mappings, and no
 * more of them or others than PCP would give it. Who it is, its address says, for which the
 * tunnel stands. Pure: edits of a model, as in edit.h. What it may not is DENIED, and what is
 * another device's does not exist for it: NOT_FOUND, and no name of anybody else. */

typedef struct {
    const char *address;     /* that it asks from */
    const AditPcpSite *site; /* of the model as it is */
    const AditLeaseTable *leases;
    const AditServerSettings *rules;
    gint64 now_ms;
} AditOwnDesk;

/* NULL: nobody has this address. */
const AditPcpHost *adit_own_host(const AditOwnDesk *desk, GError **error);
/* @family: 4, 6 or 0 for both, all of it or nothing; of @wish the device is filled in. */
gboolean adit_own_publish(AditModel *model, const AditOwnDesk *desk, guchar family,
                          AditPublishWish *wish, GError **error);
/* One that it has made there itself, and that the operator has not taken out of its hands. */
gboolean adit_own_find(const AditModel *model, const AditOwnDesk *desk, guint8 family,
                       const char *key, guint *ret, GError **error);
