/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft.h"
#include "policy-routing/gateway.h"

/* The client's nftables table (DESIGN.md section 3): answers return by the gateway the question
 * came through, and the second belt around what must not leave by an uplink. */

#define ADIT_REPLY_TABLE "adit"

typedef struct {
    gboolean strict; /* the LAN is what adit_reply_table_add_lan() says, nothing more */
    const AditBypassMark *bypass;
    guint n_bypass;
} AditReplyOptions;

/* The rules. Constant, but for the options: other options make another table. */
AditNftBlueprint *adit_reply_table_new(const AditReplyOptions *options);
void adit_reply_table_free(AditNftBlueprint *bp);

/* A gateway: one element in each set that concerns it. */
void adit_reply_table_add_gateway(AditState *state, const AditGateway *gateway);
/* A link with a default route in main; closed for a family while a gateway is selected for it.
 */
void adit_reply_table_add_uplink(AditState *state, const char *ifname, gboolean closed4,
                                 gboolean closed6);
/* Name servers are not asked by a closed uplink, not even those of its LAN. */
void adit_reply_table_add_names(AditState *state, const char *ifname);
/* What may leave by an uplink that is closed: its on-link prefixes, specific routes of main. */
void adit_reply_table_add_lan(AditState *state, const char *ifname, const AditPrefix *prefix);
