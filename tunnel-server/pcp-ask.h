/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/pcp-answer.h"

/* What a device asks beside ports (libadit/core/pcp-ask.h). Pure. */

/* How often a device comes back by itself: what no notice told it, it knows by then. */
#define ADIT_ASK_AGAIN_S 900

/* The reply to @ask, as far as it needs nothing done. TRUE: what is asked for is a change of
 * the model, or to be seen in the kernel, and @ret is to be completed by who does that. */
gboolean adit_pcp_ask_answer(const AditPcpDesk *desk, const AditPcpHost *host,
                             const AditAsk *ask, AditAskReply *ret);
