/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "pcp-client/publication.h"

#include <string.h>

/* The whole of a file, or of several: changes of it. */

AditWanted *
adit_wanted_new(void)
{
    AditWanted *wanted = g_new0(AditWanted, 1);

    wanted->publications =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    wanted->shares = g_ptr_array_new_with_free_func((GDestroyNotify)adit_share_free);
    return wanted;
}

void
adit_wanted_free(AditWanted *wanted)
{
    if (!wanted)
        return;
    g_ptr_array_unref(wanted->publications);
    g_ptr_array_unref(wanted->shares);
    g_free(wanted);
}

static gboolean
is_same(const AditPublication *a, const AditPublication *b)
{
    return a->ports.first == b->ports.first && a->ports.last == b->ports.last &&
           a->ports.proto == b->ports.proto && g_strcmp0(a->gateway, b->gateway) == 0 &&
           g_strcmp0(a->source, b->source) == 0;
}

gboolean
adit_wanted_put(AditWanted *wanted, AditPublication *publication, GError **error)
{
    g_autoptr(AditPublication) new = publication;
    guint same = wanted->publications->len;

    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *old = g_ptr_array_index(wanted->publications, i);
        g_autofree char *name = adit_publication_name(new);
        g_autofree char *holder = adit_publication_name(old);

        if (is_same(old, new))
            same = i;
        else if (adit_publication_clashes(old, new)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: published already%s%s as %s",
                        name, old->source ? " by " : "", old->source ? old->source : "",
                        holder);
            return FALSE;
        }
    }
    if (same < wanted->publications->len)
        g_ptr_array_remove_index(wanted->publications, same);
    g_ptr_array_insert(wanted->publications, (gint)same, g_steal_pointer(&new));
    return TRUE;
}

gboolean
adit_wanted_drop(AditWanted *wanted, const AditPorts *ports, GError **error)
{
    g_autofree char *name = adit_ports_to_string(ports);
    gboolean found = FALSE;

    for (guint i = wanted->publications->len; i-- > 0;) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);

        if (p->ports.first != ports->first || p->ports.last != ports->last ||
            !(p->ports.proto & ports->proto))
            continue;
        found = TRUE;
        g_ptr_array_remove_index(wanted->publications, i);
    }
    if (!found)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: not published", name);
    return found;
}

gboolean
adit_wanted_put_share(AditWanted *wanted, AditShare *share, GError **error)
{
    g_autoptr(AditShare) new = share;

    for (guint i = 0; i < wanted->shares->len; i++) {
        AditShare *old = g_ptr_array_index(wanted->shares, i);
        g_autofree char *name = adit_prefix_to_string(&new->network);
        g_autofree char *holder = adit_prefix_to_string(&old->network);

        if (adit_prefix_cmp(&old->network, &new->network) == 0) {
            old->keep_source = new->keep_source;
            return TRUE;
        }
        if (adit_prefix_overlaps(&old->network, &new->network)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: overlaps %s, shared already",
                        name, holder);
            return FALSE;
        }
    }
    g_ptr_array_add(wanted->shares, g_steal_pointer(&new));
    return TRUE;
}

gboolean
adit_wanted_drop_share(AditWanted *wanted, const AditPrefix *network, GError **error)
{
    g_autofree char *name = adit_prefix_to_string(network);

    for (guint i = 0; i < wanted->shares->len; i++) {
        const AditShare *share = g_ptr_array_index(wanted->shares, i);

        if (adit_prefix_cmp(&share->network, network) != 0)
            continue;
        g_ptr_array_remove_index(wanted->shares, i);
        return TRUE;
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: not shared", name);
    return FALSE;
}
