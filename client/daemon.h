/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/catalog.h"
#include "client/health.h"
#include "client/queue.h"
#include "libadit/sys/places.h"

/* aditd without its bus: the gateways of this machine, and the kernel and the managers of its
 * networks kept equal to them. */

typedef struct _AditDaemon AditDaemon;

/* What the world sees of a gateway besides its entry. */
typedef struct {
    AditHealth health;
    gint64 last_handshake; /* seconds since the epoch, 0: none */
    char *problem;         /* one sentence, or NULL */
} AditGatewayStatus;

/* Called after every change of the list or of an entry. */
typedef void (*AditDaemonChanged)(AditDaemon *daemon, gpointer data);

AditDaemon *adit_daemon_new(const AditPlaces *places, GError **error);
/* One that looks and changes nothing, for when there is no other: loaded, without managers. */
AditDaemon *adit_daemon_observe(const AditPlaces *places, GError **error);
void adit_daemon_set_changed(AditDaemon *daemon, AditDaemonChanged changed, gpointer data);
const GPtrArray *adit_daemon_entries(const AditDaemon *daemon); /* AditEntry */
/* Loads the catalog anew and makes kernel and managers match. */
gboolean adit_daemon_reload(AditDaemon *daemon, GError **error);
/* Compares the kernel with what is wanted, policy and links, and mends what others changed. */
gboolean adit_daemon_look(AditDaemon *daemon, GError **error);
/* Connections of managers that could be adopted; see client/newcomers.h. */
GStrv adit_daemon_offered(const AditDaemon *daemon);
/* Something is at the gateway: a change, or its manager is only coming. */
gboolean adit_daemon_is_busy(const AditDaemon *daemon, const char *name);
/* Calls @go when it is not, see client/queue.h, for 20 s at most. */
gboolean adit_daemon_await(AditDaemon *daemon, const char *name, AditQueueFunc go,
                           AditQueueFunc drop, gpointer data);
gboolean adit_daemon_status(AditDaemon *daemon, const char *name, AditGatewayStatus *ret,
                            GError **error);
void adit_gateway_status_clear(AditGatewayStatus *status);
/* The plan of one profile as text, without touching anything: `adit import --dry-run`. */
char *adit_daemon_dry_run(const char *name, const AditProfile *profile, GError **error);
void adit_daemon_free(AditDaemon *daemon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditDaemon, adit_daemon_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditGatewayStatus, adit_gateway_status_clear)
