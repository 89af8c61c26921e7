/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"

/* Shared by the files of nftdev. */

typedef enum {
    ADIT_NFT_RENEWS_PERHAPS,
    ADIT_NFT_RENEWS, /* an element that is there takes the time of one that is added */
    ADIT_NFT_RENEWS_NOT,
} AditNftRenews;

struct _AditNftDev {
    AditNl *nl;
    const AditNftBlueprint *bp;
    guint64 sent;       /* transactions that were carried out, ever */
    guint64 counted;    /* .sent when the kernel's generation was looked at last */
    guint32 generation; /* of all nftables, then */
    AditNftRenews renews;
};

/* One transaction of ours. */
gboolean adit_nftdev_send(AditNftDev *dev, AditMsg *m, GError **error);

/* Calls @func for each of @elements as the kernel has it; NOT_FOUND: one is absent. A message
 * for each: so many answers are not too much for the socket at once. */
gboolean adit_nftdev_ask(AditNftDev *dev, const AditElement *const *elements, guint n,
                         AditNftElementFunc func, gpointer data, GError **error);

/* Whether @op gives an element more time and nothing else, and in place, as far as known. */
gboolean adit_nftdev_is_renewal(const AditNftDev *dev, const AditOp *op);
void adit_nftdev_put_renewals(AditMsg *m, const AditNftDev *dev, const AditOp *op, guint n);
/* Before any was sent: one of @op that is there and has clearly less time than it is to have,
 * or NULL; and after: whether the kernel did that is known from now on. */
gboolean adit_nftdev_find_telling(AditNftDev *dev, const AditOp *op, guint n,
                                  const AditOp **ret, GError **error);
gboolean adit_nftdev_see_renewal(AditNftDev *dev, const AditOp *telling, GError **error);

/* What changes an element makes it anew, and a new one has counted nothing: copies of those of
 * @op that are changed in sets that count, with what the kernel's have counted. By their
 * identity. NULL: @error. */
GHashTable *adit_nftdev_counted(AditNftDev *dev, const AditOp *op, guint n, GError **error);

/* The present element of the same identity as @key, or NULL. */
const AditElement *adit_nftdev_find(const AditState *state, const AditElement *key);
/* Appends the elements (AditElement) of all sets; of those that rules fill, or of the others.
 */
gboolean adit_nftdev_read_elements(AditNftDev *dev, gboolean dynamic, GArray *ret,
                                   GError **error);
