/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/pcp-time.h"

#include "libadit/core/pcp-result.h"

#define FIRST_RETRY_MS 3000
#define MAX_RETRY_MS (1024 * 1000)
#define RENEWAL_SPACING_MS 4000
#define NOTICE_PAUSE_MS 5000
#define DOUBLING_MS 250
#define NATPMP_TRIES 9

/* Uniform in 0 .. @span - 1; the bias of at most span / 2^32 matters to nobody. */
static guint64
scale(guint64 span, guint32 dice)
{
    return (span * dice) >> 32;
}

/* (1 + RAND) * @ms, RAND uniform between -0.1 and +0.1. */
static guint32
spread(guint32 ms, guint32 dice)
{
    return ms - ms / 10 + scale(ms / 5 + 1, dice);
}

gboolean
adit_pcp_epoch_valid(guint32 prev_server, gint64 prev_client, guint32 server, gint64 client)
{
    gint64 server_delta = (gint64)server - prev_server;
    gint64 client_delta = client - prev_client;

    /* One second back is two answers that overtook each other. */
    if (server_delta < -1)
        return FALSE;
    /* Two seconds for rounding, a sixteenth for clocks that run differently. */
    if (client_delta + 2 < server_delta - server_delta / 16)
        return FALSE;
    return server_delta + 2 >= client_delta - client_delta / 16;
}

guint32
adit_pcp_retry_first_ms(guint32 dice)
{
    return spread(FIRST_RETRY_MS, dice);
}

guint32
adit_pcp_retry_next_ms(guint32 previous, guint32 dice)
{
    return spread(MIN(previous, MAX_RETRY_MS / 2) * 2, dice);
}

/* The first between 1/2 and 5/8 of the lifetime, the second between 3/4 and 3/4 + 1/16, and so
 * on: each time half of what is left, within a window a quarter as wide as that half. */
gboolean
adit_pcp_renewal_ms(guint32 lifetime, guint attempt, guint32 previous, guint32 dice,
                    guint32 *ret)
{
    guint64 whole = adit_pcp_lifetime_cap(lifetime) * G_GUINT64_CONSTANT(1000);
    guint64 half = whole >> (MIN(attempt, 31) + 1);
    guint64 at = whole - half + scale(half / 4, dice);

    at = MAX(at, (guint64)previous + RENEWAL_SPACING_MS);
    if (at >= whole)
        return FALSE;

    *ret = at;
    return TRUE;
}

guint32
adit_pcp_notice_pause_ms(guint32 dice)
{
    return scale(NOTICE_PAUSE_MS + 1, dice);
}

guint32
adit_pcp_announce_gap_ms(guint sent)
{
    if (sent == 0 || sent >= ADIT_PCP_ANNOUNCE_COUNT)
        return 0;
    return DOUBLING_MS << (sent - 1);
}

guint32
adit_natpmp_retry_ms(guint sent)
{
    if (sent == 0 || sent > NATPMP_TRIES)
        return 0;
    return DOUBLING_MS << (sent - 1);
}
