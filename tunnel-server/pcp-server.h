/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"
#include "tunnel-server/lease.h"
#include "tunnel-server/pcp-site.h"

/* The PCP and NAT-PMP server: sockets, leases and the kernel, in the main loop. */

typedef struct _AditPcpServer AditPcpServer;

/* @nft is borrowed. */
AditPcpServer *adit_pcp_server_new(AditNftDev *nft);
/* Before anything else, and whenever there are others; borrowed until then. */
void adit_pcp_server_set_rules(AditPcpServer *self, const AditServerSettings *settings);
void adit_pcp_server_free(AditPcpServer *self);
/* Before anything else is done to the table: the leases that a server before us left there. */
gboolean adit_pcp_server_restore(AditPcpServer *self, const AditPcpSite *site, GError **error);
/* Adds to @want (unsealed) the leases that fit @site. */
void adit_pcp_server_plan(AditPcpServer *self, const AditPcpSite *site, AditState *want);
/* @site is in force, and in the kernel: leases that do not fit it are gone. Takes @site. */
void adit_pcp_server_adopt(AditPcpServer *self, AditPcpSite *site);
/* The tunnel is gone and the kernel holds nothing of ours. */
void adit_pcp_server_down(AditPcpServer *self);
/* @func is called after each turn that changed leases; NULL: nobody is. */
void adit_pcp_server_watch(AditPcpServer *self, void (*func)(gpointer data), gpointer data);
const AditLeaseTable *adit_pcp_server_leases(const AditPcpServer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpServer, adit_pcp_server_free)
