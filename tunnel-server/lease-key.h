/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/lease.h"
#include "tunnel-server/plan.h"

/* The KEY of a lease, in the form of a manual mapping's: "443/tcp" and "203.0.113.9:443/tcp" of
 * forwards, "nas:443/tcp" of pinholes. */

char *adit_lease_key(const AditModel *model, const AditServerFacts *facts,
                     const AditLease *lease);
/* The outside end that a key names; FALSE: it names none, or not a single port and protocol. */
gboolean adit_lease_key_parse(const AditModel *model, const AditServerFacts *facts,
                              const char *key, guint8 *ret_proto, AditSockAddr *ret);
/* Whose it is; NULL: nobody's any more. */
const AditDeviceEntry *adit_lease_device(const AditModel *model, const AditLease *lease);
