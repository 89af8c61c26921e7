/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/pcp-announce.h"
#include "tunnel-server/pcp-site.h"

/* Telling devices that something about themselves is other than it was, until they have asked
 * what, or the rounds of pcp-announce.h are over (then they come by themselves, in time). Pure.
 */

typedef struct _AditPcpNotice AditPcpNotice;

AditPcpNotice *adit_pcp_notice_new(void);
/* Whoever hears another answer from @after than from @before, or may publish now, is to be
 * told, beside those who have not asked yet. TRUE: somebody is. */
gboolean adit_pcp_notice_compare(AditPcpNotice *notice, const AditPcpSite *before,
                                 const AditPcpSite *after, gint64 now_ms);
/* It has asked. */
void adit_pcp_notice_heard(AditPcpNotice *notice, const AditAddr *peer);
/* As of AditPcpAnnounce. */
AditPcpAnnounce *adit_pcp_notice_pace(AditPcpNotice *notice);
void adit_pcp_notice_free(AditPcpNotice *notice);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpNotice, adit_pcp_notice_free)
