/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/pcp-answer.h"

/* Ports that devices asked for and could not have, for the operator: who holds them, and what
 * else the device can do. The last few; pure. */

typedef struct _AditPcpRefusals AditPcpRefusals;

AditPcpRefusals *adit_pcp_refusals_new(void);
/* The sentence about it; NULL: it was said in the last hour. */
char *adit_pcp_refusals_note(AditPcpRefusals *refusals, const AditPcpHost *host,
                             const AditPcpRefusal *refusal, gint64 now_ms);
/* Appends the sentences of the last hour to @ret (strings). */
void adit_pcp_refusals_list(const AditPcpRefusals *refusals, gint64 now_ms, GPtrArray *ret);
void adit_pcp_refusals_free(AditPcpRefusals *refusals);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpRefusals, adit_pcp_refusals_free)
