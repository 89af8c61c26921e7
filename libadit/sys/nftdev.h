/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/diff.h"
#include "libadit/sys/nl.h"
#include "libadit/wire/nft-element.h"

/* Our nftables table in this network namespace: its structure is the blueprint's, its elements
 * are objects of ADIT_KIND_ELEMENT. What is done at once is one transaction: no packet sees a
 * half of it. */

typedef struct _AditNftDev AditNftDev;

typedef struct {
    gboolean rebuilt;              /* the structure was missing or another's, and replaced */
    guint added, changed, deleted; /* elements */
} AditNftResult;

/* @bp is borrowed and outlives the device. */
AditNftDev *adit_nftdev_open(const AditNftBlueprint *bp, GError **error);
/* Another structure for the table, of the same name: in force with the next reconcile. */
void adit_nftdev_set_blueprint(AditNftDev *dev, const AditNftBlueprint *bp);
/* Elements of all sets that rules do not fill; with their counters and remaining times.
 * @ret_intact: the structure is the blueprint's; if not, @ret gets what fits it all the same.
 */
gboolean adit_nftdev_dump(AditNftDev *dev, AditState *ret, gboolean *ret_intact,
                          GError **error);
/* Each element of one set, as it is now. While somebody changes the set, some may come twice
 * and some not at all. */
gboolean adit_nftdev_foreach(AditNftDev *dev, const char *set, AditNftElementFunc func,
                             gpointer data, GError **error);
/* Dump, diff, apply: the elements become those of @want; its other kinds are left alone. A
 * foreign or missing structure is replaced in the same transaction; elements that stay keep
 * their counters and remaining times. Sends nothing when all is so already. @ret may be NULL.
 */
gboolean adit_nftdev_reconcile(AditNftDev *dev, const AditState *want, AditNftResult *ret,
                               GError **error);
/* Carries out @n operations on elements, in one transaction. If the kernel finds one of them
 * stale (a lease ran out meanwhile), all are looked at again and resent, and in the end sent
 * one by one: @ret_lost (@n of them, may be NULL) says which failed then. */
gboolean adit_nftdev_apply(AditNftDev *dev, const AditOp *op, guint n, gboolean *ret_lost,
                           GError **error);
guint64 adit_nftdev_sent(const AditNftDev *dev); /* transactions, ever */
/* Whether all that happened to nftables since this was asked last was ours. Costs microseconds;
 * FALSE the first time. */
gboolean adit_nftdev_was_alone(AditNftDev *dev);
/* The socket it speaks by, for adit_watch_ignore(). */
const AditNl *adit_nftdev_socket(const AditNftDev *dev);
gboolean adit_nftdev_remove(AditNftDev *dev, GError **error); /* the whole table */
void adit_nftdev_close(AditNftDev *dev);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNftDev, adit_nftdev_close)
