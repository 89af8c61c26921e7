/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pcp-client/mapping.h"

/* All mappings asked of one server, in one family: what they share is the server's address,
 * its epoch, the dialect it speaks, and one rate. Pure like the mappings: bytes and times come
 * in, packets, news and a deadline go out. @dice: uniform over 32 bits, a new one each call. */

#define ADIT_POOL_BURST 64  /* requests at once, */
#define ADIT_POOL_GAP_MS 25 /* and one per gap after that */
#define ADIT_POOL_SILENCE_MS 180000
#define ADIT_POOL_ANNOUNCE_TRIES 3
#define ADIT_POOL_DEAF_TRIES 3

typedef struct _AditPool AditPool;

typedef struct {
    gint64 now;
    guint32 dice;
    AditSockAddr from;
    const guint8 *bytes;
    gsize len;
    gboolean notice; /* came to the port of notices, not to that of our requests */
} AditPoolMessage;

typedef struct {
    AditMapping *mapping; /* of the pool */
    AditMappingNews what;
    AditMappingReason reason;
    guint error; /* AditPcpResult, with reason ERROR */
    AditGrant grant;
} AditPoolNews;

typedef struct {
    guint64 sent;
    guint64 answers;
    guint64 notices;
    guint64 losses; /* of the server's state */
    guint64
        stirs; /* notices of our own servers that something else has changed (ADIT_PCP_ASK) */
    /* Ignored, before they could touch anything. */
    guint64 strangers; /* another address or port than the server's */
    guint64 malformed;
    guint64 unasked; /* opcode, nonce or ports of nothing that we wait for */
} AditPoolCounts;

AditPool *adit_pool_new(const AditAddr *server, const AditAddr *client);
void adit_pool_free(AditPool *pool);
/* Idle until started. Owned by the pool. */
AditMapping *adit_pool_add(AditPool *pool, const AditWish *wish, const AditPcpOptions *options,
                           const guint8 nonce[ADIT_PCP_NONCE]);
/* Forgotten at once, whatever the server holds; its unread news too. */
void adit_pool_remove(AditPool *pool, AditMapping *mapping);
guint adit_pool_count(const AditPool *pool);
AditMapping *adit_pool_get(const AditPool *pool, guint i);
const AditAddr *adit_pool_get_client(const AditPool *pool);
AditDialect adit_pool_get_dialect(const AditPool *pool);
const AditPoolCounts *adit_pool_get_counts(const AditPool *pool);

/* @nonce: for one that was stopped, a fresh one; else NULL. */
void adit_pool_start(AditPool *pool, AditMapping *mapping, gint64 now, const guint8 *nonce);
/* While we have no address the server cannot be told: DELETED comes at once. */
void adit_pool_stop(AditPool *pool, AditMapping *mapping, gint64 now);
/* Renews one that is held now, instead of when it is due: something may have touched it. */
void adit_pool_renew(AditPool *pool, AditMapping *mapping, gint64 now);
/* Our own address is another now; unset: there is none, and nothing is sent. */
void adit_pool_move(AditPool *pool, const AditAddr *client, gint64 now, guint32 dice);
/* Nothing is held, and a request was sent ADIT_POOL_DEAF_TRIES times unanswered: if there is
 * another server, it is its turn (RFC 7488 section 4). */
gboolean adit_pool_is_deaf(const AditPool *pool, gint64 now);
/* Asks @server from now on, and knows nothing of it: neither epoch nor dialect. */
void adit_pool_turn(AditPool *pool, const AditAddr *server, gint64 now, guint32 dice);
/* The tunnel has shaken hands. After a silence the server may have restarted without our
 * hearing of it: ask. */
void adit_pool_handshake(AditPool *pool, gint64 now);
/* The way to the server was gone and is open again: what waits for an answer asks at once. */
void adit_pool_wake(AditPool *pool, gint64 now);
void adit_pool_receive(AditPool *pool, const AditPoolMessage *message);

/* When to call dispatch next; ADIT_NEVER. */
gint64 adit_pool_deadline(const AditPool *pool);
void adit_pool_dispatch(AditPool *pool, gint64 now, guint32 dice);
/* The length of the next packet for the server's port 5351; 0: none. */
gsize adit_pool_pop_packet(AditPool *pool, guint8 ret[ADIT_PCP_MAX]);
gboolean adit_pool_pop_news(AditPool *pool, AditPoolNews *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPool, adit_pool_free)
