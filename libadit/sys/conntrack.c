/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/conntrack.h"

#include "libadit/core/error.h"

/* Changes sent at once: their answers fit the smallest receive buffer there is. */
#define BATCH 64

typedef struct {
    const AditFlowFilter *filter;
    AditFlowFunc func;
    gpointer data;
    GArray *flows;
} Listing;

static gboolean
on_flow(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Listing *listing = data;
    AditFlow flow;

    if (!adit_flow_get(nlh, &flow)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL,
                    "conntrack: an entry of the kernel makes no sense");
        return FALSE;
    }
    if (adit_flow_matches(&flow, listing->filter) &&
        (listing->func == NULL || listing->func(&flow, listing->data)))
        g_array_append_val(listing->flows, flow);
    return TRUE;
}

static void
forget(gpointer data)
{
    g_array_set_size(((Listing *)data)->flows, 0);
}

GArray *
adit_conntrack_list(AditNl *nl, const AditFlowFilter *filter, AditFlowFunc func, gpointer data,
                    GError **error)
{
    g_autoptr(AditMsg) request = adit_msg_new();
    g_autoptr(GArray) flows = g_array_new(FALSE, FALSE, sizeof(AditFlow));
    Listing listing = { filter, func, data, flows };

    adit_flow_put_dump(request, filter);
    if (!adit_nl_dump(nl, request, on_flow, forget, &listing, error))
        return NULL;
    return g_steal_pointer(&flows);
}

static gboolean
change_some(AditNl *nl, const AditFlow *flows, guint n, AditFlowPut put, gpointer data,
            GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) local = NULL;

    for (guint i = 0; i < n; i++) {
        g_autofree char *words = adit_flow_to_string(&flows[i]);

        g_debug("- conntrack %s", words);
        put(m, &flows[i], data);
    }
    if (adit_nl_call(nl, m, NULL, NULL, NULL, &local))
        return TRUE;
    if (g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        return TRUE; /* ended meanwhile; the kernel has carried out the rest of the write */
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "conntrack: ");
    return FALSE;
}

gboolean
adit_conntrack_change(AditNl *nl, const AditFlowFilter *filter, AditFlowFunc func,
                      AditFlowPut put, gpointer data, guint *ret_n, GError **error)
{
    g_autoptr(GArray) flows = adit_conntrack_list(nl, filter, func, data, error);
    gboolean ok = TRUE;

    if (flows == NULL)
        return FALSE;
    if (ret_n != NULL)
        *ret_n = flows->len;
    for (guint i = 0; i < flows->len; i += BATCH)
        ok &= change_some(nl, &g_array_index(flows, AditFlow, i), MIN(BATCH, flows->len - i),
                          put, data, ok ? error : NULL);
    return ok;
}
