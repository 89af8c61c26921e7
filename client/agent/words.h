/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/agent/notice.h"
#include "client/agent/seen.h"
#include "libadit/core/profile.h"

/* What notices say, in the user's language. Nothing here decides when. */

/* And a connection's name: what an answer is remembered by. */
#define ADIT_WORDS_OFFER "offer:"

AditNotice *adit_words_gateway(const AditSeenGateway *gateway);
/* NULL: there is none. */
AditNotice *adit_words_trouble(const AditSeenGateway *gateway);
/* What is wrong in spite of its tunnel, with the remedy; NULL: nothing. */
AditNotice *adit_words_problem(const AditSeenGateway *gateway);
/* @can_copy: the addresses can be put on the clipboard. */
AditNotice *adit_words_published(const AditSeenGroup *group, gboolean can_copy);
AditNotice *adit_words_lost(const AditSeenGroup *group);
AditNotice *adit_words_refused(const AditSeenGroup *group);
AditNotice *adit_words_question(const AditSeenService *service);
/* Of a connection that could become a gateway, by its name. */
AditNotice *adit_words_offer(const char *title, const char *key);
/* @number: of the file, for its deeds; @name: what the gateway would be called. */
AditNotice *adit_words_import(guint number, const char *name, const AditProfile *profile);
/* @what: has failed, as a short sentence; @why: an error's. */
AditNotice *adit_words_failed(const char *what, const char *why);
/* A sentence of the daemons' in the user's language, if it is one that we know. */
const char *adit_words_translate(const char *sentence);
/* "web (443/tcp)" */
char *adit_words_name(const AditSeenReach *reach);
/* Where visitors come, one a line; "" if nowhere. */
char *adit_words_addresses(const AditSeenGroup *group);
/* Actions of copying, for each address; none on a desktop where we cannot. */
void adit_words_add_copies(AditNotice *notice, const AditSeenGroup *group);
