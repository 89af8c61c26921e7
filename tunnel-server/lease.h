/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/pcp.h"

/* Ports that devices have opened themselves, for a time. Pure values: the kernel
 * (lease-kernel.h) follows what this table records as changed. Times are milliseconds of the
 * boot clock. */

#define ADIT_LEASE_NEVER (G_MAXINT64 / 4) /* the end of one that is off */
#define ADIT_LEASE_DESCRIPTION_MAX 64     /* octets kept of one */

typedef enum {
    ADIT_LEASE_SECOND = 1 << 0,    /* StartOS: a second outside port of the same inside port */
    ADIT_LEASE_OFF = 1 << 1,       /* nothing of it is in the kernel: the operator's word */
    ADIT_LEASE_BY_DEVICE = 1 << 2, /* off: its device's own word, on the server's page */
} AditLeaseFlags;

/* A mapping's inside and outside ends. */
typedef struct {
    AditAddr internal, external;
    guint16 internal_port, external_port;
    guint8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
    guint8 flags; /* AditLeaseFlags */
} AditLeaseEnds;

typedef struct _AditLeaseNode AditLeaseNode;

typedef struct {
    AditLeaseEnds ends;
    guint8 nonce[ADIT_PCP_NONCE]; /* zeros: of a NAT-PMP client, which knows none */
    gint64 device;                /* id in the store */
    gint64 since_ms, expires_ms;  /* as granted last; off: NEVER */
    AditPcpRedirect redirect;     /* external_port 0: none was asked for */
    guint8 n_filters;
    AditPrefix *filters; /* none: everybody may visit; owned */
    char *description;   /* NULL: none; owned */
    AditLeaseNode *node; /* the table's own */
} AditLease;

typedef struct _AditLeaseTable AditLeaseTable;

AditLeaseTable *adit_lease_table_new(void);
void adit_lease_table_free(AditLeaseTable *table);
guint adit_lease_table_len(const AditLeaseTable *table);
/* How many of one device. */
guint adit_lease_table_count(const AditLeaseTable *table, gint64 device);
guint adit_lease_table_count_low(const AditLeaseTable *table, gint64 device); /* IPv4, < 1024 */

/* Found by one end, NULL: none. Of @ends only what names that end counts; the inside one
 * includes ADIT_LEASE_SECOND. */
const AditLease *adit_lease_find_internal(const AditLeaseTable *table,
                                          const AditLeaseEnds *ends);
const AditLease *adit_lease_find_external(const AditLeaseTable *table, guint8 proto,
                                          const AditSockAddr *external);
/* The lease whose redirect is in force on that port. */
const AditLease *adit_lease_find_redirect(const AditLeaseTable *table,
                                          const AditSockAddr *external);
/* Whose an outside port was until a moment ago; 0: nobody's, or too long ago. */
gint64 adit_lease_freed_by(const AditLeaseTable *table, guint8 proto,
                           const AditSockAddr *external, gint64 now_ms);

/* Copies @lease, whose ends are free. */
const AditLease *adit_lease_add(AditLeaseTable *table, const AditLease *lease);
/* Everything but the ends and the device becomes as in @next. */
void adit_lease_update(AditLeaseTable *table, const AditLease *lease, const AditLease *next);
/* @recycle_ms: for so long the outside port is nobody else's; 0: at once anybody's. */
void adit_lease_remove(AditLeaseTable *table, const AditLease *lease, gint64 now_ms,
                       gint64 recycle_ms);
/* The next one to end; NULL: none. */
const AditLease *adit_lease_first_to_end(const AditLeaseTable *table);

typedef void (*AditLeaseFunc)(const AditLease *lease, gpointer data);
void adit_lease_foreach(const AditLeaseTable *table, AditLeaseFunc func, gpointer data);
/* Of one device; @func may remove the lease it is given. */
void adit_lease_foreach_of(const AditLeaseTable *table, gint64 device, AditLeaseFunc func,
                           gpointer data);

/* What was added, updated or removed since the last adit_lease_settle(). */
typedef struct {
    AditLease *before;      /* as it was; NULL: it is new */
    const AditLease *lease; /* as it is; NULL: it is gone */
} AditLeaseChange;

const AditLeaseChange *adit_lease_changes(const AditLeaseTable *table, guint *ret_n);
/* The kernel has refused it: all is as before. The change stays in the list, with both sides
 * alike (NULL and NULL: it was new). */
void adit_lease_undo(AditLeaseTable *table, guint change);
/* Forgets the changes: they are in force. */
void adit_lease_settle(AditLeaseTable *table);

gboolean adit_lease_is_on(const AditLease *lease);
gboolean adit_lease_is_held(const AditLease *lease); /* off, by the operator's word */
/* Seconds that are left, never below 0. */
guint32 adit_lease_left(const AditLease *lease, gint64 now_ms);
AditSockAddr adit_lease_external(const AditLease *lease);
AditSockAddr adit_lease_internal(const AditLease *lease);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditLeaseTable, adit_lease_table_free)
