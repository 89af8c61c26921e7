/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/pcp-ask.h"
#include "libadit/wire/diag.h"
#include "tunnel-server/pcp-manuals.h"
#include "tunnel-server/plan.h"
#include "tunnel-server/settings.h"

/* The model as the PCP server asks it: who has this address, who holds that port. Made anew
 * with each model; every question is one look into a hash or a search in a sorted array. */

#define ADIT_PCP_SITE_LOW 1024 /* below, ports of the server's own addresses are few */

/* A device in one family. */
typedef struct {
    gint64 device; /* id in the store */
    const char *name;
    AditAddr addr;
    AditAddr server; /* the server's own address that it asks */
    AditAddr
        external; /* where its ports are opened: the GUA itself, or an address of the WAN */
    AditAddr reported; /* the same as the world knows it, behind a provider's 1:1 NAT */
    gboolean may_publish;
    guint own, own_low; /* ports that it has published on the page: they count like leases */
    const AditAskSite *ask; /* what it hears of itself; shared by both families */
    gint64 old_until;       /* seconds since 1970: the end of ask->old6 */
} AditPcpHost;

typedef struct _AditPcpSite AditPcpSite;

/* Everything is copied, or shared with the site @before (NULL: none), of another model. */
AditPcpSite *adit_pcp_site_new(const AditModel *model, const AditServerFacts *facts,
                               const AditServerSettings *settings, const AditPcpSite *before);
void adit_pcp_site_free(AditPcpSite *site);

const AditPcpHost *adit_pcp_site_host(const AditPcpSite *site, const AditAddr *addr);
const char *adit_pcp_site_wan(const AditPcpSite *site); /* the interface */
AditAddr adit_pcp_site_wan4(const AditPcpSite *site);   /* its address; unset: none */
/* The port that leads to WireGuard from this spare one of UDP; 0: it is none. */
guint16 adit_pcp_site_spare(const AditPcpSite *site, guint16 port);
gboolean adit_pcp_site_same_spares(const AditPcpSite *a, const AditPcpSite *b);
/* At once, of one mapping; 0: no limit. */
guint32 adit_pcp_site_connections(const AditPcpSite *site);
guint adit_pcp_site_n_hosts(const AditPcpSite *site);
const AditPcpHost *adit_pcp_site_nth_host(const AditPcpSite *site, guint i);
const AditPcpManuals *adit_pcp_site_manuals(const AditPcpSite *site);
/* What programs of the VPS itself listen on now, those bound to other devices than @wan aside;
 * replaces what was told before. */
void adit_pcp_site_set_listening(AditPcpSite *site, const AditListening *listening, guint n,
                                 guint wan);
/* Why no device may have the port: "reserved", ...; NULL: it may. Of the VPS's own addresses
 * only: a GUA is all its device's. */
const char *adit_pcp_site_reserved(const AditPcpSite *site, guint8 proto,
                                   const AditSockAddr *external);
/* Likewise, but only for a port that is asked for now. */
const char *adit_pcp_site_listener(const AditPcpSite *site, guint8 proto,
                                   const AditSockAddr *external);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpSite, adit_pcp_site_free)
