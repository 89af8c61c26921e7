/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nftdev.h"

/* Shared by nftdev.c and nftdev-reconcile.c. */

struct _AditNftDev {
    AditNl *nl;
    const AditNftBlueprint *bp;
    guint64 sent;       /* transactions that were carried out, ever */
    guint64 counted;    /* .sent when the kernel's generation was looked at last */
    guint32 generation; /* of all nftables, then */
};

/* One transaction of ours. */
gboolean adit_nftdev_send(AditNftDev *dev, AditMsg *m, GError **error);

/* What changes an element makes it anew, and a new one has counted nothing: copies of those
 * that
 * @op changes in sets that count, with what the kernel's have counted. By their identity. NULL:
 * @error. */
GHashTable *adit_nftdev_counted(AditNftDev *dev, const AditOp *op, guint n, GError **error);

/* The present element of the same identity as @key, or NULL. */
const AditElement *adit_nftdev_find(const AditState *state, const AditElement *key);
/* Appends the elements (AditElement) of all sets; of those that rules fill, or of the others.
 */
gboolean adit_nftdev_read_elements(AditNftDev *dev, gboolean dynamic, GArray *ret,
                                   GError **error);
