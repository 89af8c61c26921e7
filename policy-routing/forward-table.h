/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft.h"

/* The part of the client's nftables table that leads what arrives by a gateway on to another
 * machine: `adit publish --to` and `adit share`. */

typedef struct {
    char link[ADIT_NAME_LEN]; /* the gateway's */
    AditAddr own;             /* ours there, at which is asked */
    guint8 protocol;
    guint16 port;
    AditSockAddr to;
    gboolean hide; /* the target sees this machine instead of the visitor, and answers it */
} AditForward;

/* AditNftSet, AditNftChain and AditNftRule, for the blueprint of the whole table. */
void adit_forward_table_append(GArray *sets, GArray *chains, GArray *rules);
void adit_forward_table_add(AditState *state, const AditForward *forward);
/* What of @from arrives by a gateway for @to, a network here that does not know the way back,
 * looks to it as if it came from this machine. Pairs must not overlap. */
void adit_forward_table_add_share(AditState *state, const AditPrefix *from,
                                  const AditPrefix *to);
