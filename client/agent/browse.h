/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/agent/notice.h"
#include "client/agent/seen.h"

/* What there is, one page at a time, for somebody who starts adit from the menu: gateways,
 * publications, services that could be published, and whether to ask about those. Pure. */

typedef struct {
    gboolean can_copy;
    gboolean quiet; /* no questions are asked */
} AditBrowseWish;

/* The page of @number, which starts again behind the last one. */
AditNotice *adit_browse_page(const AditSeen *seen, const AditBrowseWish *wish, guint number);
/* In its place: whether the gateway of @name shall be removed. */
AditNotice *adit_browse_drop(const char *name);
