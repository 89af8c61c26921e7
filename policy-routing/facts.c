/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/facts.h"

/* A host address alone makes no network that others could be on. */
static gboolean
is_network(const AditPrefix *prefix)
{
    return prefix->len < adit_family_bits(prefix->addr.family);
}

gboolean
adit_facts_read(const char *const *ours, AditFacts *ret, GError **error)
{
    g_autoptr(GArray) on_link = adit_addresses_read(error);

    if (!on_link)
        return FALSE;
    for (guint i = on_link->len; i-- > 0;) {
        const AditAddress *own = &g_array_index(on_link, AditAddress, i);

        if (!is_network(&own->prefix) || (ours && g_strv_contains(ours, own->link)))
            g_array_remove_index(on_link, i);
    }
    ret->n_on_link = on_link->len;
    ret->on_link = (AditAddress *)g_array_free(g_steal_pointer(&on_link), FALSE);
    return TRUE;
}

void
adit_facts_clear(AditFacts *facts)
{
    g_clear_pointer(&facts->on_link, g_free);
    facts->n_on_link = 0;
}
