/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* Finds the address of a tunnel server's name past every tunnel: over a socket with the mark of
 * the tunnels' own packets, for a guard that is closed must not keep closed what would open it
 * (DESIGN.md section 3). The name service of the machine would ask through that very guard. */

typedef struct _AditLookup AditLookup;

/* @found: AditAddr, IPv4 first; empty: none, for the reason in @error. The lookup is over then,
 * and may be freed. */
typedef void (*AditLookupDone)(const GArray *found, const GError *error, gpointer data);

/* Name servers of this machine's uplinks, as whoever manages them wrote them down: not its own
 * resolver, none of @except. AditAddr. */
GArray *adit_lookup_servers(const GArray *except);
/* Whether an outer packet has a way there; nothing is sent. */
gboolean adit_lookup_is_reachable(const AditAddr *addr);
/* Asks them in turn, IPv4 and IPv6; takes what an outer packet can be sent to. Never calls
 * @done before it returns. */
AditLookup *adit_lookup_new(const char *name, const GArray *servers, AditLookupDone done,
                            gpointer data);
void adit_lookup_free(AditLookup *lookup);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditLookup, adit_lookup_free)
