/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pcp-client/pool.h"
#include "pcp-client/saved.h"

/* The state file of a pool: read once, then written when something is worth it. A nonce is on
 * the disk before the server hears it; a grant, which is only what to suggest next time, within
 * a second; a renewal at some later occasion, so that a thousand of them do not wear out a
 * memory card, nor wake anybody. */

#define ADIT_RECORD_SOON_MS 1000
#define ADIT_RECORD_LATER_MS 1800000

typedef struct _AditRecord AditRecord;

/* What of it cannot be used is reported and left out. @path: NULL, nothing is kept. */
AditRecord *adit_record_open(const char *path, const AditAddr *server);
/* What was left for this wish, into @ret, and no longer unclaimed. */
gboolean adit_record_claim(AditRecord *record, const AditWish *wish, AditSavedMapping *ret);
/* The next unclaimed one, into @ret, likewise; @withdrawn: of those that were left. One whose
 * lease has ended is forgotten on the way. */
gboolean adit_record_claim_next(AditRecord *record, gboolean withdrawn, AditSavedMapping *ret);
/* Makes one unclaimed: the server still has to be told that it is wanted no more. */
void adit_record_leave(AditRecord *record, const AditMapping *mapping, gint64 now);
guint adit_record_count(const AditRecord *record); /* unclaimed */
/* A nonce was thrown, or a mapping left: to be written before the next packet. */
void adit_record_touch(AditRecord *record);
void adit_record_note(AditRecord *record, AditMappingNews what, gint64 now);
/* There will be no better occasion for what would be written some time. */
void adit_record_hurry(AditRecord *record);
gint64 adit_record_deadline(const AditRecord *record);
/* Writes if that is due: what the pool holds and what is unclaimed; no file when that is
 * nothing. */
void adit_record_write(AditRecord *record, const AditPool *pool, gint64 now);
void adit_record_free(AditRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditRecord, adit_record_free)
