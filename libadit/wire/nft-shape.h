/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft.h"

/* The shape of a table: a line for the table, each chain, set and rule, as far as it tells
 * whether somebody took something away or put something in. The identity in the table's
 * comment says which blueprint made it; the lines say that it still looks like it. */

char *adit_nft_shape_of(const AditNftBlueprint *bp);

typedef enum {
    ADIT_NFT_PART_TABLE,
    ADIT_NFT_PART_SETS,
    ADIT_NFT_PART_CHAINS,
    ADIT_NFT_PART_RULES,
} AditNftPart;
#define ADIT_NFT_N_PARTS (ADIT_NFT_PART_RULES + 1)

/* The request of a dump of that part, in this order; the answers to adit_nft_shape_get(). */
void adit_nft_shape_put_dump(AditMsg *m, AditNftPart part, const char *table);
/* Appends the line of what @nlh tells, if it is of @table. FALSE: it makes no sense. */
gboolean adit_nft_shape_get(const struct nlmsghdr *nlh, const char *table, GString *lines);
