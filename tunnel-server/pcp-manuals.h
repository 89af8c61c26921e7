/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/plan.h"

/* What the operator has published by hand, range by range, in order: whether a port is taken is
 * one search. Read only, and shared by sites as long as nothing in it changes. */

typedef struct {
    AditSockAddr external; /* the first port */
    AditSockAddr internal; /* the first port, or a redirect's responder */
    guint16 last;          /* outside */
    guint8 proto;
    gboolean enabled;
    guint n_allow;
    const AditPrefix *allow; /* who may; none: everybody */
    const char *name;        /* of the device */
} AditPcpManual;

typedef struct _AditPcpManuals AditPcpManuals;

AditPcpManuals *adit_pcp_manuals_new(const AditModel *model, const AditServerFacts *facts);
/* Likewise, or @had itself, if @model has its publications still. To be asked only if its
 * devices are what they were. */
AditPcpManuals *adit_pcp_manuals_next(AditPcpManuals *had, const AditModel *model,
                                      const AditServerFacts *facts);
void adit_pcp_manuals_unref(AditPcpManuals *self);

/* NULL: free of them. */
const AditPcpManual *adit_pcp_manuals_at(const AditPcpManuals *self, guint8 proto,
                                         const AditSockAddr *external);
/* The one that leads to this inside end. Several may; of ranges that overlap there, the nearest
 * is asked. */
const AditPcpManual *adit_pcp_manuals_to(const AditPcpManuals *self, guint8 proto,
                                         const AditSockAddr *internal);
gboolean adit_pcp_manuals_equal(const AditPcpManuals *a, const AditPcpManuals *b);
