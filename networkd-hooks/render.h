/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

/* A gateway as files of systemd-networkd: its link in a .netdev, its addresses and routes in a
 * .network, each key in a file of its own, so that the first two may be shown to anybody. All
 * of them are to be mode 0640 and of group systemd-network, as which networkd reads them. */

#define ADIT_NETWORKD_FOLDER "/etc/systemd/network"
#define ADIT_NETWORKD_DROP_IN "90-adit.conf"
#define ADIT_NETWORKD_FIRST "00-adit-"
#define ADIT_NETWORKD_GROUP "systemd-network"

typedef struct {
    const char *link; /* the interface, and the NAME of 60-adit-NAME.* */
    guint slot;
    gboolean selected[2]; /* the default outbound of IPv4, IPv6 */
    const AditProfile *profile;
} AditNetworkdGateway;

typedef struct {
    char *name; /* below ADIT_NETWORKD_FOLDER */
    char *text;
    gboolean secret;
} AditNetworkdFile;

/* Array of AditNetworkdFile, keys first: what names a file comes behind it. CONFIG for a slot
 * or an interface name that cannot be written there. */
GPtrArray *adit_networkd_render(const AditNetworkdGateway *gateway, GError **error);
/* Beside files that somebody else wrote: a drop-in of the .netdev, and a .network that comes
 * before theirs. @netdev: its name, as in "25-wg.netdev". @up FALSE: the link stays down. */
GPtrArray *adit_networkd_render_adopted(const AditNetworkdGateway *gateway, const char *netdev,
                                        gboolean up, GError **error);
char *adit_networkd_adopted_network(const char *link); /* the name of that .network */
/* The first line of each, by which it is found again. */
char *adit_networkd_adopted_head(const char *link);
