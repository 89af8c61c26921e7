/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nl.h"
#include "libadit/wire/ctnl.h"

/* The flows of this network namespace. @nl is a NETLINK_NETFILTER socket. */

/* Whether the flow is meant; NULL: all are that match the filter. */
typedef gboolean (*AditFlowFunc)(const AditFlow *flow, gpointer data);

/* Array of AditFlow. */
GArray *adit_conntrack_list(AditNl *nl, const AditFlowFilter *filter, AditFlowFunc func,
                            gpointer data, GError **error);
/* One dump, then the deletion of each flow that is meant; one that has ended by itself is no
 * error. @ret_deleted (may be NULL): how many were found. */
gboolean adit_conntrack_delete(AditNl *nl, const AditFlowFilter *filter, AditFlowFunc func,
                               gpointer data, guint *ret_deleted, GError **error);
