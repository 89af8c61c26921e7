/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pcp-client/pool.h"

/* One PCP server in one family, over real sockets: a pool (pool.h) with its edge, without a
 * thread, a main loop or a privilege. An owner with a main loop of its own does this:
 *
 *     client = adit_client_new(&config, adit_client_now(), &error);
 *     mapping = adit_client_add(client, &wish, NULL, adit_client_now(), &error);
 *     whenever adit_client_get_fd() is readable:       // with GLib: g_unix_fd_add()
 *         adit_client_dispatch(client, adit_client_now());
 *         while (adit_client_pop_event(client, &event)) ...
 *
 * The descriptor also becomes readable when the deadline has come, by CLOCK_BOOTTIME, so that a
 * machine that slept is in time; adit_client_deadline() is for those who bring their own clock.
 * Nothing is sent but in dispatch.
 *
 * Requests leave by the device only. A device or an address that goes away and comes back
 * (another ifindex, too) is noticed over rtnetlink: AF_NETLINK must be allowed. Within
 * ADIT_CLIENT_GRACE_MS nothing is lost by that, after it every mapping is (reason MOVED), and
 * is asked for again when there is a way again. Notices are heard on UDP 5350, multicast and
 * unicast; when another program holds that port alone, all else works.
 *
 * With a state file, nonces are on the disk before a server hears them: whoever opens the same
 * file after a crash and adds the same wishes renews the same mappings. Only one client at a
 * time may use a file. */

#define ADIT_CLIENT_GRACE_MS                                                                   \
    5000 /* without device or address before mappings count as lost                            \
          */

typedef struct _AditClient AditClient;

typedef struct {
    const char *device; /* NULL: any */
    AditAddr server;
    const AditAddr *others; /* of the same family, to be asked in turn while nobody answers */
    guint n_others;
    AditAddr own;      /* where mappings lead; unset: the kernel's choice */
    const char *state; /* a file in a directory that exists; NULL: nonces die with the client */
} AditClientConfig;

typedef struct {
    AditPoolCounts pool;
    guint64 cut;         /* ignored: longer than any message */
    guint64 unreachable; /* the server's host says that nobody listens on port 5351 */
    guint64 ways;        /* to the server, that came or came anew */
    guint64 unsent;      /* requests that found no way; they are repeated like lost ones */
} AditClientCounts;

/* Milliseconds of CLOCK_BOOTTIME: what @now is below. */
gint64 adit_client_now(void);

/* A state file that cannot be used is reported (g_warning) and begun anew. */
AditClient *adit_client_new(const AditClientConfig *config, gint64 now, GError **error);
/* Leases live on at the server, and in the state file, for the next client. */
void adit_client_free(AditClient *client);
int adit_client_get_fd(const AditClient *client);
/* When dispatch has to be called at the latest, ADIT_NEVER. */
gint64 adit_client_deadline(const AditClient *client);
void adit_client_dispatch(AditClient *client, gint64 now);
/* What has come of a mapping. After DELETED the mapping is gone with the next call of anything
 * here. */
gboolean adit_client_pop_event(AditClient *client, AditPoolNews *ret);

/* Owned by the client; to be read at any time, never to be written. Protocol, internal port and
 * wish.shares make a mapping: a second one is BUSY, but one that is being dropped is taken up
 * again, without a DELETED in between. CONFIG: the options do not fit into a message. */
const AditMapping *adit_client_add(AditClient *client, const AditWish *wish,
                                   const AditPcpOptions *options, gint64 now, GError **error);
/* Asks the server to delete it, for ADIT_MAPPING_DELETE_MS; DELETED ends it in any case. While
 * there is no way to the server that is at once. A server that did not confirm is told again,
 * also by the next client of the same state file. */
void adit_client_drop(AditClient *client, const AditMapping *mapping, gint64 now);
/* Renews it now instead of when it is due. */
void adit_client_renew(AditClient *client, const AditMapping *mapping, gint64 now);
/* Deletes at the server what an earlier client left in the state file and nobody has added
 * since. To be called once everything that is wanted was added. No events. */
void adit_client_sweep(AditClient *client, gint64 now);
/* Drops everything, for an orderly removal: go on dispatching until it is drained and the state
 * file gone, which takes ADIT_MAPPING_DELETE_MS at most (and ADIT_POOL_GAP_MS for each mapping
 * beyond ADIT_POOL_BURST). */
void adit_client_drain(AditClient *client, gint64 now);
gboolean adit_client_is_drained(const AditClient *client);

/* The machine's address in the tunnel is another now; unset: the kernel's choice. */
void adit_client_move(AditClient *client, const AditAddr *own, gint64 now);
/* The tunnel has shaken hands. After 180 s of silence that makes the client ask whether the
 * server still is the one it was; what waits for an answer is asked again at once. */
void adit_client_handshake(AditClient *client, gint64 now);

/* The address asked from at present; unset: there is no way to the server. */
AditAddr adit_client_get_own(const AditClient *client);
/* Why there is no way to the server, or no ear for its notices; NULL. */
const GError *adit_client_get_error(const AditClient *client);
AditDialect adit_client_get_dialect(const AditClient *client);
AditClientCounts adit_client_get_counts(const AditClient *client);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditClient, adit_client_free)
