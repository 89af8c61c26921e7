/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"
#include "tunnel-server/dataplane.h"

/* What went through each mapping, as the kernel has counted it until now. */

typedef struct _AditTrafficTable AditTrafficTable;

AditTrafficTable *adit_traffic_table_read(AditNftDev *dev, GError **error);
/* Zeros: nothing, or there is no such mapping. NULL has no mappings. */
AditTraffic adit_traffic_table_get(const AditTrafficTable *table, guint8 proto,
                                   const AditSockAddr *external);
void adit_traffic_table_free(AditTrafficTable *table);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditTrafficTable, adit_traffic_table_free)
