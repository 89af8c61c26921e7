/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/places.h"
#include "libadit/sys/watch.h"
#include "tunnel-server/daemon.h"
#include "tunnel-server/pcp-server.h"
#include "tunnel-server/settings.h"

/* The server as its operator sees it: what is kept (store.h) and what is in force (daemon.h),
 * always the same. The bus (service.h) is a thin shell around it. */

typedef struct _AditAdmin AditAdmin;

/* Reads settings and store; the kernel is not touched yet. */
AditAdmin *adit_admin_open(const AditPlaces *places, GError **error);
/* Reads the settings again and makes the kernel as it should be; ends a `down`. */
gboolean adit_admin_start(AditAdmin *self, GError **error);
/* Every page of the store, most of which no start reads: once the ports stand, for it takes a
 * tenth of the time that they do. What is damaged makes room for its copy, at once in force. */
gboolean adit_admin_check_store(AditAdmin *self, GError **error);
/* Puts back what somebody took away. @ports: our table may be another than it was; otherwise it
 * is not looked at, which is what costs. */
gboolean adit_admin_look_again(AditAdmin *self, gboolean ports, GError **error);
/* How much we do to nftables, and whether somebody else did something since this was asked. */
guint64 adit_admin_transactions(const AditAdmin *self);
gboolean adit_admin_was_alone(AditAdmin *self);
/* What is ours in the kernel, for who hears of changes. While it is watched, a change is
 * compared with what was in force instead of with the kernel, unless somebody else was heard
 * of. */
gboolean adit_admin_tell_ours(AditAdmin *self, AditWatch *watch, GError **error);
void adit_admin_forget_watch(AditAdmin *self); /* it is about to go */
gboolean adit_admin_down(AditAdmin *self, GError **error);
/* Keeps where the devices are, for the next start. */
gboolean adit_admin_save_endpoints(AditAdmin *self, GError **error);
/* While the disk is read-only: says so, and opens the store again as soon as it is not. */
void adit_admin_mend_store(AditAdmin *self);
/* A copy of the store, if it has changed since the last one. */
gboolean adit_admin_copy_store(AditAdmin *self, GError **error);
void adit_admin_close(AditAdmin *self);

const AditModel *adit_admin_model(const AditAdmin *self);
const AditServerSettings *adit_admin_settings(const AditAdmin *self);
const AditServerFacts *adit_admin_facts(const AditAdmin *self); /* as last seen */
const char *adit_admin_state(const AditAdmin *self);            /* new, up, down, broken */
const char *adit_admin_note(const AditAdmin *self);             /* a past trouble; NULL */
const char *adit_admin_trouble(const AditAdmin *self);          /* why it is broken; NULL */
AditWgDump *adit_admin_peers(AditAdmin *self);                  /* NULL: no tunnel */
/* The same as of the last look, and, once the tunnel is gone, who was there before; NULL:
 * nobody has looked yet. At 10,000 devices reading them all takes as long as a change. */
const AditWgDump *adit_admin_seen(const AditAdmin *self);
void adit_admin_see(AditAdmin *self);                     /* looks */
gboolean adit_admin_has_responder(const AditAdmin *self); /* adit-redirect is there */
/* What the kernel has otherwise than planned, of a server that is up: char *. */
gboolean adit_admin_find_drift(AditAdmin *self, GPtrArray *ret, GError **error);
/* In each IPv6 prefix with room for it an address that nobody has is the server's own until it
 * is released; as many holds, as many releases. It is AditSubnet.vacant6. */
void adit_admin_hold_vacant(AditAdmin *self);
void adit_admin_release_vacant(AditAdmin *self);
AditTrafficTable *adit_admin_traffic(AditAdmin *self); /* NULL: no ports */
AditPcpServer *adit_admin_pcp(const AditAdmin *self);  /* what devices open themselves */
const AditLeaseTable *adit_admin_leases(const AditAdmin *self); /* the same as a table */
/* Called when it has changed; NULL: nobody is. */
void adit_admin_watch_leases(AditAdmin *self, void (*func)(gpointer data), gpointer data);
/* "host:port" for profiles; NULL: not known. */
char *adit_admin_endpoint(const AditAdmin *self);

/* Who asks for what, for the journal. */
typedef struct {
    guint uid;
    const char *verb;   /* "device add" */
    const char *object; /* what it is about */
} AditAudit;

/* Edits a copy; FALSE with an error drops it. */
typedef gboolean (*AditEdit)(AditModel *model, gpointer data, GError **error);

/* One change: edited, settled, written, in force, durable; then the journal hears of it. On
 * failure nothing has changed, neither in the store nor in the kernel. */
gboolean adit_admin_change(AditAdmin *self, const AditAudit *audit, AditEdit edit,
                           gpointer data, GError **error);
/* One that a device has opened itself, by its key, which is the audit's object; NOT_FOUND:
 * there is none. @device: for this one (its id in the store), on its own; 0: for the operator.
 */
gboolean adit_admin_set_lease_enabled(AditAdmin *self, const AditAudit *audit, guint8 family,
                                      gboolean enabled, gint64 device, GError **error);
/* The same up to settling, for a dry run; NULL on failure. */
AditModel *adit_admin_try(AditAdmin *self, AditEdit edit, gpointer data, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditAdmin, adit_admin_close)
