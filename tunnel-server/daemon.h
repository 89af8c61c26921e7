/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"
#include "libadit/wire/wgmodel.h"
#include "tunnel-server/plan.h"
#include "tunnel-server/traffic.h"

/* The server's hold on the kernel: WireGuard device, routes, proxy neighbours, nft table. */

typedef struct _AditServer AditServer;

AditServer *adit_server_open(const char *state_dir, GError **error);
/* Before anything is looked at or applied: whether devices are limited (model->per_device). */
void adit_server_set_device_limits(AditServer *server, gboolean device_limits);
/* Makes the kernel match a settled model, and @leases: elements of what devices have opened,
 * unsealed; taken. Sends nothing when it does already. */
gboolean adit_server_apply(AditServer *server, const AditModel *model,
                           const AditServerFacts *facts, AditState *leases, GError **error);

/* A settled model and what devices have opened beside it; of that, what is on both sides of a
 * step may be left out. */
typedef struct {
    const AditModel *model;
    AditState *leases; /* unsealed; taken */
} AditServerSide;

/* From what is in force, by the same facts, to @want, without a look at the kernel: for who
 * knows that nobody else did anything to what is ours. FALSE: it was not so, and half of it may
 * be done: adit_server_apply(). */
gboolean adit_server_step(AditServer *server, const AditServerSide *had,
                          const AditServerSide *want, const AditServerFacts *facts);
/* The socket by which routes are changed, for adit_watch_ignore_routes(). */
const AditNl *adit_server_routes(const AditServer *server);
/* Our table, for leases that come and go. */
AditNftDev *adit_server_nft(AditServer *server);
/* The same without ports, which are known to be as they were: no look at elements. */
gboolean adit_server_apply_rest(AditServer *server, const AditModel *model,
                                const AditServerFacts *facts, GError **error);
/* Adds a sentence (char *) for each thing in the kernel that is otherwise than planned,
 * elements of our table left out. */
gboolean adit_server_find_drift(AditServer *server, const AditModel *model,
                                const AditServerFacts *facts, GPtrArray *ret, GError **error);
/* Removes everything of ours. */
gboolean adit_server_down(AditServer *server, GError **error);
/* Who is there: the WireGuard device as it is now. NOT_FOUND: the server is down. */
AditWgDump *adit_server_peers(AditServer *server, GError **error);
/* What went through each mapping; NULL on failure. */
AditTrafficTable *adit_server_traffic(AditServer *server, GError **error);
void adit_server_close(AditServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditServer, adit_server_close)
