/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* Routes and rules of whoever made them, as far as a policy has to know them. Never written. */

#define ADIT_SEEN_HOPS_MAX 8

typedef struct {
    AditPrefix dst;
    guint32 table;
    guint8 protocol;
    guint32 ifindex[ADIT_SEEN_HOPS_MAX]; /* of each next hop; those beyond are left out */
    guint n_hops;
} AditSeenRoute;

typedef struct {
    guint8 family;
    guint8 protocol;
    guint32 priority;
    guint32 table;
    guint32 mark, mask;
    gboolean inverted;
    gboolean selective; /* by source, destination, link or something we do not know */
} AditSeenRule;

/* Routes of one table. */
void adit_seen_route_put_dump(AditMsg *m, guint8 family, guint32 table);
/* FALSE: malformed, or a route that leads nowhere. */
gboolean adit_seen_route_get(const struct nlmsghdr *nlh, AditSeenRoute *ret);
/* FALSE: malformed, or a rule that looks nothing up. */
gboolean adit_seen_rule_get(const struct nlmsghdr *nlh, AditSeenRule *ret);
