/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/pcp-announce.h"
#include "tunnel-server/pcp-site.h"

/* Telling devices that something about themselves is other than it was, until they have asked
 * what, or the rounds of pcp-announce.h are over (then they come by themselves, in time). Pure.
 *
 * Only a question that is new since the device was told proves that it will know: one from
 * before that comes again (a device repeats it, with its nonce, until it is answered) may have
 * been answered before the change, and the second answer finds nobody who waits. A new one is
 * asked until an answer arrives, and every answer to it is from after the change. */

#define ADIT_PCP_NOTICE_NONCES 4 /* of a device, the last ones: more are never out at once */

typedef struct _AditPcpNotice AditPcpNotice;

AditPcpNotice *adit_pcp_notice_new(void);
/* Whoever hears another answer from @after than from @before, or may publish now, is to be
 * told, beside those who have not asked yet. TRUE: somebody is. */
gboolean adit_pcp_notice_compare(AditPcpNotice *notice, const AditPcpSite *before,
                                 const AditPcpSite *after, gint64 now_ms);
/* @peer has asked what it is here, by @nonce. */
void adit_pcp_notice_asked(AditPcpNotice *notice, const AditAddr *peer,
                           const guint8 nonce[ADIT_PCP_NONCE]);
/* @peer, which asks nothing beside ports at this address, has asked for one. */
void adit_pcp_notice_heard(AditPcpNotice *notice, const AditAddr *peer);
/* At most @max targets to send to now; how many. They are told by that. */
guint adit_pcp_notice_next(AditPcpNotice *notice, gint64 now_ms, AditPcpTarget *ret, guint max);
/* When to ask for the next ones; G_MAXINT64: all is said. */
gint64 adit_pcp_notice_deadline(const AditPcpNotice *notice);
void adit_pcp_notice_free(AditPcpNotice *notice);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpNotice, adit_pcp_notice_free)
