/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libadit/core/pcp-option.h"

/* The Port Control Protocol, RFC 6887, both directions, as values: a message becomes a struct,
 * a reply is built afresh from a struct and never in the buffer of the request. No policy is in
 * here, only what the form of a message decides. */

#define ADIT_PCP_VERSION 2
#define ADIT_PCP_SERVER_PORT 5351
#define ADIT_PCP_CLIENT_PORT 5350 /* where unsolicited notices arrive */
#define ADIT_PCP_HEADER 24        /* octets, of requests and replies alike */
#define ADIT_PCP_NONCE 12
#define ADIT_PCP_ASK 112 /* a private-use opcode of our own servers: pcp-ask.h */

typedef enum {
    ADIT_PCP_ANNOUNCE = 0,
    ADIT_PCP_MAP = 1,
    ADIT_PCP_PEER = 2,
} AditPcpOpcode;

/* The body of MAP and PEER. External is what a request suggests and a reply assigns; an
 * unspecified address of either family means no preference. */
typedef struct {
    guint8 nonce[ADIT_PCP_NONCE];
    guint8 protocol; /* IPPROTO_*; 0: all */
    guint16 internal_port;
    guint16 external_port;
    AditAddr external;
    guint16 remote_port; /* PEER only, like the address */
    AditAddr remote;
} AditPcpBody;

typedef struct {
    guint8 opcode;
    guint32 lifetime; /* seconds; 0: delete */
    AditAddr client;
    AditPcpBody body; /* zero in ANNOUNCE */
    AditPcpOptions options;
} AditPcpRequest;

typedef struct {
    guint8 version; /* not 2: the one offered by an UNSUPP_VERSION, without a body */
    guint8 opcode;
    guint8 result; /* AditPcpResult, or a code that nobody knows */
    guint32 lifetime;
    guint32 epoch;
    AditPcpBody body;
    AditPcpOptions options; /* of a SUCCESS only: errors carry back whatever was sent */
} AditPcpReply;

/* What a server has to offer; the rest of what we can read is unknown to it. */
typedef struct {
    guint32 opcodes; /* 1 << AditPcpOpcode, of several */
    guint32 options; /* AditPcpHas */
} AditPcpOffer;

/* An error for a request that could not be decoded. */
typedef struct {
    guint8 result;
    guint32 lifetime;
    guint32 epoch;
} AditPcpFailure;

extern const AditPcpOffer adit_pcp_offer_all;

/* Server. SUCCESS: @ret is filled. SILENCE: not a request. Else the error to answer with.
 * @source: where the packet came from. */
AditPcpResult adit_pcp_request_decode(const guint8 *bytes, gsize len, const AditAddr *source,
                                      const AditPcpOffer *offer, AditPcpRequest *ret);
/* The answer to a request that did not decode. The octets written. */
gsize adit_pcp_failure_encode(const guint8 *request, gsize len, const AditPcpFailure *failure,
                              guint8 ret[ADIT_PCP_MAX]);
/* The reply to @request so far: its opcode and body, no options, everything else 0. */
void adit_pcp_reply_init(const AditPcpRequest *request, AditPcpReply *ret);
/* The octets written; 0: the options do not fit. */
gsize adit_pcp_reply_encode(const AditPcpReply *reply, guint8 ret[ADIT_PCP_MAX]);

/* Client. The octets written; 0: the options do not fit. */
gsize adit_pcp_request_encode(const AditPcpRequest *request, guint8 ret[ADIT_PCP_MAX]);
/* Form only. Whether it answers anything that was asked is for adit_pcp_reply_answers(). */
gboolean adit_pcp_reply_decode(const guint8 *bytes, gsize len, AditPcpReply *ret,
                               GError **error);
/* Opcode, nonce, protocol and internal port (in PEER the remote end too) are those of
 * @request. An UNSUPP_VERSION of another version carries nothing but the opcode to compare. */
gboolean adit_pcp_reply_answers(const AditPcpReply *reply, const AditPcpRequest *request);
