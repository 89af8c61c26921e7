/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/pcp-ask.h"
#include "libadit/wire/diag.h"
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

/* What the operator has published by hand, range by range. */
typedef struct {
    AditSockAddr external; /* the first port */
    AditSockAddr internal; /* of a redirect: unset */
    guint16 last;          /* outside */
    guint8 proto;
    gboolean enabled;
    const char *name; /* of the device */
} AditPcpManual;

typedef struct _AditPcpSite AditPcpSite;

/* Everything is copied. */
AditPcpSite *adit_pcp_site_new(const AditModel *model, const AditServerFacts *facts,
                               const AditServerSettings *settings);
void adit_pcp_site_free(AditPcpSite *site);

const AditPcpHost *adit_pcp_site_host(const AditPcpSite *site, const AditAddr *addr);
const char *adit_pcp_site_wan(const AditPcpSite *site); /* the interface */
/* At once, of one mapping; 0: no limit. */
guint32 adit_pcp_site_connections(const AditPcpSite *site);
guint adit_pcp_site_n_hosts(const AditPcpSite *site);
const AditPcpHost *adit_pcp_site_nth_host(const AditPcpSite *site, guint i);
/* NULL: free of manual ones. */
const AditPcpManual *adit_pcp_site_manual(const AditPcpSite *site, guint8 proto,
                                          const AditSockAddr *external);
/* The manual one that leads to this inside end. */
const AditPcpManual *adit_pcp_site_manual_to(const AditPcpSite *site, guint8 proto,
                                             const AditSockAddr *internal);
/* The operator has published the same in both. */
gboolean adit_pcp_site_same_manuals(const AditPcpSite *a, const AditPcpSite *b);
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
