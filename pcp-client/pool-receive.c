/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/pool-private.h"

#include "libadit/core/pcp-time.h"

#include <string.h>
#include <sys/socket.h>

/* What comes in passes four gates before it may change anything: the server's address and port,
 * the form, something that waits for just this answer, and the epoch. The order is the defence:
 * a forged packet that fails at one gate has not touched what lies behind it.
 *
 * An answer out of step with the epoch tells that the server lost its state, and nothing else:
 * it may be a late one from before the loss, so that even the grant it carries is asked for
 * again. A server whose epoch never makes sense is asked ever more rarely. */

#define STORM_MS 10000 /* losses within that of one another: one storm */
#define STORM_FREE 3   /* late packets can make that many of one loss */
#define LONG_MS (ADIT_PCP_ERROR_LONG * G_GINT64_CONSTANT(1000))

/* How long all of them leave a server alone that lost its state once again. */
static guint32
storm(AditPool *pool, gint64 now, guint32 dice)
{
    gboolean again = pool->lost_at != ADIT_NEVER &&
                     now - pool->lost_at < STORM_MS + 2 * (gint64)pool->storm_ms;

    pool->lost_at = now;
    pool->storm_losses = again ? pool->storm_losses + 1 : 1;
    if (pool->storm_losses <= STORM_FREE)
        pool->storm_ms = 0;
    else if (pool->storm_ms == 0)
        pool->storm_ms = adit_pcp_retry_first_ms(dice);
    else
        pool->storm_ms = adit_pcp_retry_next_ms(pool->storm_ms, dice);
    return pool->storm_ms;
}

/* C5 and C6. FALSE: out of step, and everything is asked for again. */
static gboolean
check_epoch(AditPool *pool, const AditPoolMessage *message, guint32 epoch)
{
    gint64 seconds = message->now / 1000;
    gboolean valid =
        !pool->heard || adit_pcp_epoch_valid(pool->epoch, pool->epoch_at, epoch, seconds);
    AditMappingEvent event = { .now = message->now,
                               .dice = message->dice,
                               .reason = ADIT_MAPPING_RESTARTED };

    pool->heard = TRUE;
    pool->epoch = epoch;
    pool->epoch_at = seconds;
    pool->alive_at = message->now;
    if (valid)
        return TRUE;

    pool->counts.losses++;
    event.pause = storm(pool, message->now, message->dice);
    g_debug("pcp: epoch %u: the server lost its state", epoch);
    adit_pool_reset_all(pool, &event, message->notice);
    return FALSE;
}

static gboolean
is_about(const AditPool *pool, const AditMapping *mapping, const AditPcpReply *reply)
{
    if (reply->body.protocol != mapping->wish.protocol ||
        reply->body.internal_port != mapping->wish.internal_port)
        return FALSE;
    return pool->dialect == ADIT_DIALECT_NATPMP ||
           memcmp(reply->body.nonce, mapping->nonce, ADIT_PCP_NONCE) == 0;
}

/* What a notice can be about: what we hold, and what was refused and may be had again. */
static gboolean
may_be_told(const AditMapping *mapping)
{
    return adit_mapping_is_held(mapping) || mapping->state == ADIT_MAPPING_REFUSED;
}

static AditMapping *
find(const AditPool *pool, const AditPcpReply *reply, gboolean notice)
{
    for (guint i = 0; i < pool->mappings->len; i++) {
        AditMapping *mapping = adit_pool_get(pool, i);

        if (is_about(pool, mapping, reply) &&
            (notice ? may_be_told(mapping) : adit_mapping_expects(mapping)))
            return mapping;
    }
    return NULL;
}

static void
receive_mapping(AditPool *pool, const AditPoolMessage *message, AditPcpReply *reply)
{
    AditMapping *mapping = find(pool, reply, message->notice);
    AditMappingEvent event = { .type = ADIT_MAPPING_REPLY,
                               .now = message->now,
                               .dice = message->dice,
                               .reply = reply,
                               .notice = message->notice };

    if (!mapping) {
        pool->counts.unasked++;
        return;
    }
    if (message->notice)
        pool->counts.notices++;
    else
        pool->counts.answers++;
    if (!check_epoch(pool, message, reply->epoch))
        return;
    if (pool->dialect == ADIT_DIALECT_NATPMP)
        reply->body.external = pool->external;
    adit_pool_step(pool, mapping, &event);
}

/* An epoch further back than what we heard, of a server that says it was up when we heard that:
 * a late notice, as a rule. It would make all ask again, and the next one too. But it can also
 * be a server that went back to an old picture of itself, so it is not ignored: we ask. */
static gboolean
contradicts(const AditPool *pool, const AditPoolMessage *message, guint32 epoch)
{
    return pool->heard && (gint64)epoch + 1 < pool->epoch &&
           epoch > message->now / 1000 - pool->epoch_at + 2;
}

