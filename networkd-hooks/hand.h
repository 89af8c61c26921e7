/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

/* What an admin has written by hand for systemd-networkd, as a profile: a .netdev with its
 * drop-ins, and the .network of its link. Pure: files come as text. What is no business of a
 * tunnel is passed over, as networkd has many keys. */

/* The link that a .netdev makes, if it is of WireGuard; NULL: it is not, or cannot be read. */
char *adit_networkd_hand_link(const char *text);
/* Whether a .network says by its name that it is of a link. */
gboolean adit_networkd_hand_is_of(const char *text, const char *link);
/* Whether it is of lo: by its name, a pattern, or its type. */
gboolean adit_networkd_hand_is_of_lo(const char *text);

/* The key in a file that PrivateKeyFile= or PresharedKeyFile= names; NULL: @error. */
typedef char *(*AditNetworkdKeyFile)(const char *path, gpointer data, GError **error);
/* @name: of the .netdev, for messages. @network NULL: there is none. CONFIG for what adit
 * cannot take over by drop-ins: RouteTable=, a key of systemd's credentials. */
AditProfile *adit_networkd_hand_read(const char *name, const char *netdev, const char *network,
                                     AditNetworkdKeyFile key_file, gpointer data,
                                     GError **error);
