/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* ADD makes a WireGuard link and takes no @ifindex; CHANGE and DELETE go by @ifindex. */
void adit_link_put(AditMsg *m, AditOpVerb verb, const AditLink *link, guint32 ifindex);
void adit_link_put_dump(AditMsg *m);
/* Any link, whoever's. @ret_kind: "wireguard", "veth", ...; "" for hardware. */
gboolean adit_link_get(const struct nlmsghdr *nlh, AditLink *ret, guint32 *ret_ifindex,
                       char ret_kind[ADIT_NAME_LEN]);
