/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/leases.h"

/* The PCP and NAT-PMP server in the main loop: sockets before, leases behind. */

typedef struct _AditPcpServer AditPcpServer;

/* @nft is borrowed; @path is the file of the leases. */
AditPcpServer *adit_pcp_server_new(AditNftDev *nft, const char *path);
void adit_pcp_server_free(AditPcpServer *self);
/* Before anything else, and whenever there are others; borrowed until then. */
void adit_pcp_server_set_rules(AditPcpServer *self, const AditServerSettings *settings);
/* @site is in force and in the kernel, with what adit_leases_plan() said. Takes @site. */
void adit_pcp_server_adopt(AditPcpServer *self, AditPcpSite *site);
/* The tunnel is gone and the kernel holds nothing of ours. */
void adit_pcp_server_down(AditPcpServer *self);
AditLeases *adit_pcp_server_leases(AditPcpServer *self);
const AditPcpSite *adit_pcp_server_site(const AditPcpServer *self); /* NULL: down */
/* A device offers @key, or takes back an offer. SUCCESS: durable and in force, for
 * @ret_lifetime seconds; else the error to answer with. */
typedef AditPcpResult (*AditPcpRekey)(gint64 device, const AditKey *key, guint32 *ret_lifetime,
                                      gpointer data);
/* Called while nothing else is under way. NULL: such requests are refused. */
void adit_pcp_server_set_rekey(AditPcpServer *self, AditPcpRekey rekey, gpointer data);
/* The device has asked something beside ports since this server started. */
gboolean adit_pcp_server_has_asked(const AditPcpServer *self, gint64 device);
/* Completes what a device asks of a port: what has passed, and who drops it here. */
typedef void (*AditPcpWitness)(AditAskPort *port, gpointer data);
/* Called while nothing else is under way; NULL: nothing is known of that. */
void adit_pcp_server_set_witness(AditPcpServer *self, AditPcpWitness witness, gpointer data);
/* Appends sentences about ports that devices could not have. */
void adit_pcp_server_refusals(const AditPcpServer *self, GPtrArray *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpServer, adit_pcp_server_free)
