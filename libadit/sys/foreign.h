/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Other people's nftables on this machine (iptables of today, ufw, firewalld and docker are
 * such, too): a packet must be accepted by all of them, so that one drop of theirs wins over
 * everything we open. */

/* A port of this machine that has to be reached. */
typedef struct {
    guint8 proto; /* IPPROTO_TCP or IPPROTO_UDP; 0: ends a list */
    guint16 port;
    gboolean inside;  /* from the tunnel: a rule about that will do as well */
    const char *harm; /* "so that no device ..." */
    gboolean by_dnat; /* nobody reaches it but by our DNAT */
} AditForeignPort;

typedef struct {
    const char *link;             /* our tunnel */
    const char *own;              /* our own table */
    const AditForeignPort *ports; /* ended by a zero */
    gboolean only_ports;          /* what is forwarded does not matter */
    guint8 family;                /* AF_INET, AF_INET6: of that only; 0: both */
} AditForeignQuestion;

/* Adds a sentence (char *) for each chain that drops by default and does not know us; what
 * stands behind "run: " mends it. A machine whose rules cannot be read gives none. */
void adit_foreign_look(const AditForeignQuestion *question, GPtrArray *problems);

/* The chain that drops IPv6 whose sender is not where it came from ("table inet firewalld,
 * chain filter_PREROUTING"), or NULL: there a packet of ours that comes back to us does not
 * arrive. */
char *adit_foreign_checks_senders(const char *own);
