/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* Other people's nftables on this machine (iptables of today, ufw, firewalld and docker are
 * such, too): a packet must be accepted by all of them, so that one drop of theirs wins over
 * everything we open. */

typedef struct {
    const char *link; /* our tunnel */
    guint16 port;     /* WireGuard's; 0: packets have arrived, nobody stands before it */
    const char *own;  /* our own table */
} AditForeignQuestion;

/* Adds a sentence (char *) for each chain that drops by default and does not know us; what
 * stands behind "run: " mends it. A machine whose rules cannot be read gives none. */
void adit_foreign_look(const AditForeignQuestion *question, GPtrArray *problems);
