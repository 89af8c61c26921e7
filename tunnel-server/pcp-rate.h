/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* How much a device may ask: a bucket of tokens each. Nobody's flood costs another an answer.
 */

typedef struct _AditPcpRate AditPcpRate;

AditPcpRate *adit_pcp_rate_new(void);
/* TRUE: one request more of @device is within @rate a second, or @burst at once. */
gboolean adit_pcp_rate_take(AditPcpRate *rate, gint64 device, gint64 now_ms, guint per_second,
                            guint burst);
/* All buckets are full again: after a change of devices or settings. */
void adit_pcp_rate_forget(AditPcpRate *rate);
void adit_pcp_rate_free(AditPcpRate *rate);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPcpRate, adit_pcp_rate_free)
