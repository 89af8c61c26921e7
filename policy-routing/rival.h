/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/sys/nl.h"

/* Somebody else's rule that takes all traffic before a selected gateway could: a Tailscale exit
 * node (5270, table 52) above all. */
typedef struct {
    guint8 family;
    guint32 priority;
    guint32 table;
    char link[ADIT_NAME_LEN]; /* where its default route leads */
} AditRival;

/* Looks between our rules at 1755 and 20060 for one that matches unmarked traffic and whose
 * table has a default route. *@ret_found FALSE: there is none. */
gboolean adit_rival_find(AditNl *nl, guint8 family, AditRival *ret, gboolean *ret_found,
                         GError **error);
/* A sentence on one that stands before a rule of ours: of the gateways' own, and of the
 * selection where it is in use. NULL: there is none. */
char *adit_rival_describe(const gboolean selected[2]);
/* FALSE and ADIT_ERROR_DENIED, naming it, if @families has one. */
gboolean adit_rival_check(const char *gateway, const gboolean families[2], GError **error);
