/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/traffic.h"

typedef struct {
    AditSockAddr external;
    guint8 proto;
    AditTraffic traffic;
} Entry;

struct _AditTrafficTable {
    GHashTable *entries; /* Entry, by its external end and transport */
};

static guint
entry_hash(gconstpointer data)
{
    const Entry *entry = data;
    guint h = entry->external.port * 31u + entry->proto;

    for (guint i = 0; i < sizeof(entry->external.addr.bytes); i++)
        h = h * 33 + entry->external.addr.bytes[i];
    return h;
}

static gboolean
entry_equal(gconstpointer a, gconstpointer b)
{
    const Entry *x = a, *y = b;

    return x->proto == y->proto && adit_sockaddr_cmp(&x->external, &y->external) == 0;
}

static void
on_element(const AditElement *element, gpointer data)
{
    AditTrafficTable *table = data;
    AditTraffic traffic = { 0 };
    Entry key = { 0 };
    Entry *entry;

    if (!adit_dataplane_traffic_from_element(element, &key.proto, &key.external, &traffic))
        return;
    entry = g_hash_table_lookup(table->entries, &key);
    if (!entry) {
        entry = g_memdup2(&key, sizeof(key));
        g_hash_table_add(table->entries, entry);
    }
    /* One set counts one direction: what it says anew replaces what it said before. */
    entry->traffic.packets_in = MAX(entry->traffic.packets_in, traffic.packets_in);
    entry->traffic.bytes_in = MAX(entry->traffic.bytes_in, traffic.bytes_in);
    entry->traffic.packets_out = MAX(entry->traffic.packets_out, traffic.packets_out);
    entry->traffic.bytes_out = MAX(entry->traffic.bytes_out, traffic.bytes_out);
}

AditTrafficTable *
adit_traffic_table_read(AditNftDev *dev, GError **error)
{
    g_autoptr(AditTrafficTable) table = g_new0(AditTrafficTable, 1);

    table->entries = g_hash_table_new_full(entry_hash, entry_equal, g_free, NULL);
    for (guint i = 0; adit_dataplane_counters[i]; i++)
        if (!adit_nftdev_foreach(dev, adit_dataplane_counters[i], on_element, table, error))
            return NULL;
    return g_steal_pointer(&table);
}

AditTraffic
adit_traffic_table_get(const AditTrafficTable *table, guint8 proto,
                       const AditSockAddr *external)
{
    const AditTraffic none = { 0 };
    const Entry key = { .external = *external, .proto = proto };
    const Entry *entry = table ? g_hash_table_lookup(table->entries, &key) : NULL;

    return entry ? entry->traffic : none;
}

void
adit_traffic_table_free(AditTrafficTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->entries);
    g_free(table);
}
