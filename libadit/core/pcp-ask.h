/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/key.h"
#include "libadit/core/pcp.h"

/* What a device and its tunnel server say to each other beside ports: a private-use opcode of
 * PCP (RFC 6887 section 19.3), so that socket, rate and identity (the source address) are those
 * of PCP. Every message has the same length, so that no answer is longer than its question. */

#define ADIT_PCP_ASK_LEN 160 /* octets of every message */

typedef enum {
    ADIT_ASK_NOTICE = 0,  /* of a server, unasked: something is other than it was, so ask */
    ADIT_ASK_ADDRESS = 1, /* what am I here? */
    ADIT_ASK_ROTATE = 2,  /* a new public key; the present one: the offer is taken back */
    ADIT_ASK_PORT = 3,    /* what becomes of visitors of a port of mine? */
} AditAskKind;
#define ADIT_ASK_LAST ADIT_ASK_PORT

typedef struct {
    guint8 nonce[ADIT_PCP_NONCE];
    AditAskKind kind; /* a server never reads NOTICE */
    AditAddr client;
    AditKey key;   /* ROTATE: public */
    guint8 proto;  /* PORT: IPPROTO_TCP or IPPROTO_UDP */
    guint8 family; /* PORT: AF_INET or AF_INET6 */
    guint16 port;  /* PORT: of the device itself */
} AditAsk;

/* What the server knows of who asks. */
typedef struct {
    AditAddr addr4, addr6; /* the device's; addr6 unset: it has none */
    AditAddr server4, server6;
    AditPrefix net6;  /* that addr6 is of */
    AditPrefix old6;  /* len 0: none; the network of before, as long as it is served, too */
    guint32 old_left; /* seconds */
    AditKey key;      /* the public key that is in force */
    gboolean rotate;  /* the device shall make itself another */
} AditAskSite;

typedef enum {
    ADIT_ASK_PORT_NONE = 0, /* nothing leads there */
    ADIT_ASK_PORT_OPEN = 1,
    ADIT_ASK_PORT_OFF = 2,    /* by the operator's word */
    ADIT_ASK_PORT_DENIED = 3, /* nothing, and the device may not publish */
} AditAskPortState;

#define ADIT_ASK_DROP_LEN 64

/* What the server knows of a port. */
typedef struct {
    AditAskPortState state;
    guint8 proto;                    /* stays here, like the address of the next */
    AditSockAddr external;           /* port 0: none */
    guint64 packets_in, packets_out; /* of visitors, and of the answers, so far */
    char drop[ADIT_ASK_DROP_LEN];    /* who else drops it there, in words; "": nobody known */
} AditAskPort;

typedef struct {
    guint8 nonce[ADIT_PCP_NONCE];
    AditAskKind kind;
    guint8 result; /* AditPcpResult; other than SUCCESS: nothing is below */
    /* SUCCESS: ADDRESS: when to ask again; ROTATE: how long the offer stands. Seconds. */
    guint32 lifetime;
    guint32 epoch;
    AditAskSite site; /* ADDRESS */
    AditKey key;      /* ROTATE: the one that was offered */
    AditAskPort port; /* PORT */
} AditAskReply;

gboolean adit_ask_site_equal(const AditAskSite *a, const AditAskSite *b);
/* Whether it is for the functions below and not for those of pcp.h. */
gboolean adit_ask_is_one(const guint8 *bytes, gsize len);

/* Server. As adit_pcp_request_decode(). */
AditPcpResult adit_ask_decode(const guint8 *bytes, gsize len, const AditAddr *source,
                              AditAsk *ret);
gsize adit_ask_reply_encode(const AditAskReply *reply, guint8 ret[ADIT_PCP_MAX]);

/* Client. */
gsize adit_ask_encode(const AditAsk *ask, guint8 ret[ADIT_PCP_MAX]);
/* Form only. An error that was answered to something longer or shorter is read, too. */
gboolean adit_ask_reply_decode(const guint8 *bytes, gsize len, AditAskReply *ret,
                               GError **error);
gboolean adit_ask_reply_answers(const AditAskReply *reply, const AditAsk *ask);
