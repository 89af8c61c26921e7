/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-rate.h"

typedef struct {
    gint64 device;
    gint64 since_ms;
    guint64 milli; /* thousandths of a request */
} Bucket;

struct _AditPcpRate {
    GHashTable *buckets; /* gint64 -> Bucket, which holds it */
};

AditPcpRate *
adit_pcp_rate_new(void)
{
    AditPcpRate *rate = g_new0(AditPcpRate, 1);

    rate->buckets = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    return rate;
}

static Bucket *
find(AditPcpRate *rate, gint64 device, gint64 now_ms, guint burst)
{
    Bucket *bucket = g_hash_table_lookup(rate->buckets, &device);

    if (bucket)
        return bucket;
    bucket = g_new0(Bucket, 1);
    bucket->device = device;
    bucket->since_ms = now_ms;
    bucket->milli = burst * G_GUINT64_CONSTANT(1000);
    g_hash_table_insert(rate->buckets, &bucket->device, bucket);
    return bucket;
}

gboolean
adit_pcp_rate_take(AditPcpRate *rate, gint64 device, gint64 now_ms, guint per_second,
                   guint burst)
{
    Bucket *bucket = find(rate, device, now_ms, burst);
    const guint64 full = burst * G_GUINT64_CONSTANT(1000);
    const guint64 passed = (guint64)MAX(now_ms - bucket->since_ms, 0);

    bucket->milli = MIN(full, bucket->milli + passed * per_second);
    bucket->since_ms = now_ms;
    if (bucket->milli < 1000)
        return FALSE;
    bucket->milli -= 1000;
    return TRUE;
}

void
adit_pcp_rate_forget(AditPcpRate *rate)
{
    g_hash_table_remove_all(rate->buckets);
}

void
adit_pcp_rate_free(AditPcpRate *rate)
{
    if (!rate)
        return;
    g_hash_table_unref(rate->buckets);
    g_free(rate);
}
