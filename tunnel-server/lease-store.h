/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/lease.h"

/* Leases on disk, for reboots and for what the kernel does not know of them: a file of its own,
 * written as they change and committed about once a second. Losing the last second is no harm:
 * then the epoch says so, and the clients ask again. */

typedef struct _AditLeaseStore AditLeaseStore;

/* The PCP epoch as it was kept. */
typedef struct {
    gboolean known; /* FALSE: nothing was kept */
    gboolean clean; /* the server ended with everything written */
    char boot_id[40];
    gint64 zero_boot_ms, zero_wall_ms; /* when the epoch was 0, by both clocks */
} AditLeaseEpoch;

/* Now, by both clocks. */
typedef struct {
    gint64 boot_ms, wall_ms;
} AditLeaseNow;

/* A file that is damaged is begun anew. */
AditLeaseStore *adit_lease_store_open(const char *path, GError **error);
/* Array of AditLease (own parts owned by it), times by the boot clock. */
GArray *adit_lease_store_load(AditLeaseStore *store, const AditLeaseNow *now,
                              AditLeaseEpoch *ret_epoch, GError **error);
/* Durable at once; what was to be committed goes with it. */
gboolean adit_lease_store_set_epoch(AditLeaseStore *store, const AditLeaseEpoch *epoch,
                                    GError **error);
/* The changes of @table, which may not be settled yet. */
gboolean adit_lease_store_write(AditLeaseStore *store, const AditLeaseTable *table,
                                const AditLeaseNow *now, GError **error);
/* All of @table in the place of what the file holds, which is older. */
gboolean adit_lease_store_write_all(AditLeaseStore *store, AditLeaseTable *table,
                                    const AditLeaseNow *now, GError **error);
gboolean adit_lease_store_commit(AditLeaseStore *store, GError **error);
/* Does not commit. */
void adit_lease_store_close(AditLeaseStore *store);

/* When the epoch was 0, by the boot clock: as before if no lease can have been lost, else now.
 * @kernel_holds: the kernel still has what it had when the last server ended. */
gint64 adit_lease_epoch_zero(const AditLeaseEpoch *kept, const char *boot_id,
                             const AditLeaseNow *now, gboolean kernel_holds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditLeaseStore, adit_lease_store_close)
