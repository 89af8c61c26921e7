/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/nft.h"

/* Elements in messages: many a message, because this is the path of every lease. */

typedef enum {
    ADIT_NFT_ELEMENT_TOUCH,  /* make it exist: key and data, nothing else */
    ADIT_NFT_ELEMENT_ENSURE, /* present: fine if it has the same data, else EEXIST */
    ADIT_NFT_ELEMENT_ADD,    /* EEXIST if present */
    ADIT_NFT_ELEMENT_DELETE, /* ENOENT if absent */
    ADIT_NFT_ELEMENT_GET, /* a question, no change: each is answered as by a dump, or ENOENT */
} AditNftElementVerb;

/* Appends messages for @n elements; those next to one another in the same set share them.
 * Contents: timeout, remaining time (expires_ms, if given), user data, and counters where the
 * set has them. */
void adit_nft_elements_put(AditMsg *m, const AditNftBlueprint *bp, AditNftElementVerb verb,
                           const AditElement *const *elements, guint n);

/* Whose table a message of nftables' event groups is about; NULL: none, or no such message. */
const char *adit_nft_event_table(const struct nlmsghdr *nlh);

/* The request of a dump of @set. */
void adit_nft_elements_put_dump(AditMsg *m, const char *table, const char *set);

/* Reads one message of that dump, or an answer to ADIT_NFT_ELEMENT_GET: calls @func for each
 * element of @table. FALSE: it makes no sense, or an element is larger than ours can be. */
typedef void (*AditNftElementFunc)(const AditElement *element, gpointer data);
gboolean adit_nft_elements_get(const struct nlmsghdr *nlh, const char *table,
                               AditNftElementFunc func, gpointer data);
