/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libadit/core/pcp.h"

/* The same questions and answers in PCP or, for old servers, in NAT-PMP: whoever asks knows
 * only the words of PCP. An address request stands for ANNOUNCE in NAT-PMP, and a mapping there
 * has no nonce, no address and no options. */

typedef enum {
    ADIT_DIALECT_PCP,
    ADIT_DIALECT_NATPMP, /* IPv4 only, TCP and UDP only */
} AditDialect;

const char *adit_dialect_name(AditDialect dialect);
gboolean adit_dialect_has(AditDialect dialect, guint8 protocol);
/* The octets written. @request's options must fit (adit_pcp_request_encode). */
gsize adit_dialect_put(AditDialect dialect, const AditPcpRequest *request,
                       guint8 ret[ADIT_PCP_MAX]);
/* Form only. The version of @ret tells in which dialect the server spoke: it need not be ours,
 * when it is a refusal of our version or a notice of a server that learned a newer one. */
gboolean adit_dialect_get(AditDialect dialect, const guint8 *bytes, gsize len,
                          AditPcpReply *ret, GError **error);
