/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"
#include "tunnel-server/lease-plan.h"

/* What devices hold: the table, the kernel behind it and the file beside it, and the epoch that
 * says whether something was lost. An edge. */

typedef struct _AditLeases AditLeases;

/* The device whose lease it was did not ask for this. */
typedef void (*AditLeasesFunc)(const AditLeaseChange *change, gpointer data);

/* @nft is borrowed; @path is the file's. Without a usable file all works but the memory, and
 * the operator's word, which has to outlive us; it is tried again from time to time. */
AditLeases *adit_leases_new(AditNftDev *nft, const char *path);
void adit_leases_set_teller(AditLeases *self, AditLeasesFunc func, gpointer data);
/* @func is called after each turn that changed leases; NULL: nobody is. */
void adit_leases_watch(AditLeases *self, void (*func)(gpointer data), gpointer data);
/* Writes what is not written, and that it is. */
void adit_leases_free(AditLeases *self);

/* Before anything else is done to the kernel's table: what a server before us left there; or,
 * if that is gone, what the file knows. */
gboolean adit_leases_restore(AditLeases *self, const AditPcpSite *site, GError **error);
/* Adds to @want (unsealed) the leases that fit @site. */
void adit_leases_plan(AditLeases *self, const AditPcpSite *site, AditState *want);
/* The same of two sites, without the leases to which they are alike. */
void adit_leases_plan_step(AditLeases *self, const AditPcpSite *before, const AditPcpSite *site,
                           AditState *ret_had, AditState *ret_want);
/* What the kernel has is now what adit_leases_plan() said for @site: the other leases are gone.
 * @before: the site until now; NULL: none. TRUE: an address was lost, and the epoch is 0. */
gboolean adit_leases_adopt(AditLeases *self, const AditPcpSite *before,
                           const AditPcpSite *site);
/* The kernel's table is no more; the file keeps the leases for the next start. */
void adit_leases_down(AditLeases *self);

/* Why they are not kept for the next boot; NULL: they are. */
const char *adit_leases_trouble(const AditLeases *self);
AditLeaseTable *adit_leases_table(AditLeases *self);
gint64 adit_leases_now(void); /* milliseconds of the boot clock */
guint32 adit_leases_epoch(const AditLeases *self, gint64 now_ms);
/* The changes of the table, in the kernel and in the file; as adit_lease_commit(). */
gboolean adit_leases_commit(AditLeases *self, const AditPcpSite *site, gint64 now_ms,
                            GArray *ret_lost, GError **error);
/* Once a second: ends what is over, and writes the group. @recycle_ms: adit_lease_remove(). */
void adit_leases_tick(AditLeases *self, const AditPcpSite *site, gint64 recycle_ms);

/* @off: ADIT_LEASE_OFF, with ADIT_LEASE_BY_DEVICE if it is not the operator's word, durable
 * when this returns: one that is off stays off, whatever its device asks by PCP; one that is on
 * again (0) has @lifetime seconds to be renewed. */
gboolean adit_leases_set_off(AditLeases *self, const AditPcpSite *site, const AditLease *lease,
                             guint8 off, guint32 lifetime, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditLeases, adit_leases_free)
