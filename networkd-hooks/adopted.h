/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "networkd-hooks/render.h"

#include <sys/types.h>

/* Links whose files somebody else wrote: found, read, and led by files beside theirs. */

typedef struct {
    char *path;             /* of the .netdev; the gateway's id */
    char *netdev, *network; /* their names */
    char *link;
    AditProfile *profile;
} AditNetworkdHand;

/* @folders: where networkd looks, the first that has a name wins; ends with NULL. @word: the
 * link, or the path or name of its .netdev. NOT_FOUND, or CONFIG with the line that is in the
 * way. A link without a .network is CONFIG: networkd does not configure it. */
AditNetworkdHand *adit_networkd_hand_find(const char *const *folders, const char *word,
                                          GError **error);
void adit_networkd_hand_free(AditNetworkdHand *hand);
/* The name of the .network that somebody else wrote for lo; NULL: there is none. */
char *adit_networkd_hand_find_lo(const char *const *folders);
/* Ours go into @folder, wherever theirs lie. */
gboolean adit_networkd_adopted_write(const char *folder, const AditNetworkdHand *hand,
                                     const AditNetworkdGateway *gateway, gboolean up,
                                     gid_t group, GError **error);
/* Whatever has become of the files. */
gboolean adit_networkd_adopted_remove(const char *folder, const char *link, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNetworkdHand, adit_networkd_hand_free)