/* An ANNOUNCE, or in NAT-PMP the external address, of which everything hangs that we hold. */
static void
receive_announce(AditPool *pool, const AditPoolMessage *message, const AditPcpReply *reply)
{
    gboolean asked = pool->announce_tries > 0 && !message->notice;
    AditAddr external = reply->body.external;

    if (!asked && (!message->notice || reply->result != ADIT_PCP_SUCCESS)) {
        pool->counts.unasked++;
        return;
    }
    if (message->notice) {
        pool->counts.notices++;
    } else {
        pool->counts.answers++;
        adit_pool_start_announce(pool, ADIT_NEVER);
    }
    if (message->notice && contradicts(pool, message, reply->epoch)) {
        if (pool->announce_tries == 0)
            adit_pool_start_announce(pool, message->now);
        return;
    }
    if (reply->version == ADIT_PCP_VERSION)
        adit_pool_speak(pool, ADIT_DIALECT_PCP, message->now); /* it has learned more */
    if (!check_epoch(pool, message, reply->epoch) || pool->dialect == ADIT_DIALECT_PCP ||
        reply->result != ADIT_PCP_SUCCESS)
        return;
    if (adit_addr_cmp(&external, &pool->external) != 0) {
        pool->external = external;
        for (guint i = 0; i < pool->mappings->len; i++) {
            AditMapping *mapping = adit_pool_get(pool, i);

            mapping->grant.external.addr = external;
            if (adit_mapping_is_held(mapping))
                adit_pool_tell(pool, mapping, ADIT_MAPPING_NEWS_CHANGED);
        }
    }
}

/* C9. Such an answer names nothing but its opcode. */
static gboolean
awaits(const AditPool *pool, guint8 opcode)
{
    if (opcode == ADIT_PCP_ANNOUNCE)
        return pool->announce_tries > 0;
    for (guint i = 0; i < pool->mappings->len; i++) {
        if (adit_mapping_expects(adit_pool_get(pool, i)))
            return TRUE;
    }
    return FALSE;
}

static void
refuse_all(AditPool *pool, const AditPoolMessage *message, const AditPcpReply *reply)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_REPLY, .now = message->now };

    event.dice = message->dice;
    event.reply = reply;
    for (guint i = 0; i < pool->mappings->len; i++)
        adit_pool_step(pool, adit_pool_get(pool, i), &event);
}

static void
receive_version(AditPool *pool, const AditPoolMessage *message, const AditPcpReply *reply)
{
    gboolean tried =
        pool->natpmp_failed_at != ADIT_NEVER && message->now - pool->natpmp_failed_at < LONG_MS;

    if (message->notice || !awaits(pool, reply->opcode)) {
        pool->counts.unasked++;
        return;
    }
    pool->counts.answers++;
    pool->alive_at = message->now;
    if (pool->dialect == ADIT_DIALECT_NATPMP) {
        pool->natpmp_failed_at = message->now;
        adit_pool_speak(pool, ADIT_DIALECT_PCP, message->now);
    } else if (reply->version == 0 && pool->server.family == AF_INET && !tried) {
        adit_pool_speak(pool, ADIT_DIALECT_NATPMP, message->now);
    } else {
        adit_pool_start_announce(pool, ADIT_NEVER);
        refuse_all(pool, message, reply);
    }
}

static gboolean
is_version_only(const AditPool *pool, const AditPcpReply *reply)
{
    if (pool->dialect == ADIT_DIALECT_PCP)
        return reply->version != ADIT_PCP_VERSION;
    return reply->result == ADIT_PCP_UNSUPP_VERSION;
}

/* The operator may have allowed what was refused. */
static void
stir_all(AditPool *pool, const AditPoolMessage *message)
{
    AditMappingEvent event = { .type = ADIT_MAPPING_STIR,
                               .now = message->now,
                               .dice = message->dice };

    for (guint i = 0; i < pool->mappings->len; i++)
        adit_pool_step(pool, adit_pool_get(pool, i), &event);
}

/* It says nothing, but that there is something to ask for: whoever asks hears it. */
static gboolean
is_stir(const AditPoolMessage *message)
{
    return message->len >= ADIT_PCP_HEADER && message->bytes[0] == ADIT_PCP_VERSION &&
           message->bytes[1] == (0x80 | ADIT_PCP_ASK);
}

void
adit_pool_receive(AditPool *pool, const AditPoolMessage *message)
{
    AditPcpReply reply;

    if (message->from.port != ADIT_PCP_SERVER_PORT ||
        adit_addr_cmp(&message->from.addr, &pool->server) != 0) {
        pool->counts.strangers++;
        return;
    }
    if (message->notice && is_stir(message)) {
        pool->counts.stirs++;
        stir_all(pool, message);
        return;
    }
    if (!adit_dialect_get(pool->dialect, message->bytes, message->len, &reply, NULL)) {
        pool->counts.malformed++;
        return;
    }
    if (is_version_only(pool, &reply))
        receive_version(pool, message, &reply);
    else if (reply.opcode == ADIT_PCP_ANNOUNCE)
        receive_announce(pool, message, &reply);
    else if (reply.opcode == ADIT_PCP_MAP)
        receive_mapping(pool, message, &reply);
    else
        pool->counts.unasked++;
}
