/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libadit/core/inet.h"

/* NAT-PMP, RFC 6886: version 0 of the same ports, IPv4 only, for servers and clients that know
 * nothing newer. */

#define ADIT_NATPMP_MAX 16 /* octets of the longest message */

typedef enum {
    ADIT_NATPMP_ADDRESS = 0,
    ADIT_NATPMP_MAP_UDP = 1,
    ADIT_NATPMP_MAP_TCP = 2,
} AditNatpmpOpcode;

typedef enum {
    ADIT_NATPMP_SUCCESS = 0,
    ADIT_NATPMP_UNSUPP_VERSION = 1,
    ADIT_NATPMP_NOT_AUTHORIZED = 2,
    ADIT_NATPMP_NETWORK_FAILURE = 3,
    ADIT_NATPMP_NO_RESOURCES = 4,
    ADIT_NATPMP_UNSUPP_OPCODE = 5,
    ADIT_NATPMP_SILENCE = 0x10000, /* not a wire code: such a packet gets no answer */
} AditNatpmpResult;

typedef struct {
    guint8 opcode;
    guint16 internal_port; /* 0 with lifetime 0: all of that protocol */
    guint16 external_port; /* suggested */
    guint32 lifetime;      /* 0: delete */
} AditNatpmpRequest;

typedef struct {
    guint8 opcode;  /* up to 127: an error may answer one we do not know */
    guint16 result; /* AditNatpmpResult, or a code that nobody knows */
    guint32 epoch;
    AditAddr external; /* of ADDRESS, also when it comes unasked as an announcement */
    guint16 internal_port;
    guint16 external_port;
    guint32 lifetime;
} AditNatpmpReply;

/* "NOT_AUTHORIZED"; "UNKNOWN" for a code nobody defined. */
const char *adit_natpmp_result_name(guint code);
/* What a NAT-PMP client is told when the server's own answer is AditPcpResult @code. */
AditNatpmpResult adit_natpmp_result_from_pcp(guint code);

/* Server. SUCCESS: @ret is filled. UNSUPP_VERSION and UNSUPP_OPCODE: only @ret->opcode is, to
 * answer with. SILENCE: neither. */
AditNatpmpResult adit_natpmp_request_decode(const guint8 *bytes, gsize len,
                                            AditNatpmpRequest *ret);
/* The octets written. */
gsize adit_natpmp_reply_encode(const AditNatpmpReply *reply, guint8 ret[ADIT_NATPMP_MAX]);

/* Client. */
gsize adit_natpmp_request_encode(const AditNatpmpRequest *request, guint8 ret[ADIT_NATPMP_MAX]);
gboolean adit_natpmp_reply_decode(const guint8 *bytes, gsize len, AditNatpmpReply *ret,
                                  GError **error);
/* Opcode, and internal port of a mapping. */
gboolean adit_natpmp_reply_answers(const AditNatpmpReply *reply,
                                   const AditNatpmpRequest *request);
