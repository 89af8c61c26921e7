/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/gateway.h"

/* systemd-resolved, told by D-Bus which names to ask by which gateway (dns-plan.h). Nothing
 * waits: calls are sent in order and their failures logged. It is told again when it has
 * started anew, and of a link that was made anew. */

typedef struct _AditResolve1 AditResolve1;

AditResolve1 *adit_resolve1_new(void);
/* Whether it has run since the machine booted. If so, a query to the LAN is one that went
 * astray while a gateway is selected, even when it does not run now. */
gboolean adit_resolve1_is_here(void);
/* Links it was told of before and that are not among these get their own settings back. */
void adit_resolve1_apply(AditResolve1 *resolve1, const AditGateway *const *gateways, guint n);
void adit_resolve1_free(AditResolve1 *resolve1); /* what it was told stays */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditResolve1, adit_resolve1_free)
