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
/* What is to become of it: one message. */
typedef void (*AditFlowPut)(AditMsg *m, const AditFlow *flow, gpointer data);
/* One dump, then a message about each flow that is meant; one that has ended by itself is no
 * error, and what fails keeps none of the others. @ret_n (may be NULL): how many were found. */
gboolean adit_conntrack_change(AditNl *nl, const AditFlowFilter *filter, AditFlowFunc func,
                               AditFlowPut put, gpointer data, guint *ret_n, GError **error);
